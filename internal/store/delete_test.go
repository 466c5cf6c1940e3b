package store_test

import (
	"errors"
	"testing"

	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/store/storetest"
)

// TestDeleteAgain: whoever removed an object may have died before that was durable. Removed once more, it stays away when the power fails.
func TestDeleteAgain(t *testing.T) {
	const name = "dt=2026-11-22/x.parquet"
	for seed := range uint64(40) {
		disk := storetest.NewCrashFS()
		must(t, store.PutBytes(t.Context(), &store.Local{Root: "/lake", FS: disk}, name, []byte("rows")))
		disk.StopAfter(1)
		if err := (&store.Local{Root: "/lake", FS: disk}).Delete(t.Context(), name); !errors.Is(err, storetest.ErrPower) {
			t.Fatalf("deleted in one operation: %v", err)
		}
		disk.Restart()
		local := &store.Local{Root: "/lake", FS: disk}
		if _, err := local.Get(t.Context(), name); !errors.Is(err, store.ErrNotExist) {
			t.Fatalf("it is not removed: %v", err)
		}
		must(t, local.Delete(t.Context(), name))
		disk = disk.Crash(seed)
		if _, err := (&store.Local{Root: "/lake", FS: disk}).Get(t.Context(), name); !errors.Is(err, store.ErrNotExist) {
			t.Fatalf("seed %d: it has come back: %v", seed, err)
		}
	}
	must(t, (&store.Local{Root: "/nowhere", FS: storetest.NewCrashFS()}).Delete(t.Context(), name))
}
