package batch

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/wal"
)

// place is where a checkpoint lies: a local directory, or objects of a store.
type place struct {
	path   string // of the directory, or the address, for messages
	store  store.Store
	epochs wal.Epochs
	chains wal.Chains
}

// IsRemote reports whether a checkpoint's path is an address such as s3://bucket/prefix.
func IsRemote(path string) bool { return strings.Contains(path, "://") }

// openPlace returns the place that a path says; it need not be there.
func openPlace(ctx context.Context, env Env, path string) (place, error) {
	if !IsRemote(path) {
		return place{path: path, store: &store.Local{Root: path, FS: env.FS},
			epochs: wal.FileEpochs{FS: env.FS, Dir: filepath.Join(path, "epochs")},
			chains: wal.FileChains{FS: env.FS, Dir: filepath.Join(path, "wal")}}, nil
	}
	if env.Objects == nil {
		return place{}, fmt.Errorf("checkpoint %s: nothing opens such an address", path)
	}
	objects, err := env.Objects(ctx, path)
	if err != nil {
		return place{}, fmt.Errorf("checkpoint %s: %w", path, err)
	}
	wait := func(ctx context.Context, d time.Duration) error { return env.Clock.Wait(ctx, d) }
	return place{path: path, store: objects, epochs: wal.ObjectEpochs{Store: objects, Wait: wait}, chains: wal.ObjectChains{Store: objects}}, nil
}

// at is the place of something in the checkpoint, for messages.
func (p place) at(name string) string {
	if IsRemote(p.path) {
		return p.path + "/" + name
	}
	return filepath.Join(p.path, filepath.FromSlash(name))
}
