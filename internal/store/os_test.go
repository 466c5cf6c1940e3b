package store_test

import (
	"errors"
	"io/fs"
	"path/filepath"
	"testing"

	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/store/storetest"
)

// The two file systems agree on what everything above relies on.
func TestFileSystemsAgree(t *testing.T) {
	for name, fsys := range map[string]store.FS{"OS": store.OS{}, "CrashFS": storetest.NewCrashFS()} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "d")
			must(t, store.MakeDirs(fsys, dir))
			must(t, store.MakeDirs(fsys, dir))
			wantIs(t, fsys.Mkdir(dir), fs.ErrExist)
			wantIs(t, fsys.Mkdir(filepath.Join(dir, "no", "x")), fs.ErrNotExist)
			testFile(t, fsys, filepath.Join(dir, "a"))
			testNamesOf(t, fsys, filepath.Join(dir, "a"), filepath.Join(dir, "b"))
			testLocks(t, fsys, filepath.Join(dir, "b"))
			if err := fsys.Remove(dir); err == nil {
				t.Error("Remove took a directory away")
			}
		})
	}
}

func testFile(t *testing.T, fsys store.FS, name string) {
	f, err := fsys.Create(name)
	must(t, err)
	must(t, f.Allocate(5000))
	_, err = f.WriteAt([]byte("xyz"), 4000)
	must(t, err)
	_, err = f.Write([]byte("abc"))
	must(t, err)
	must(t, f.Sync())
	must(t, f.Close())
	data, err := fsys.ReadFile(name)
	must(t, err)
	if len(data) != 5000 || string(data[:4]) != "abc\x00" || string(data[3999:4004]) != "\x00xyz\x00" {
		t.Errorf("file of %d bytes is not what was written", len(data))
	}
}

func testNamesOf(t *testing.T, fsys store.FS, a, b string) {
	_, err := fsys.Create(a)
	wantIs(t, err, fs.ErrExist)
	must(t, fsys.Link(a, b))
	wantIs(t, fsys.Link(a, b), fs.ErrExist)
	must(t, fsys.Remove(a))
	wantIs(t, fsys.Remove(a), fs.ErrNotExist)
	wantIs(t, fsys.Link(a, b+"x"), fs.ErrNotExist)
	entries, err := fsys.ReadDir(filepath.Dir(b))
	must(t, err)
	info, err := entries[0].Info()
	if len(entries) != 1 || entries[0].Name() != "b" || err != nil || info.Size() != 5000 {
		t.Errorf("entries are %v", entries)
	}
	must(t, fsys.Sync(filepath.Dir(b)))
}

func testLocks(t *testing.T, fsys store.FS, name string) {
	lock, err := fsys.Lock(name)
	must(t, err)
	_, err = fsys.Lock(name)
	wantIs(t, err, store.ErrLocked)
	wantLocked(t, fsys, name, true)
	must(t, lock.Close())
	wantLocked(t, fsys, name, false)
	_, err = fsys.Locked(name + "x")
	wantIs(t, err, fs.ErrNotExist)
}

func wantLocked(t *testing.T, fsys store.FS, name string, want bool) {
	t.Helper()
	if got, err := fsys.Locked(name); got != want || err != nil {
		t.Errorf("Locked = %v, %v; want %v", got, err, want)
	}
}

func wantIs(t *testing.T, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("error is %v, want %v", got, want)
	}
}
