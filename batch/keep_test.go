package batch

import (
	"bytes"
	"testing"

	"github.com/millrace/millrace/internal/state"
)

// TestKeptRowsAreLetGo: both open batches share what output may have on the heap, and have it again when one of them is gone.
func TestKeptRowsAreLetGo(t *testing.T) {
	shared := &heap{}
	open := func() *keeper {
		return &keeper{memory: Memory{Output: 100}, cores: 1, scratch: &poisoned{}, heap: shared}
	}
	first, second := open(), open()
	if !first.onHeap(60) || second.onHeap(60) || !second.onHeap(40) {
		t.Errorf("%d bytes of 100 are on the heap", shared.used.Load())
	}
	for _, k := range []*keeper{first, second} {
		if err := k.reset(); err != nil {
			t.Fatal(err)
		}
	}
	if n := shared.used.Load(); n != 0 {
		t.Errorf("%d bytes of batches that are gone are counted", n)
	}
	if !second.onHeap(100) {
		t.Error("a batch has not the room of those that are gone")
	}
}

// TestJoinedBlocksAreKept: what is joined of the shards' blocks counts as what output keeps does, and is in the scratch file where that has no room.
func TestJoinedBlocksAreKept(t *testing.T) {
	w := newWorld(t, simSeed(t))
	w.generate(200)
	job := w.job(byAd, shards(2))
	w.mustRun(job)
	whole := bytes.Clone(w.history().States[len(w.history().States)-1].Blocks[0].inline)
	shards := newStates(job.Plan, 2)[0]
	var parts [][]byte
	for i, a := range shards {
		block, err := state.OpenBlock(bytes.Clone(whole), onCores(1))
		if err == nil {
			from, to := keyGroups(i, 2)
			err = a.LoadBlock(block, from, to)
		}
		if err != nil {
			t.Fatal(err)
		}
		part, err := a.Snapshot()
		if err != nil {
			t.Fatal(err)
		}
		parts = append(parts, part)
	}
	size := int64(len(parts[0]) + len(parts[1]))
	for _, room := range []int64{2*size + joinSpare, size} {
		scratch := &poisoned{}
		k := &keeper{memory: Memory{Output: room}, cores: 1, scratch: scratch, heap: &heap{}}
		got, err := join(parts, k)
		if err != nil || !bytes.Equal(got, whole) {
			t.Errorf("joined: %d bytes, %v, want %d", len(got), err, len(whole))
		}
		onHeap := room > size
		if used := k.heap.used.Load(); onHeap != (scratch.given == 0) || onHeap != (used > size) {
			t.Errorf("with room for %d bytes: %d are counted, %d in the scratch file", room, used, scratch.given)
		}
		if err := k.reset(); err != nil {
			t.Fatal(err)
		}
		if onHeap != bytes.Equal(got, whole) {
			t.Error("it is in other memory than was counted")
		}
	}
}
