package batch

import (
	"errors"
	"fmt"
	"os"
	"sync/atomic"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/internal/store"
)

// overflow is memory that need not be in memory: [store.Scratch].
type overflow interface {
	// Alloc returns n bytes that are there until Reset.
	Alloc(n int) ([]byte, error)
	Reset() error
	Close() error
}

// keeper keeps the rows of a batch, and what sinks make of them, until they are published: on the heap up to the share that
// output has, and behind that in a scratch file. Where rows are kept does not show in them.
type keeper struct {
	memory  Memory
	scratch overflow // nil: all stays on the heap
	heap    *heap
	own     atomic.Int64 // bytes of heap that are of this batch
	moved   atomic.Int64 // bytes in the scratch file
}

// heap counts the bytes that the keepers of all open batches have on the heap.
type heap struct{ used atomic.Int64 }

// onHeap reports whether so many bytes more may stay on the heap, and counts them.
func (k *keeper) onHeap(n int64) bool {
	if k.scratch == nil || k.memory.Output <= 0 {
		return true
	}
	if k.heap.used.Add(n) <= k.memory.Output {
		k.own.Add(n)
		return true
	}
	k.heap.used.Add(-n)
	return false
}

func (k *keeper) alloc(n int) ([]byte, error) {
	buf, err := k.scratch.Alloc(n)
	if errors.Is(err, store.ErrNoScratch) {
		return nil, refuse("rows of this batch that are not published yet take more than the %s that memory: %s leaves for them, and %v: run the job again with more memory, and it goes on from there",
			sizeText(k.memory.Output), sizeText(k.memory.Total), err)
	}
	if err != nil {
		return nil, fmt.Errorf("keep rows that are not published yet: %w", err)
	}
	k.moved.Add(int64(n))
	return buf, nil
}

// rows keeps a batch that nobody else uses. The batch that it returns takes its place.
func (k *keeper) rows(b *columnar.Batch) (*columnar.Batch, error) {
	if k.onHeap(b.SizeBytes()) {
		return b, nil
	}
	return columnar.Move(b, k.alloc)
}

// all keeps batches in their places.
func (k *keeper) all(batches []*columnar.Batch) error {
	for i, b := range batches {
		kept, err := k.rows(b)
		if err != nil {
			return err
		}
		batches[i] = kept
	}
	return nil
}

// aside keeps the rows of a result that go to side outputs, or may.
func (k *keeper) aside(r *Result) error {
	for _, rows := range r.Sides {
		if err := k.all(rows); err != nil {
			return err
		}
	}
	for _, shards := range r.Held {
		for _, rows := range shards {
			if err := k.all(rows); err != nil {
				return err
			}
		}
	}
	return nil
}

// bytes keeps what a sink has encoded, such as a file.
func (k *keeper) bytes(data []byte) ([]byte, error) {
	if k.onHeap(int64(cap(data))) {
		return data, nil
	}
	buf, err := k.alloc(len(data))
	copy(buf, data)
	return buf, err
}

// reset forgets all that was kept. Nobody must use it any more.
func (k *keeper) reset() error {
	if k.heap != nil {
		k.heap.used.Add(-k.own.Swap(0))
	}
	if k.scratch == nil || k.moved.Swap(0) == 0 {
		return nil
	}
	return k.scratch.Reset()
}

// scratchDir is where a job's scratch file is: beside its checkpoint, or where the system has room for such files.
func scratchDir(checkpoint string) string {
	if IsRemote(checkpoint) {
		return os.TempDir()
	}
	return checkpoint
}
