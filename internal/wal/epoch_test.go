package wal

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/store/storetest"
)

var startOfDriver = time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)

func acquire(t *testing.T, fsys store.FS, dir string, takeOver bool) *FileLease {
	t.Helper()
	lease, err := Acquire(fsys, dir, AcquireOptions{TakeOver: takeOver, Now: startOfDriver, Host: "worker-7", PID: 4711})
	must(t, err)
	return lease
}

func wantEpoch(t *testing.T, lease *FileLease, want uint64) {
	t.Helper()
	if got := lease.Epoch(); got != want {
		t.Errorf("epoch is %d, want %d", got, want)
	}
}

// bothFS runs a test on the operating system's files and on those in memory.
func bothFS(t *testing.T, test func(t *testing.T, fsys store.FS, dir string)) {
	t.Run("OS", func(t *testing.T) { test(t, store.OS{Private: true}, filepath.Join(t.TempDir(), "c", "epochs")) })
	t.Run("CrashFS", func(t *testing.T) { test(t, storetest.NewCrashFS(), "/c/epochs") })
}

func TestAcquire(t *testing.T) {
	bothFS(t, func(t *testing.T, fsys store.FS, dir string) {
		first := acquire(t, fsys, dir, false)
		wantEpoch(t, first, 1)
		wantHeld(t, fsys, dir, 1)
		must(t, first.Release())
		must(t, first.Release())
		second := acquire(t, fsys, dir, false)
		wantEpoch(t, second, 2)
		third := acquire(t, fsys, dir, true)
		wantEpoch(t, third, 3)
		wantNewer(t, second, &Holder{Epoch: 3, Host: "worker-7", PID: 4711, Started: startOfDriver})
		wantNewer(t, third, nil)
		// The newest decides: it is free, though the second still holds its own.
		must(t, third.Release())
		wantEpoch(t, acquire(t, fsys, dir, false), 4)
	})
}

func wantHeld(t *testing.T, fsys store.FS, dir string, epoch uint64) {
	t.Helper()
	_, err := Acquire(fsys, dir, AcquireOptions{})
	var held *HeldError
	if !errors.As(err, &held) || held.Holder != (Holder{epoch, "worker-7", 4711, startOfDriver}) {
		t.Fatalf("epoch %d is not reported held: %v", epoch, err)
	}
	want := fmt.Sprintf("another run holds this checkpoint: process 4711 on worker-7, since 2026-11-22T10:00:00Z, epoch %d", epoch)
	if err.Error() != want {
		t.Errorf("error is %q, want %q", err, want)
	}
}

func wantNewer(t *testing.T, lease *FileLease, want *Holder) {
	t.Helper()
	got, err := lease.Newer()
	must(t, err)
	if (got == nil) != (want == nil) || got != nil && *got != *want {
		t.Errorf("newer than %d is %v, want %v", lease.Epoch(), got, want)
	}
}

// A lock file that cannot be read hides neither that it is held nor that it is newer.
func TestUnknownHolder(t *testing.T) {
	for name, content := range map[string]string{"empty": "", "not JSON": "{", "newer format": `{"format":2,"pid":"x"}`} {
		t.Run(name, func(t *testing.T) {
			fsys, dir := store.OS{}, t.TempDir()
			old := acquire(t, fsys, dir, false)
			acquire(t, fsys, dir, true)
			must(t, os.WriteFile(filepath.Join(dir, lockName(2)), []byte(content), 0o600))
			_, err := Acquire(fsys, dir, AcquireOptions{})
			if err == nil || !strings.Contains(err.Error(), "an unknown process, epoch 2") {
				t.Errorf("error is %v", err)
			}
			wantNewer(t, old, &Holder{Epoch: 2})
		})
	}
}

func TestForeignNamesAmongEpochs(t *testing.T) {
	fsys, dir := store.OS{}, t.TempDir()
	for _, name := range []string{"9.lock", "0000000009", "x000000009.lock", ".tmp-1-1-0000000009.lock.part", "0000000009.lock.bak"} {
		must(t, os.WriteFile(filepath.Join(dir, name), nil, 0o600))
	}
	wantEpoch(t, acquire(t, fsys, dir, false), 1)
}

// Of many that try at once exactly one gets the epoch; the others are told who.
func TestAcquireRace(t *testing.T) {
	bothFS(t, func(t *testing.T, fsys store.FS, dir string) {
		for round := uint64(1); round <= 20; round++ {
			leases, errs := race(fsys, dir, false)
			if len(leases) != 1 || leases[0].Epoch() != round {
				t.Fatalf("round %d: %d won", round, len(leases))
			}
			for _, err := range errs {
				var held *HeldError
				if !errors.As(err, &held) || held.Epoch != round {
					t.Errorf("round %d: loser got %v", round, err)
				}
			}
			must(t, leases[0].Release())
		}
	})
}

// Of many that take over at once each gets an epoch of its own, and all but the last see a newer one.
func TestTakeOverRace(t *testing.T) {
	bothFS(t, func(t *testing.T, fsys store.FS, dir string) {
		leases, errs := race(fsys, dir, true)
		if len(errs) > 0 {
			t.Fatal(errs)
		}
		seen := map[uint64]bool{}
		for _, lease := range leases {
			seen[lease.Epoch()] = true
			newer, err := lease.Newer()
			must(t, err)
			if (newer == nil) != (lease.Epoch() == uint64(len(leases))) {
				t.Errorf("epoch %d sees newer %v", lease.Epoch(), newer)
			}
		}
		if len(seen) != len(leases) {
			t.Errorf("%d leases have epochs %v", len(leases), seen)
		}
	})
}

func race(fsys store.FS, dir string, takeOver bool) (leases []*FileLease, errs []error) {
	var mu sync.Mutex
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() {
			lease, err := Acquire(fsys, dir, AcquireOptions{TakeOver: takeOver, Now: startOfDriver})
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				errs = append(errs, err)
			} else {
				leases = append(leases, lease)
			}
		})
	}
	wg.Wait()
	return leases, errs
}

// lockAtLink looks whether the file that is about to get an epoch's name is locked already.
type lockAtLink struct {
	store.FS
	t     *testing.T
	links int
}

func (l *lockAtLink) Link(oldName, newName string) error {
	l.links++
	if held, err := l.Locked(oldName); err != nil || !held {
		l.t.Errorf("%s gets its name before its lock: %v, %v", newName, held, err)
	}
	return l.FS.Link(oldName, newName)
}

func TestLockedBeforeItsName(t *testing.T) {
	bothFS(t, func(t *testing.T, fsys store.FS, dir string) {
		spy := &lockAtLink{FS: fsys, t: t}
		acquire(t, spy, dir, false)
		if spy.links != 1 {
			t.Errorf("%d links", spy.links)
		}
	})
}

// An operation that fails fails the acquisition, and leaves nothing locked that a next one would stop at.
func TestAcquireFaults(t *testing.T) {
	clean := storetest.NewFaultFS(storetest.NewCrashFS())
	acquire(t, clean, "/c/epochs", false)
	for _, op := range append(storetest.Ops, storetest.OpReadDir) {
		if op == storetest.OpRemove {
			continue // a temporary name left behind is no failure
		}
		for n := 1; n <= clean.Count(op); n++ {
			fsys := storetest.NewFaultFS(storetest.NewCrashFS())
			fsys.Fail(op, n, syscall.EIO)
			if _, err := Acquire(fsys, "/c/epochs", AcquireOptions{}); !errors.Is(err, syscall.EIO) {
				t.Errorf("%s %d: %v", op, n, err)
			}
			acquire(t, fsys, "/c/epochs", false)
		}
	}
}

// An epoch once given is never given again, whatever crashes.
func TestEpochsSurviveCrashes(t *testing.T) {
	for seed := range schedules() {
		rng := rand.New(rand.NewPCG(seed, 3))
		disk := storetest.NewCrashFS()
		var last uint64
		for range 6 {
			disk.StopAfter(1 + rng.IntN(20))
			lease, err := Acquire(disk, "/c/epochs", AcquireOptions{Now: startOfDriver})
			switch {
			case err == nil && lease.Epoch() <= last:
				t.Fatalf("seed %d: epoch %d given after %d", seed, lease.Epoch(), last)
			case err == nil:
				last = lease.Epoch()
			case !errors.Is(err, storetest.ErrPower):
				t.Fatalf("seed %d: %v", seed, err)
			}
			if rng.IntN(2) == 0 {
				disk.Restart()
			} else {
				disk = disk.Crash(rng.Uint64())
			}
		}
	}
}

// A driver in a process of its own: it says which epoch it has, then answers each line on its input with what Newer
// says.
func TestMain(m *testing.M) {
	if dir := os.Getenv("MILLRACE_TEST_EPOCHS"); dir != "" {
		os.Exit(driverProcess(dir))
	}
	os.Exit(m.Run())
}

func driverProcess(dir string) int {
	lease, err := Acquire(store.OS{}, dir, AcquireOptions{Now: startOfDriver, Host: "worker-7"})
	if err != nil {
		fmt.Println(err)
		return 5
	}
	fmt.Println("epoch", lease.Epoch())
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		newer, err := lease.Newer()
		if err != nil {
			fmt.Println(err)
			return 1
		}
		fmt.Println("newer", newer != nil)
	}
	return 0
}

// driver is the parent's end of a driver process.
type driver struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Scanner
}

func startDriver(t *testing.T, dir string) *driver {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "MILLRACE_TEST_EPOCHS="+dir)
	in, err := cmd.StdinPipe()
	must(t, err)
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	return &driver{cmd, in, bufio.NewScanner(out)}
}

func (d *driver) wantLine(t *testing.T, want string) {
	t.Helper()
	if !d.out.Scan() || d.out.Text() != want {
		t.Fatalf("driver says %q, %v; want %q", d.out.Text(), d.out.Err(), want)
	}
}

func TestTwoProcesses(t *testing.T) {
	dir := t.TempDir()
	child := startDriver(t, dir)
	child.wantLine(t, "epoch 1")
	holder := fmt.Sprintf("process %d on worker-7, since 2026-11-22T10:00:00Z, epoch 1", child.cmd.Process.Pid)
	if _, err := Acquire(store.OS{}, dir, AcquireOptions{}); err == nil || !strings.HasSuffix(err.Error(), holder) {
		t.Fatalf("beside a living driver: %v, want it to name %s", err, holder)
	}
	second := startDriver(t, dir)
	second.wantLine(t, "another run holds this checkpoint: "+holder)

	fmt.Fprintln(child.in)
	child.wantLine(t, "newer false")
	lease := acquire(t, store.OS{}, dir, true)
	wantEpoch(t, lease, 2)
	fmt.Fprintln(child.in)
	child.wantLine(t, "newer true")
}

func TestKilledProcessLeavesItsEpochFree(t *testing.T) {
	dir := t.TempDir()
	child := startDriver(t, dir)
	child.wantLine(t, "epoch 1")
	must(t, child.cmd.Process.Kill())
	_ = child.cmd.Wait()
	wantEpoch(t, acquire(t, store.OS{}, dir, false), 2)
}

// TestHeldBelow names the newest living holder of older epochs.
func TestHeldBelow(t *testing.T) {
	fsys := storetest.NewCrashFS()
	var leases []*FileLease
	for i := range 4 {
		l, err := Acquire(fsys, "/epochs", AcquireOptions{TakeOver: true, Host: "h", PID: i + 1})
		if err != nil {
			t.Fatal(err)
		}
		leases = append(leases, l)
	}
	want := func(below uint64, pid int) {
		t.Helper()
		holder, err := HeldBelow(fsys, "/epochs", below)
		if err != nil || (holder == nil) != (pid == 0) || holder != nil && holder.PID != pid {
			t.Errorf("below epoch %d lives %v, %v; want process %d", below, holder, err, pid)
		}
	}
	want(1, 0)
	want(2, 1)
	want(4, 3)
	for _, i := range []int{2, 0} {
		if err := leases[i].Release(); err != nil {
			t.Fatal(err)
		}
	}
	want(4, 2)
	if err := leases[1].Release(); err != nil {
		t.Fatal(err)
	}
	want(4, 0)
	want(9, 4)
	if _, err := HeldBelow(fsys, "/nowhere", 4); err == nil {
		t.Error("a directory that is not there has nobody")
	}
}

// TestPruneEpochs removes what says who held old epochs: who holds one of them finds the newer one all the same, and the next epoch
// is behind the newest.
func TestPruneEpochs(t *testing.T) {
	fsys, objects := storetest.NewCrashFS(), &storetest.Objects{}
	for name, epochs := range map[string]Epochs{
		"files": FileEpochs{FS: fsys, Dir: "/ck/epochs"}, "objects": ObjectEpochs{Store: objects, Wait: func(context.Context, time.Duration) error { return nil }},
	} {
		ctx, take := t.Context(), AcquireOptions{TakeOver: true, Host: "h", PID: 1}
		var leases []Lease
		for range 5 {
			l, err := epochs.Acquire(ctx, take)
			if err != nil {
				t.Fatal(err)
			}
			if b, ok := l.(Beater); ok {
				_ = b.Beat(ctx)
			}
			leases = append(leases, l)
		}
		for range 2 { // the second time there is nothing left to do
			if err := epochs.Prune(ctx, 4); err != nil {
				t.Fatal(err)
			}
		}
		for i, l := range leases {
			newer, err := l.Newer()
			if err != nil || (newer == nil) != (i == 4) || newer != nil && newer.PID != 1 {
				t.Errorf("%s: the holder of epoch %d finds %v, %v", name, l.Epoch(), newer, err)
			}
		}
		if held, err := epochs.HeldBelow(ctx, 4); held != nil || err != nil {
			t.Errorf("%s: %v holds an epoch that is gone, %v", name, held, err)
		}
		if l, err := epochs.Acquire(ctx, take); err != nil || l.Epoch() != 6 {
			t.Errorf("%s: the next epoch: %v", name, err)
		}
	}
	if left, _ := fsys.ReadDir("/ck/epochs"); len(left) != 3 {
		t.Errorf("%d lock files are left, want those of epochs 4 to 6", len(left))
	}
	for _, prefix := range []string{epochsPrefix, beatsPrefix} {
		left, _ := objects.List(t.Context(), prefix)
		if len(left) == 0 || !strings.HasPrefix(left[0], prefix+"0000000004") {
			t.Errorf("left of %s: %v", prefix, left)
		}
	}
}
