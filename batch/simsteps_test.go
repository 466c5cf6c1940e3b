package batch

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/millrace/millrace/offsets"
)

// meeting is a source whose readers wait for each other: a read of one partition begins only when as many others are
// under way. It is how a test sees that steps of a partition run at the same time.
type meeting struct {
	offsets.Source
	mu      sync.Mutex
	needed  int // readers of one partition that must meet
	open    map[int32]int
	met     map[int32]bool
	changed *sync.Cond
}

func newMeeting(s offsets.Source, needed int) *meeting {
	m := &meeting{Source: s, needed: needed, open: map[int32]int{}, met: map[int32]bool{}}
	m.changed = sync.NewCond(&m.mu)
	return m
}

func (m *meeting) Read(ctx context.Context, r offsets.Range) (offsets.Reader, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.open[r.Partition]++
	if m.open[r.Partition] >= m.needed {
		m.met[r.Partition] = true
		m.changed.Broadcast()
	}
	for !m.met[r.Partition] {
		m.changed.Wait()
	}
	return m.Source.Read(ctx, r)
}

// TestStepsOfOnePartition reads one partition on two cores at a time, with the rows of one core.
func TestStepsOfOnePartition(t *testing.T) {
	w := timeWorld(t)
	for i := range int64(200) {
		w.append(simEvent{partition: 0, ms: simStart.UnixMilli() + i*100, ad: fmt.Sprintf("a%d", i%5), kind: "view", n: i, price: 1})
	}
	m := newMeeting(w.source, 2)
	w.mustRun(w.job(stateless, func(j *Job) {
		s := j.Sources["events"]
		s.Open = func(context.Context) (offsets.Source, error) { return m, nil }
		j.Sources["events"] = s
	}), cores(2))
	w.wantRows("on two cores", w.expected(stateless), equalRows)
	if !m.met[0] {
		t.Error("the steps of a partition never met")
	}
	if steps := len(w.planned(1).pieces()[0]); steps < 4 {
		t.Errorf("%d steps", steps)
	}
}
