package deadletter

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"slices"

	"github.com/millrace/millrace/offsets"
)

// mostBytes bounds what is held in memory, where nothing else does.
const mostBytes = 1 << 30

// bound is the bytes that letters may take: a share of memory, 0 for none.
func bound(share int64) int64 {
	if share <= 0 {
		return mostBytes
	}
	return min(share, mostBytes)
}

// Letter is a dead letter.
type Letter struct {
	Source    string
	Topic     string
	Partition int32
	Offset    int64
	Batch     int64 // of the job that met it
	Complete  bool  // the record is as it was in the topic
	Value     bool  // it has a value, perhaps cut
	Record    offsets.MemoryRecord
}

// place says which letter it is.
func (l *Letter) place() string {
	return fmt.Sprintf("%s/%d offset %d (batch %d)", l.Topic, l.Partition, l.Offset, l.Batch)
}

// compare orders by record, then by batch.
func (l *Letter) compare(o *Letter) int {
	return cmp.Or(cmp.Compare(l.Source, o.Source), cmp.Compare(l.Topic, o.Topic), cmp.Compare(l.Partition, o.Partition),
		cmp.Compare(l.Offset, o.Offset), cmp.Compare(l.Batch, o.Batch))
}

// sameRecord reports whether both are about one record.
func (l *Letter) sameRecord(o *Letter) bool {
	return l.Source == o.Source && l.Topic == o.Topic && l.Partition == o.Partition && l.Offset == o.Offset
}

// Letters are the dead letters of a job, each once, by source, topic, partition and offset.
type Letters struct {
	job     string
	list    []*Letter
	later   int
	reached []offsets.Position
	missing missing
}

// missing are files that the job has committed and that are gone.
type missing struct {
	files, rows int64
	first       string
}

func (m *missing) add(file string, rows int64) {
	if m.files == 0 {
		m.first = file
	}
	m.files, m.rows = m.files+1, m.rows+rows
}

// gatherer takes letters as they are read.
type gatherer struct {
	list  []*Letter
	bytes int64
	most  int64
	until int64 // the last batch whose letters are taken out of a topic
	later int   // letters of batches behind it
}

// mostOffset is beyond every offset of a real topic.
const mostOffset = 1 << 50

func (g *gatherer) add(l *Letter) error {
	if l.Topic == "" || l.Partition < 0 || l.Offset < 0 || l.Offset >= mostOffset {
		return refuse("it is no dead letter: no record stands at %q/%d offset %d", l.Topic, l.Partition, l.Offset)
	}
	g.bytes += int64(len(l.Record.Key)+len(l.Record.Value)) + 200
	for _, h := range l.Record.Headers {
		g.bytes += int64(len(h.Key)+len(h.Value)) + 40
	}
	if g.bytes > g.most {
		return refuse("the dead letters have more than the %d MiB that memory: leaves for them, 1024 at most: they are kept in memory while they are fed", g.most>>20)
	}
	g.list = append(g.list, l)
	return nil
}

// letters sorts what was gathered. A letter that is there twice was written again by a sink that promises no more; two
// batches never meet the same record, unless the topic was made anew.
func (g *gatherer) letters(job string) (*Letters, error) {
	slices.SortFunc(g.list, (*Letter).compare)
	out := &Letters{job: job, later: g.later}
	for _, l := range g.list {
		if n := len(out.list); n > 0 {
			last := out.list[n-1]
			sameLog := last.Source == l.Source && last.Topic == l.Topic && last.Partition == l.Partition
			switch {
			case last.sameRecord(l) && last.Batch == l.Batch:
				continue
			case sameLog && last.Batch > l.Batch, last.sameRecord(l):
				return nil, refuse("dead letters of two topics named %s: batch %d met offset %d, batch %d offset %d of partition %d; it was deleted and made again, and its records can't be told apart by their offsets",
					l.Topic, last.Batch, last.Offset, l.Batch, l.Offset, l.Partition)
			}
		}
		out.list = append(out.list, l)
	}
	return out, nil
}

// Len is how many letters there are.
func (s *Letters) Len() int { return len(s.list) }

// Later is how many letters there are of batches that the job had not committed when it was asked.
func (s *Letters) Later() int { return s.later }

// Sources are the names of the sources that the letters come from, sorted.
func (s *Letters) Sources() []string {
	var out []string
	for _, l := range s.list {
		if len(out) == 0 || out[len(out)-1] != l.Source {
			out = append(out, l.Source)
		}
	}
	return out
}

// Missing counts the files of letters that are gone, and the letters in them, and names the first.
func (s *Letters) Missing() (files, letters int64, first string) {
	return s.missing.files, s.missing.rows, s.missing.first
}

// Incomplete counts letters that hold less than their records, and describes the first; value says that the value was left
// out there.
func (s *Letters) Incomplete() (n int, first string, value bool) {
	for _, l := range s.list {
		if l.Complete {
			continue
		}
		if n == 0 {
			first, value = l.place(), !l.Value
		}
		n++
	}
	return n, first, value
}

// LeaveOutIncomplete forgets letters that hold less than their records.
func (s *Letters) LeaveOutIncomplete() {
	s.list = slices.DeleteFunc(s.list, func(l *Letter) bool { return !l.Complete })
}

// Span is the greatest offset of any letter.
func (s *Letters) Span() int64 {
	n := int64(0)
	for _, l := range s.list {
		n = max(n, l.Offset)
	}
	return n
}

// Reached says how far letters were fed before. Those that were fed may be gone by now: nothing of them is missed.
func (s *Letters) Reached(positions []offsets.Position) { s.reached = positions }

// Source makes a source of the letters of one of the job's sources: records in their topics, partitions and offsets, with
// gaps between them. The topics have ids of their own, so that a job which has read letters does not go on with the real
// topics unnoticed, nor the other way round.
func (s *Letters) Source(name string) *offsets.Memory {
	m := offsets.NewMemory(name)
	m.RunMax = 1000
	next := map[[2]any]int64{}
	for _, l := range s.list {
		if l.Source != name {
			continue
		}
		key := [2]any{l.Topic, l.Partition}
		m.Gap(l.Topic, l.Partition, l.Offset-next[key])
		m.SetTopicID(l.Topic, topicID(s.job, l.Topic))
		m.Append(l.Topic, l.Partition, l.Record)
		next[key] = l.Offset + 1
	}
	for _, p := range s.reached {
		if id := topicID(s.job, p.Topic); p.Source == name && p.TopicID == id {
			m.Gap(p.Topic, p.Partition, max(0, p.Next-next[[2]any{p.Topic, p.Partition}]))
			m.SetTopicID(p.Topic, id)
		}
	}
	return m
}

// topicID is that of a topic of dead letters. It must not change: checkpoints hold it.
func topicID(job, topic string) (id offsets.TopicID) {
	sum := sha256.Sum256(fmt.Appendf(nil, "dead letters of %q topic %q", job, topic))
	copy(id[:], sum[:])
	return id
}
