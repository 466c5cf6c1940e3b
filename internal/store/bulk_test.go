package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/store/storetest"
)

// What is written past the page cache is what was given, whatever its length, wherever it lies in memory, and whatever stands in front
// of it in the file.
func TestWriteDirect(t *testing.T) {
	const seed = 20261127
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	all := make([]byte, 3<<20)
	for i := range all {
		all[i] = byte(r.Uint32())
	}
	for c, lengths := range [][]int{{0}, {1}, {4095}, {4096}, {4097}, {1 << 20}, {1<<20 + 511, 4096}, {8192, 8192, 100}, {100, 8192}, {5, 1 << 20, 7}} {
		for _, shift := range []int{0, 1, 512} {
			name := filepath.Join(t.TempDir(), "f")
			f, err := store.OS{}.Create(name)
			must(t, err)
			direct, ok := f.(interface{ WriteDirect([]byte) (int, error) })
			if !ok {
				t.Skip("this system has no way past the page cache")
			}
			var want []byte
			for _, n := range lengths {
				piece := all[shift+len(want):][:n]
				got, err := direct.WriteDirect(piece)
				if got != n || err != nil {
					t.Fatalf("case %d: wrote %d of %d bytes: %v", c, got, n, err)
				}
				want = append(want, piece...)
			}
			must(t, f.Sync())
			must(t, f.Close())
			if data, err := os.ReadFile(name); !bytes.Equal(data, want) || err != nil {
				t.Errorf("case %d, shift %d: %d bytes in the file are not the %d that were written: %v", c, shift, len(data), len(want), err)
			}
		}
	}
}

func TestPutBulk(t *testing.T) {
	large := bytes.Repeat([]byte("state "), 1<<20)
	for name, fsys := range map[string]store.FS{"OS": store.OS{}, "CrashFS": storetest.NewCrashFS()} {
		t.Run(name, func(t *testing.T) {
			ctx, local := context.Background(), &store.Local{Root: t.TempDir(), FS: fsys}
			blobs := store.Blobs{Store: local, Under: "state/", Bulk: true}
			digest, err := blobs.Put(ctx, large)
			must(t, err)
			data, err := blobs.Get(ctx, digest)
			if !bytes.Equal(data, large) || err != nil {
				t.Errorf("Get: %d bytes, %v", len(data), err)
			}
			wantIs(t, local.PutBulk(ctx, "state/"+digest, nil), store.ErrExists)
			for n := range 20 { // whole blocks and others
				data, err := local.GetBulk(ctx, putBulk(t, local, large[:1<<20+n*1024+n%3]))
				if !bytes.Equal(data, large[:len(data)]) || len(data) != 1<<20+n*1024+n%3 || err != nil {
					t.Errorf("GetBulk: %d bytes, %v", len(data), err)
				}
			}
			_, err = local.GetBulk(ctx, "state/none")
			wantIs(t, err, store.ErrNotExist)
			cancelled, cancel := context.WithCancel(ctx)
			cancel()
			wantIs(t, local.PutBulk(cancelled, "state/other", large), context.Canceled)
			names, err := local.List(ctx, "")
			if len(names) != 21 || err != nil {
				t.Errorf("names are %q, %v: want 21", names, err)
			}
		})
	}
}

// putBulk keeps data under a name by its length.
func putBulk(t *testing.T, local *store.Local, data []byte) (name string) {
	name = fmt.Sprint("state/", len(data))
	must(t, local.PutBulk(context.Background(), name, data))
	return name
}

// An error in the middle is said by name, and leaves nothing.
func TestPutBulkDiskFull(t *testing.T) {
	fsys := storetest.NewFaultFS(storetest.NewCrashFS())
	fsys.Fail(storetest.OpWrite, 2, syscall.ENOSPC)
	local := &store.Local{Root: "/data", FS: fsys}
	err := local.PutBulk(context.Background(), "state/x", make([]byte, 9<<20))
	if !errors.Is(err, syscall.ENOSPC) || !strings.HasPrefix(err.Error(), "create state/x: disk full (") {
		t.Errorf("full disk at the second write: %v", err)
	}
	if names, err := local.List(context.Background(), ""); len(names) > 0 || err != nil {
		t.Errorf("names are %q, %v: want none", names, err)
	}
}
