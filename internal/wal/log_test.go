package wal

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"syscall"
	"testing"

	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/store/storetest"
)

func TestAppendAndRead(t *testing.T) {
	dir := t.TempDir() + "/checkpoint/wal"
	log, err := Create(store.OS{Private: true}, dir, 4)
	must(t, err)
	for i := range 3 {
		position, err := log.Append(fmt.Append(nil, "record ", i))
		must(t, err)
		if want := (Position{Epoch: 4, Segment: 1, Sequence: uint64(i + 1)}); position != want {
			t.Errorf("position %v, want %v", position, want)
		}
	}
	must(t, log.Close())
	must(t, log.Close())
	if _, err := log.Append(nil); !errors.Is(err, ErrClosed) {
		t.Errorf("append after close: %v", err)
	}
	chain, err := ReadChain(store.OS{}, dir, 4)
	must(t, err)
	if len(chain.Records) != 3 || string(chain.Records[2].Payload) != "record 2" || chain.Torn != nil {
		t.Errorf("read %s", show(chain))
	}
}

// One append is one write and one sync; a new segment costs a file of its own.
func TestAppendCost(t *testing.T) {
	fsys := storetest.NewFaultFS(storetest.NewCrashFS())
	log, err := Create(fsys, "/wal", 1)
	must(t, err)
	before := map[storetest.Op]int{}
	for _, op := range storetest.Ops {
		before[op] = fsys.Count(op)
	}
	for range 100 {
		_, err := log.Append([]byte("payload"))
		must(t, err)
	}
	want := map[storetest.Op]int{storetest.OpWrite: 100, storetest.OpSync: 100}
	for _, op := range storetest.Ops {
		if n := fsys.Count(op) - before[op]; n != want[op] {
			t.Errorf("100 appends took %d × %s, want %d", n, op, want[op])
		}
	}
	payload := []byte("payload")
	if n := testing.AllocsPerRun(100, func() { encodeRecord(log.buf[:0], record{payload: payload}) }); n > 0 {
		t.Errorf("encoding allocates %v times", n)
	}
}

func TestRecordSizes(t *testing.T) {
	fsys := storetest.NewCrashFS()
	log, err := Create(fsys, "/wal", 1)
	must(t, err)
	if _, err := log.Append(make([]byte, MaxRecordBytes+1)); err == nil || !strings.Contains(err.Error(), "67108865 bytes") {
		t.Errorf("a record too large: %v", err)
	}
	var sizes []int
	for _, size := range []int{0, 1, firstSegmentBytes, 7, nextSegmentBytes, MaxRecordBytes, 8} {
		_, err := log.Append(bytes.Repeat([]byte{7}, size))
		must(t, err)
		sizes = append(sizes, size)
	}
	chain, err := ReadChain(fsys, "/wal", 1)
	must(t, err)
	if len(chain.Records) != len(sizes) {
		t.Fatalf("%d records, want %d", len(chain.Records), len(sizes))
	}
	for i, r := range chain.Records {
		if len(r.Payload) != sizes[i] {
			t.Errorf("record %d has %d bytes, want %d", i+1, len(r.Payload), sizes[i])
		}
	}
}

func TestCreateRefuses(t *testing.T) {
	fsys := storetest.NewCrashFS()
	for _, epoch := range []uint64{0, maxEpoch + 1} {
		if _, err := Create(fsys, "/wal", epoch); err == nil {
			t.Errorf("epoch %d has a log", epoch)
		}
	}
	_, err := Create(fsys, "/wal", 1)
	must(t, err)
	if _, err := Create(fsys, "/wal", 1); !errors.Is(err, store.ErrExists) {
		t.Errorf("a second chain of an epoch: %v", err)
	}
}

// faultPayload makes two records fill a segment of 128 bytes.
var faultPayload = []byte("0123456789abcdef")

// appendUntilError creates a log and appends up to six records. It returns the log if it came to be, and how many
// records it took.
func appendUntilError(fsys store.FS) (*FileLog, int, error) {
	log, err := create(fsys, "/c/wal", 1, sizes(128))
	if err != nil {
		return nil, 0, err
	}
	for n := range 6 {
		if _, err := log.Append(faultPayload); err != nil {
			return log, n, err
		}
	}
	return log, 6, nil
}

// Every operation of a log's life fails once, with a full disk and with a broken one. Then the log is poisoned: same
// error for ever, not one more operation on its files, and the records reported are there.
func TestFaultAtEveryOperation(t *testing.T) {
	clean := storetest.NewFaultFS(storetest.NewCrashFS())
	_, _, err := appendUntilError(clean)
	must(t, err)
	for _, op := range storetest.Ops {
		if op == storetest.OpRemove {
			continue // a temporary name left behind is no failure
		}
		for n := 1; n <= clean.Count(op); n++ {
			for _, errno := range []syscall.Errno{syscall.ENOSPC, syscall.EIO} {
				t.Run(fmt.Sprintf("%s %d %v", op, n, errno), func(t *testing.T) {
					fsys := storetest.NewFaultFS(storetest.NewCrashFS())
					fsys.Fail(op, n, errno)
					log, appended, err := appendUntilError(fsys)
					if !errors.Is(err, errno) {
						t.Fatalf("fault came out as %v", err)
					}
					checkPoisoned(t, fsys, log, err)
					checkReported(t, fsys, appended)
				})
			}
		}
	}
}

func checkPoisoned(t *testing.T, fsys *storetest.FaultFS, log *FileLog, failed error) {
	t.Helper()
	if log == nil {
		return
	}
	writes, syncs := fsys.Count(storetest.OpWrite), fsys.Count(storetest.OpSync)
	for range 2 {
		if _, err := log.Append(faultPayload); err != failed {
			t.Errorf("append to a poisoned log: %v, want %v", err, failed)
		}
	}
	if err := log.Close(); err != failed {
		t.Errorf("close of a poisoned log: %v, want %v", err, failed)
	}
	if fsys.Count(storetest.OpWrite) != writes || fsys.Count(storetest.OpSync) != syncs {
		t.Error("a poisoned log touched its file again")
	}
}

func checkReported(t *testing.T, fsys store.FS, appended int) {
	t.Helper()
	chain, err := ReadChain(fsys, "/c/wal", 1)
	must(t, err)
	if n := len(chain.Records); n < appended || n > appended+1 {
		t.Errorf("%d records are read, %d were reported", n, appended)
	}
}

func TestDiskFullIsSaid(t *testing.T) {
	fsys := storetest.NewFaultFS(storetest.NewCrashFS())
	log, err := Create(fsys, "/c/wal", 1)
	must(t, err)
	fsys.Fail(storetest.OpWrite, 1, syscall.ENOSPC)
	_, err = log.Append(nil)
	if err == nil || !strings.HasPrefix(err.Error(), "append to /c/wal/0000000001-000001.log: disk full (") {
		t.Errorf("error is %q", err)
	}
}

// Drivers live one after the other on one disk; each ends by a kill or a power loss at a random operation. What any of
// them was told is durable, by Append or by RecoverChain, every later one reads, and nothing else but what was on its
// way in one append.
func TestSurvivesCrashes(t *testing.T) {
	for seed := range schedules() {
		rng := rand.New(rand.NewPCG(seed, 2))
		l := logLives{disk: storetest.NewCrashFS(), rng: rng, tried: map[uint64][][]byte{}, sure: map[uint64]int{}}
		for epoch := range uint64(4) {
			l.disk.StopAfter(1 + rng.IntN(50))
			err := l.live(epoch + 1)
			if !errors.Is(err, storetest.ErrPower) {
				t.Fatalf("seed %d, epoch %d: %v", seed, epoch+1, err)
			}
			l.end()
		}
		if err := l.check(5); err != nil {
			t.Fatalf("seed %d, at the end: %v", seed, err)
		}
	}
}

// schedules is how many seeds a crash test tries.
func schedules() uint64 {
	if testing.Short() {
		return 200
	}
	return 2_000
}

type logLives struct {
	disk  *storetest.CrashFS
	rng   *rand.Rand
	tried map[uint64][][]byte // payloads by epoch
	sure  map[uint64]int      // how many of them were reported durable
}

// live recovers all older epochs and logs in a new one until the power goes.
func (l *logLives) live(epoch uint64) error {
	if err := l.check(epoch); err != nil {
		return err
	}
	log, err := create(l.disk, "/c/wal", epoch, sizes(1500))
	if err != nil {
		return err
	}
	for {
		payload := make([]byte, l.rng.IntN(1200))
		for i := range payload {
			payload[i] = byte(l.rng.Uint32())
		}
		l.tried[epoch] = append(l.tried[epoch], payload)
		if _, err := log.Append(payload); err != nil {
			return err
		}
		l.sure[epoch]++
	}
}

// check recovers the chains of the epochs before one and compares them with what was appended.
func (l *logLives) check(before uint64) error {
	for epoch := uint64(1); epoch < before; epoch++ {
		chain, err := RecoverChain(l.disk, "/c/wal", epoch)
		if err != nil {
			return err
		}
		if n := len(chain.Records); n < l.sure[epoch] || n > len(l.tried[epoch]) {
			return fmt.Errorf("epoch %d has %d records, %d were reported, %d tried; torn: %v", epoch, n, l.sure[epoch], len(l.tried[epoch]), chain.Torn)
		}
		for i, r := range chain.Records {
			if !bytes.Equal(r.Payload, l.tried[epoch][i]) {
				return fmt.Errorf("record %v is not what was appended", r.Position)
			}
		}
		l.tried[epoch], l.sure[epoch] = l.tried[epoch][:len(chain.Records)], len(chain.Records)
	}
	return nil
}

func (l *logLives) end() {
	if l.rng.IntN(2) == 0 {
		l.disk.Restart()
	} else {
		l.disk = l.disk.Crash(l.rng.Uint64())
	}
}
