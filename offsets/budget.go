package offsets

import (
	"fmt"
	"sync"

	"github.com/millrace/millrace/internal/kafka"
)

// BudgetBytes is the default of [NewBudget].
const BudgetBytes = 256 << 20

// fetchBytesLeast is the least that a fetch asks for, however many readers there are.
const fetchBytesLeast = 32 << 10

// Budget bounds the memory that readers of Kafka hold together, however many partitions they read: answers that are
// decoded, those fetched ahead, and what record batches decompress to. Every reader may hold one answer, so that it gets
// on; it fetches ahead only as long as there is room. The more readers, the less each fetch asks for. Nothing waits for
// room. It is safe for concurrent use.
type Budget struct {
	total   int64
	batches int64 // see BoundBatches

	mu      sync.Mutex
	used    int64 // by readers, and by memory that is kept for the next ones
	peak    int64
	readers int
	idle    []*scratch // memory of readers that were closed
}

// NewBudget returns a budget of so many bytes; 0 is [BudgetBytes]. Sources that are read by one process share it.
func NewBudget(bytes int64) *Budget {
	if bytes <= 0 {
		bytes = BudgetBytes
	}
	return &Budget{total: bytes}
}

// BoundBatches refuses record batches of more bytes, on the wire or decompressed, with a [TooLargeError]; 0: only what is
// never taken, see [KafkaOptions]. It comes before the first reader.
func (b *Budget) BoundBatches(bytes int64) *Budget {
	b.batches = bytes
	return b
}

// TooLargeError says that a record batch takes more memory than one may take. It was not read.
type TooLargeError struct {
	Topic     string
	Partition int32
	Offset    int64 // of its first record that is wanted
	Bytes     int64 // that it takes; 0: not known, more than Most
	Most      int64
}

func (e *TooLargeError) Error() string {
	takes := "more"
	if e.Bytes > 0 {
		takes = fmt.Sprintf("%d bytes, more", e.Bytes)
	}
	return fmt.Sprintf("the record batch of %s/%d at offset %d takes %s than the %d that there is room for", e.Topic, e.Partition, e.Offset, takes, e.Most)
}

// Peak is the most bytes that were in use or kept at a time.
func (b *Budget) Peak() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.peak
}

// enter gives a new reader its memory.
func (b *Budget) enter() *scratch {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.readers++
	if n := len(b.idle); n > 0 {
		s := b.idle[n-1]
		b.idle = b.idle[:n-1]
		return s
	}
	return &scratch{}
}

// leave takes the memory of a reader back, to be kept while there is room for it.
func (b *Budget) leave(s *scratch) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.readers--
	b.recount(s)
	b.idle = append(b.idle, s)
	b.makeRoom(0)
}

// share is how many bytes a fetch asks for, at most most.
func (b *Budget) share(most int) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	each := b.total / int64(2*max(b.readers, 1)) // two answers each
	return min(max(int(each)-kafka.AnswerSpare(int(each)), fetchBytesLeast), most)
}

// reserve sets bytes aside for the answer to a fetch of s, if there is room or it must be.
func (b *Budget) reserve(s *scratch, bytes int64, must bool) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.recount(s) // without the buffer that the answer goes into
	b.makeRoom(bytes)
	if b.used+bytes > b.total && !must {
		return false
	}
	s.reserved = bytes
	b.recount(s)
	return true
}

// count notes how much memory s has now.
func (b *Budget) count(s *scratch) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.recount(s)
}

// over reports whether more is in use than there should be.
func (b *Budget) over() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.used > b.total
}

func (b *Budget) recount(s *scratch) {
	now := s.bytes()
	b.used += now - s.counted
	s.counted = now
	b.peak = max(b.peak, b.used)
}

// makeRoom drops kept memory, the oldest first, until there is room for so many bytes more.
func (b *Budget) makeRoom(bytes int64) {
	n := 0
	for ; n < len(b.idle) && b.used+bytes > b.total; n++ {
		b.used -= b.idle[n].counted
	}
	b.idle = append(b.idle[:0], b.idle[n:]...)
}
