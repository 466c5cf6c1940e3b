package output

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/millrace/millrace/internal/failpoint"
	"github.com/millrace/millrace/internal/store"
)

// Constants of what is set aside (docs/formats/output.md §6). They must not change. The ending is as long as that of the files, so
// that a name that fits with the one fits with the other; and a pattern that looks for files in hidden directories too does not find it.
const (
	discardedPrefix = "_millrace/discarded/"
	fileEnding      = ".parquet"
	discardedEnding = ".discard"
)

// Discarder is a [Sink] that can give up what batches have left in it that were never committed.
type Discarder interface {
	Sink
	// Left lists the files that readers see of the batches from first to last, sorted. It changes nothing.
	Left(ctx context.Context, first, last int64) ([]string, error)
	// SetAside copies files to where no reader looks, durably. Doing it again, also after a crash in the middle and from another
	// process, ends in the same state.
	SetAside(ctx context.Context, names []string) ([]Discarded, error)
	// Remove removes files that were set aside, durably, also those that somebody has removed who may have died over it. It is called
	// when the driver's log says that their batch will never be published: whoever does it late, does no harm.
	Remove(ctx context.Context, files []Discarded) error
}

// Discarded is a file of a batch that was given up.
type Discarded struct {
	Path   string `json:"path"`   // where readers saw it, relative to the sink's root
	To     string `json:"to"`     // where it was moved to, relative to it as well
	Bytes  int64  `json:"bytes"`  // size of the file
	SHA256 string `json:"sha256"` // of its bytes, 64 hexadecimal digits
}

// Left implements [Discarder].
func (p *Parquet) Left(ctx context.Context, first, last int64) ([]string, error) {
	names, err := p.store.List(ctx, "")
	if err != nil {
		return nil, fmt.Errorf("sink %s: list files of batch %d: %w", p.sink, first, err)
	}
	return slices.DeleteFunc(names, func(name string) bool {
		batch, of := batchOf(name, p.owner.Job)
		return !of || batch < first || batch > last || strings.HasPrefix(name, hiddenPrefix)
	}), nil
}

// SetAside implements [Discarder].
func (p *Parquet) SetAside(ctx context.Context, names []string) ([]Discarded, error) {
	var out []Discarded
	for _, name := range names {
		err := failpoint.Hit(failpoint.ParquetAside)
		var data []byte
		if err == nil {
			data, err = p.store.Get(ctx, name)
		}
		if err != nil {
			return nil, p.failed("read", name, err)
		}
		to, err := p.setAside(ctx, name, data)
		if err != nil {
			return nil, err
		}
		out = append(out, Discarded{Path: name, To: to, Bytes: int64(len(data)), SHA256: digestOf(data)})
	}
	return out, nil
}

// setAside copies a file, and returns the name of the copy. An attempt that was broken off, behind which the batch ran again to other
// rows, has left a copy of another content: it stays.
func (p *Parquet) setAside(ctx context.Context, name string, data []byte) (string, error) {
	batch, _ := batchOf(name, p.owner.Job)
	for n := 1; ; n++ {
		to := discardedName(batch, n, name)
		err := store.PutBytes(ctx, p.store, to, data)
		if err != nil && !errors.Is(err, store.ErrExists) {
			return "", p.failed("create", to, err)
		}
		have, readErr := p.store.Get(ctx, to)
		switch {
		case readErr != nil:
			return "", p.failed("read", to, readErr)
		case bytes.Equal(have, data):
			return to, nil
		case err == nil:
			return "", fmt.Errorf("sink %s: %s is not the copy of %s that it was written as: nothing was removed", p.sink, p.at(to), p.at(name))
		}
	}
}

func discardedName(batch int64, n int, name string) string {
	dir := fmt.Sprintf("%s%012d", discardedPrefix, batch)
	if n > 1 {
		dir = fmt.Sprintf("%s-%d", dir, n)
	}
	return dir + "/" + strings.TrimSuffix(name, fileEnding) + discardedEnding
}

// Remove implements [Discarder].
func (p *Parquet) Remove(ctx context.Context, files []Discarded) error {
	for _, f := range files {
		err := failpoint.Hit(failpoint.ParquetRemove)
		if err == nil {
			err = p.store.Delete(ctx, f.Path)
		}
		if err != nil {
			return p.failed("delete", f.Path, err)
		}
	}
	return nil
}
