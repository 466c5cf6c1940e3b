package store_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/store/storetest"
)

func TestLocalContract(t *testing.T) {
	t.Run("OS", func(t *testing.T) {
		storetest.TestStore(t, func(t *testing.T) store.Store {
			return &store.Local{Root: filepath.Join(t.TempDir(), "made", "when", "needed")}
		})
	})
	t.Run("CrashFS", func(t *testing.T) {
		storetest.TestStore(t, func(t *testing.T) store.Store {
			return &store.Local{Root: "/lake", FS: storetest.NewCrashFS()}
		})
	})
}

// Every operation of a put fails once. The put must say so or have made the whole object, leave no temporary file
// behind, and the next put must go through as if nothing had been.
func TestLocalFaultAtEveryOperation(t *testing.T) {
	const name, data = "dt=2026-11-22/x.parquet", "rows"
	ctx := context.Background()
	clean := storetest.NewFaultFS(storetest.NewCrashFS())
	must(t, store.PutBytes(ctx, &store.Local{Root: "/lake", FS: clean}, name, []byte(data)))
	for _, op := range storetest.Ops {
		for n := 1; n <= clean.Count(op); n++ {
			t.Run(fmt.Sprint(op, " ", n), func(t *testing.T) {
				fsys := storetest.NewFaultFS(storetest.NewCrashFS())
				local := &store.Local{Root: "/lake", FS: fsys}
				fsys.Fail(op, n, syscall.EIO)
				err := store.PutBytes(ctx, local, name, []byte(data))
				if err != nil && !errors.Is(err, syscall.EIO) {
					t.Errorf("error hides its cause: %v", err)
				}
				names, _ := local.List(ctx, "")
				if err == nil && op != storetest.OpRemove {
					t.Error("put reports success over a failed operation")
				}
				if op != storetest.OpRemove {
					wantNoTemp(t, fsys, "/lake/dt=2026-11-22")
				}
				if again := store.PutBytes(ctx, local, name, []byte(data)); len(names) == 0 && again != nil {
					t.Errorf("put after the fault: %v", again)
				}
				if got, err := local.Get(ctx, name); string(got) != data {
					t.Errorf("object is %q, %v", got, err)
				}
			})
		}
	}
}

func wantNoTemp(t *testing.T, fsys store.ReadFS, dir string) {
	t.Helper()
	entries, _ := fsys.ReadDir(dir)
	for _, entry := range entries {
		if strings.HasPrefix(entry.Name(), ".tmp-") {
			t.Errorf("left behind: %s", entry.Name())
		}
	}
}

func TestLocalErrorsNameTheCause(t *testing.T) {
	for _, test := range []struct {
		op    storetest.Op
		errno syscall.Errno
		want  string
	}{
		{storetest.OpWrite, syscall.ENOSPC, "create lake/x: disk full ("},
		{storetest.OpWrite, syscall.EDQUOT, "create lake/x: disk quota used up ("},
		{storetest.OpSync, syscall.EIO, "create lake/x: disk error ("},
		{storetest.OpCreate, syscall.EROFS, "create lake/x: read-only file system ("},
		{storetest.OpMkdir, syscall.EACCES, "create lake/x: permission denied ("},
		{storetest.OpLink, syscall.EXDEV, "create lake/x: link /data/lake/x: "},
	} {
		fsys := storetest.NewFaultFS(storetest.NewCrashFS())
		fsys.Fail(test.op, 1, test.errno)
		err := store.PutBytes(context.Background(), &store.Local{Root: "/data", FS: fsys}, "lake/x", []byte("x"))
		if !errors.Is(err, test.errno) || !strings.HasPrefix(err.Error(), test.want) {
			t.Errorf("%s of %v: %q, want %q", test.op, test.errno, err, test.want)
		}
		var located *store.OpError
		if !errors.As(err, &located) || located.Name != "lake/x" {
			t.Errorf("%s of %v: no OpError of lake/x in %#v", test.op, test.errno, err)
		}
	}
}

func TestLocalPutOverDirectory(t *testing.T) {
	ctx, local := context.Background(), &store.Local{Root: t.TempDir()}
	must(t, store.PutBytes(ctx, local, "a/b", nil))
	if err := store.PutBytes(ctx, local, "a", nil); !errors.Is(err, store.ErrExists) {
		t.Errorf("put over a directory: %v", err)
	}
	if err := store.PutBytes(ctx, local, "a/b/c", nil); err == nil {
		t.Error("put below a file went through")
	}
	if err := local.Delete(ctx, "a"); err == nil {
		t.Error("delete took a directory away")
	}
}

// A partition directory that somebody removes while the job runs is made again.
func TestLocalDirectoryRemoved(t *testing.T) {
	ctx, root := context.Background(), t.TempDir()
	local := &store.Local{Root: root}
	must(t, store.PutBytes(ctx, local, "a/b/x", nil))
	must(t, os.RemoveAll(filepath.Join(root, "a")))
	must(t, store.PutBytes(ctx, local, "a/b/y", nil))
}

func TestLocalTempNames(t *testing.T) {
	ctx, root := context.Background(), t.TempDir()
	local := &store.Local{Root: root}
	long := strings.Repeat("n", 247) + ".parquet"
	err := local.PutIfAbsent(ctx, long, func(io.Writer) error {
		entries, err := os.ReadDir(root)
		must(t, err)
		name := entries[0].Name()
		if !strings.HasPrefix(name, ".tmp-") || strings.HasSuffix(name, ".parquet") {
			t.Errorf("temporary name is %q", name)
		}
		return nil
	})
	must(t, err)
	if err := store.PutBytes(ctx, local, "a/.tmp-1-1-x.part", nil); err == nil {
		t.Error("an object may have a temporary name")
	}
}

// A write function that panics takes its temporary file with it.
func TestLocalPanic(t *testing.T) {
	root := t.TempDir()
	func() {
		defer func() { _ = recover() }()
		_ = (&store.Local{Root: root}).PutIfAbsent(context.Background(), "x", func(io.Writer) error { panic("broken") })
	}()
	wantNoTemp(t, store.OS{}, root)
}

// TestSweep: what killed processes leave goes, below the prefixes that are asked for, and nothing else; not if somebody has taken over.
func TestSweep(t *testing.T) {
	ctx, root := t.Context(), t.TempDir()
	local := &store.Local{Root: root}
	for _, name := range []string{
		"state/.tmp-1-2-x.part", "state/a/.tmp-18446744073709551615-2-.tmp-1-1-x.part.part", "other/.tmp-1-2-x.part", "state/x.part", "state/.tmp-1-x.part",
		"state/.tmp-1-2-.part", "state/.tmp-mine-2-x.part", "state/.tmp-1-2-x", "state/.tmp-1-2-dir.part/x",
	} {
		must(t, os.MkdirAll(filepath.Join(root, filepath.Dir(name)), 0o755))
		must(t, os.WriteFile(filepath.Join(root, name), nil, 0o644))
	}
	gone := []string{"state/.tmp-1-2-x.part", "state/a/.tmp-18446744073709551615-2-.tmp-1-1-x.part.part"}
	before := filesBelow(t, root)
	superseded := errors.New("superseded")
	if err := store.Sweep(ctx, local, func() error { return superseded }, "state/"); err != superseded || len(filesBelow(t, root)) != len(before) {
		t.Errorf("behind a take-over: %v, %d of %d files left", err, len(filesBelow(t, root)), len(before))
	}
	must(t, store.Sweep(ctx, local, func() error { return nil }, "none/", "state/"))
	want := slices.DeleteFunc(before, func(name string) bool { return slices.Contains(gone, name) })
	if got := filesBelow(t, root); !slices.Equal(got, want) {
		t.Errorf("left: %q, want %q", got, want)
	}
	must(t, store.Sweep(ctx, local, func() error { return superseded }, "state/")) // nothing to do, so nobody is asked
}

func filesBelow(t *testing.T, root string) (names []string) {
	t.Helper()
	must(t, filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			rel, _ := filepath.Rel(root, name)
			names = append(names, filepath.ToSlash(rel))
		}
		return err
	}))
	return names
}

func TestPrivateModes(t *testing.T) {
	root := filepath.Join(t.TempDir(), "checkpoint")
	local := &store.Local{Root: root, FS: store.OS{Private: true}}
	must(t, store.PutBytes(context.Background(), local, "blobs/x", nil))
	for name, want := range map[string]fs.FileMode{"": 0o700, "blobs": 0o700, "blobs/x": 0o600} {
		info, err := os.Stat(filepath.Join(root, name))
		must(t, err)
		if got := info.Mode().Perm(); got != want {
			t.Errorf("%q has mode %v, want %v", name, got, want)
		}
	}
}

// The process is killed or the power goes at a random operation, several times over. Afterwards every object that a put
// reported made, or reported as there, is there whole; and what is there at all is whole.
func TestLocalSurvivesPowerLoss(t *testing.T) {
	schedules := uint64(2_000)
	if testing.Short() {
		schedules = 200
	}
	for seed := range schedules {
		rng := rand.New(rand.NewPCG(seed, 1))
		disk := storetest.NewCrashFS()
		sure := map[string]bool{}
		for range 4 {
			disk.StopAfter(1 + rng.IntN(40))
			putUntilPowerLoss(disk, rng, sure)
			if rng.IntN(2) == 0 {
				disk.Restart()
			} else {
				disk = disk.Crash(rng.Uint64())
			}
			checkObjects(t, seed, disk, sure)
		}
	}
}

// objectData depends on the name alone, as an idempotent sink's does; it spans several sectors.
func objectData(name string) string { return strings.Repeat(name+";", 300) }

func putUntilPowerLoss(disk *storetest.CrashFS, rng *rand.Rand, sure map[string]bool) {
	local := &store.Local{Root: "/data/lake", FS: disk}
	for {
		name := fmt.Sprintf("p%d/q%d/x%d", rng.IntN(2), rng.IntN(2), rng.IntN(3))
		err := store.PutBytes(context.Background(), local, name, []byte(objectData(name)))
		switch {
		case errors.Is(err, storetest.ErrPower):
			return
		case err == nil, errors.Is(err, store.ErrExists):
			sure[name] = true
		}
	}
}

func checkObjects(t *testing.T, seed uint64, disk *storetest.CrashFS, sure map[string]bool) {
	t.Helper()
	ctx, local := context.Background(), &store.Local{Root: "/data/lake", FS: disk}
	names, err := local.List(ctx, "")
	if err != nil {
		t.Fatalf("seed %d: %v", seed, err)
	}
	present := map[string]bool{}
	for _, name := range names {
		present[name] = true
		if data, err := local.Get(ctx, name); string(data) != objectData(name) {
			t.Fatalf("seed %d: %s is there but not whole: %d bytes, %v", seed, name, len(data), err)
		}
	}
	for name := range sure {
		if !present[name] {
			t.Fatalf("seed %d: %s was reported durable and is gone", seed, name)
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
