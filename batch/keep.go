package batch

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"sync/atomic"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/internal/store"
)

// overflow is memory that need not be in memory: [store.Scratch].
type overflow interface {
	// Alloc returns n bytes that are there until Reset.
	Alloc(n int) ([]byte, error)
	// Evict takes what it returned out of the memory of this process, until it is touched again.
	Evict()
	Reset() error
	Close() error
}

// keeper keeps the rows of a batch, and what sinks make of them, until they are published: on the heap up to the share that
// output has, and behind that in a scratch file. Where rows are kept does not show in them.
type keeper struct {
	memory  Memory
	cores   int
	scratch overflow // nil: all stays on the heap
	heap    *heap
	own     atomic.Int64 // bytes of heap that are of this batch
	moved   atomic.Int64 // bytes in the scratch file
	passes  atomic.Int64 // see passed
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

// taskPartials is how many bytes of partials a task gathers before they go aside; 0: as many as there are. A core that
// divides them has them twice, beside what it yields in the end.
func (k *keeper) taskPartials() int64 {
	if k.scratch == nil || k.memory.Partials <= 0 {
		return 0
	}
	return max(k.memory.Partials/int64(2*max(k.cores, 1)), min(k.memory.Partials/4, taskPartialsLeast))
}

// taskPartialsLeast keeps partials from being cut into crumbs.
const taskPartialsLeast = 256 << 10

func (k *keeper) alloc(n int) ([]byte, error) {
	return k.allocFor("rows of this batch that are not published yet", k.memory.Output, n)
}

// allocFor takes room in the scratch file for what has used up its share of the memory.
func (k *keeper) allocFor(what string, share int64, n int) ([]byte, error) {
	buf, err := k.scratch.Alloc(n)
	if errors.Is(err, store.ErrNoScratch) {
		return nil, refuse("%s take more than the %s that memory: %s leaves for them, and %v: run the job again with more memory, and it goes on from there",
			what, sizeText(share), sizeText(k.memory.Total), err)
	}
	if err != nil {
		return nil, fmt.Errorf("keep %s: %w", strings.Replace(what, " of this batch", "", 1), err)
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

// aside keeps a batch that nobody else uses in the scratch file.
func (k *keeper) aside(b *columnar.Batch) (*columnar.Batch, error) {
	return columnar.Move(b, func(n int) ([]byte, error) {
		return k.allocFor("partial groups of this batch that are not merged yet", k.memory.Partials, n)
	})
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

// evictBytes is after how many bytes that a sink has made what it made them of is taken out of memory.
const evictBytes = 4 << 20

// passed says that a sink has made so many bytes of kept rows. Mapped pages of a file are memory that the kernel takes back
// when it is short, but until then they look like ours.
func (k *keeper) passed(bytes int64) {
	if k.moved.Load() == 0 || k.passes.Add(bytes) < evictBytes {
		return
	}
	k.passes.Store(0)
	k.scratch.Evict()
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

// scratches are what the keepers of a worker move rows to; nil: nothing is moved.
type scratches [2]overflow

func (s scratches) close() error {
	var err error
	for _, one := range s {
		if one != nil {
			err = errors.Join(err, one.Close())
		}
	}
	return err
}

// newScratches makes what keepers move rows to: make's, or files beside the checkpoint where memory is bounded.
func newScratches(m Memory, make func() overflow, checkpoint string) (out scratches) {
	if make == nil && m.Total > 0 {
		make = func() overflow { return store.NewScratch(scratchDir(checkpoint)) }
	}
	for i := range out {
		if make != nil {
			out[i] = make()
		}
	}
	return out
}

// scratchDir is where a job's scratch file is: beside its checkpoint, or where the system has room for such files.
func scratchDir(checkpoint string) string {
	if IsRemote(checkpoint) {
		return os.TempDir()
	}
	return checkpoint
}
