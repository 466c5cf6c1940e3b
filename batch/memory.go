package batch

import (
	"fmt"
	"strings"
	"sync/atomic"

	"github.com/millrace/millrace/offsets"
	"github.com/millrace/millrace/windows"
)

// Memory is how much memory a run may use, in bytes, and how that is divided. What the parts leave is for what nobody
// counts: the runtime, code, tables, and the copies that a commit writes. The zero value bounds nothing.
type Memory struct {
	Total  int64
	Fetch  int64 // answers of brokers, of all sources together; see offsets.Budget
	Decode int64 // rows on their way through operators, of all cores together
	State  int64 // of all operators and shards
	Output int64 // rows and files that are not published yet; more of them wait in a file
	// Partials is for what tasks yield for shards, until it is merged; see docs/job-file.md.
	Partials int64
}

// DivideMemory divides a total: an eighth each to fetch, to decode, to put out and to partials, three eighths to state.
func DivideMemory(total int64) Memory {
	return Memory{Total: total, Fetch: total / 8, Decode: total / 8, State: total / 8 * 3, Output: total / 8, Partials: total / 8}
}

// RecordBatch is how large one record batch may be, on the wire or decompressed; 0: no bound. Each core may have one.
func (m Memory) RecordBatch() int64 { return m.Total / 4 }

// record is how large one record may be; 0: no bound. There are several copies of it on its way.
func (m Memory) record() int64 { return m.Total / 8 }

// decodeBytesLeast keeps batches of columns large enough to be worth it.
const decodeBytesLeast = 256 << 10

// decodeBytes is how many bytes of values one core decodes before operators run over them: these may copy them twice.
func (m Memory) decodeBytes(cores int) int {
	if m.Total <= 0 {
		return decodeBytesMax
	}
	return int(min(max(m.Decode/int64(4*max(cores, 1)), decodeBytesLeast), decodeBytesMax))
}

// stateSize follows how much memory the state of all shards takes.
type stateSize struct {
	most   int64 // 0: no bound
	tables int64 // that static tables take, out of the same share
	used   atomic.Int64
}

// measured returns a function that notes how large a shard's state is now, and refuses to go on when all of it together
// takes more than it may. What it returns is used by one goroutine.
func (s *stateSize) measured(a *windows.Aggregate) func() int64 {
	last := a.SizeBytes()
	return func() int64 {
		now := a.SizeBytes()
		used := s.used.Add(now - last)
		last = now
		return used
	}
}

// over reports whether the state takes more than it may.
func (s *stateSize) over(used int64) bool { return s.most > 0 && used+s.tables > s.most }

// count measures the state of all shards anew.
func (w *worker) countState() int64 {
	n := int64(0)
	for _, shards := range w.states {
		for _, a := range shards {
			n += a.SizeBytes()
		}
	}
	w.size.used.Store(n)
	return n
}

// againReplay is what to do when a replay has too little.
const againReplay = "nothing of the job was changed: replay again with --set memory=%s or more"

// stateTooLarge is why a run stops before the kernel stops it.
func (w *worker) stateTooLarge(used int64, where string) error {
	m := w.memory
	if tables := w.size.tables; tables > 0 {
		where, used = where+" with the tables", used+tables
	}
	return refuse("%s takes %s, more than the %s that memory: %s leaves for it; "+w.withMore(),
		where, sizeText(used), sizeText(m.State), sizeText(m.Total), settingText(m.enough(used)))
}

// loading is how much the files of static tables, and their rows, may take while they are read: no task runs then. 0 or less: no bound.
func (m Memory) loading() int64 { return m.Total - m.State }

// tableFits refuses a table that takes too much while it is read: its file, its rows, and those of the tables before it. again is what to
// do, with room for how much would do.
func (m Memory) tableFits(bytes int64, again string) error {
	if m.loading() <= 0 || bytes <= m.loading() {
		return nil
	}
	return refuse("its file and its rows take %s while they are read, more than the %s that memory: %s has beside state; "+again,
		sizeText(bytes), sizeText(m.loading()), sizeText(m.Total), settingText(m.doubled(bytes/5*8+8)))
}

// checkTables refuses tables that leave no room for state.
func (w *worker) checkTables() error {
	if m := w.memory; w.size.over(0) {
		return refuse("the tables take %s, more than the %s that memory: %s leaves for them and state; "+w.withMore(),
			sizeText(w.size.tables), sizeText(m.State), sizeText(m.Total), settingText(m.enough(w.size.tables)))
	}
	return nil
}

// recordTooLarge is why a run stops at a record for which there is no room.
func (w *worker) recordTooLarge(topic string, partition int32, offset, size int64) error {
	return refuse("the record %s/%d at offset %d has %s, more than the %s that memory: %s leaves for one; "+w.withMore(),
		topic, partition, offset, sizeText(size), sizeText(w.memory.record()), sizeText(w.memory.Total), settingText(w.memory.doubled(8*size)))
}

// batchTooLarge is the same of a record batch.
func (w *worker) batchTooLarge(e *offsets.TooLargeError) error {
	takes := fmt.Sprintf("%s, more", sizeText(e.Bytes))
	if e.Bytes == 0 {
		takes = "more"
	}
	return refuse("the record batch of %s/%d at offset %d takes %s than the %s that memory: %s leaves for one; "+w.withMore(),
		e.Topic, e.Partition, e.Offset, takes, sizeText(e.Most), sizeText(w.memory.Total), settingText(w.memory.doubled(4*max(e.Bytes, e.Most+1))))
}

// withMore is what to do when memory: is too little.
func (w *worker) withMore() string {
	if w.again != "" {
		return w.again
	}
	return "nothing of this batch was committed: run the job again with memory: %s or more, and it goes on from there"
}

// doubled is the total, doubled until it is enough.
func (m Memory) doubled(enough int64) int64 {
	total := m.Total
	for total < enough {
		total *= 2
	}
	return total
}

// enough is a total whose share for state is half as large again as what is needed, in steps that people write.
func (m Memory) enough(used int64) int64 {
	total := m.Total
	for DivideMemory(total).State < used+used/2 {
		total *= 2
	}
	return total
}

// settingText is sizeText as it stands in a job file, and behind --set.
func settingText(n int64) string { return strings.ReplaceAll(sizeText(n), " ", "") }

// sizeText is a number of bytes for people.
func sizeText(n int64) string {
	if n < 10<<20 {
		return fmt.Sprintf("%d KiB", n>>10)
	}
	return fmt.Sprintf("%d MiB", n>>20)
}
