package batch

import (
	"strings"
	"testing"

	"github.com/millrace/millrace/internal/wal"
	"github.com/millrace/millrace/offsets"
	"github.com/millrace/millrace/windows"
)

// journal builds entries as a driver would log them.
type journal struct {
	entries []Entry
	at      int64
}

func (j *journal) add(r Record) {
	j.entries = append(j.entries, Entry{At: wal.Position{Epoch: 1, Segment: 1, Sequence: uint64(len(j.entries) + 1)}, Record: r})
}

func (j *journal) plan(batch int64, final bool) *Planned {
	j.at++
	p := &Planned{Batch: batch, At: j.at, Final: final, Shards: 1, Job: "digest",
		Ranges: []offsets.Range{{Source: "s", Topic: "t", From: (batch - 1) * 10, Until: batch * 10}}}
	j.add(p)
	return p
}

func (j *journal) commit(p *Planned) *Committed {
	c := &Committed{Batch: p.Batch, At: p.At, RangeHash: RangeHash(p), Positions: positionsAfter(p.Ranges), Records: 10}
	c.After.Source = windows.SourceMark{Watermark: p.Batch * 100}
	j.add(c)
	return c
}

func TestFoldAndDecide(t *testing.T) {
	tests := []struct {
		name   string
		write  func(*journal)
		facts  Facts
		action Action
		reason string // part of it
		next   int64
		open   []int64
		pos    int64 // next offset of t/0; −1: none
	}{
		{name: "a new checkpoint plans batch 1", write: func(*journal) {}, action: Plan, next: 1, pos: -1},
		{name: "committed: plan the next", write: func(j *journal) { j.commit(j.plan(1, false)) }, action: Plan, next: 2, pos: 10},
		{name: "planned only: run it again", write: func(j *journal) { j.plan(1, false) }, action: Rerun, next: 2, open: []int64{1}, pos: -1},
		{name: "planned after a commit", write: func(j *journal) { j.commit(j.plan(1, false)); j.plan(2, false) },
			facts: Facts{Published: map[string]int64{"lake": 1}}, action: Rerun, next: 3, open: []int64{2}, pos: 10},
		{name: "two open plans run in order", write: func(j *journal) { j.plan(1, false); j.plan(2, false) }, action: Rerun, next: 3, open: []int64{1, 2}, pos: -1},
		{name: "cancelled: same offsets under a new id", write: func(j *journal) {
			j.commit(j.plan(1, false))
			j.plan(2, false)
			j.add(&Cancelled{Batch: 2, Reason: "bad record"})
		}, action: Plan, next: 3, pos: 10},
		{name: "a sink ahead of the log", write: func(j *journal) { j.commit(j.plan(1, false)) },
			facts: Facts{Published: map[string]int64{"lake": 2}}, action: Refuse, reason: `sink "lake" has committed batch 2 but the log ends with batch 1`, next: 2, pos: 10},
		{name: "an open plan that a paused driver finished meanwhile", write: func(j *journal) { j.plan(1, false) },
			facts: Facts{Published: map[string]int64{"lake": 1}}, action: Rerun, next: 2, open: []int64{1}, pos: -1},
		{name: "a sink ahead of an open plan", write: func(j *journal) { j.plan(1, false) },
			facts: Facts{Published: map[string]int64{"lake": 2}}, action: Refuse, reason: "the checkpoint is an old copy", next: 2, open: []int64{1}, pos: -1},
		{name: "flushed", write: func(j *journal) { j.commit(j.plan(1, true)) }, action: Refuse, reason: "--reopen", next: 2, pos: 10},
		{name: "flushed and reopened now", write: func(j *journal) { j.commit(j.plan(1, true)) }, facts: Facts{Reopen: true}, action: Undo, next: 2, pos: 10},
		{name: "flushed and to be flushed again", write: func(j *journal) { j.commit(j.plan(1, true)) }, facts: Facts{Flush: true}, action: Plan, next: 2, pos: 10},
		{name: "flushed, reopened and to be flushed again", write: func(j *journal) { j.commit(j.plan(1, true)) }, facts: Facts{Flush: true, Reopen: true}, action: Undo, next: 2, pos: 10},
		{name: "reopened before", write: func(j *journal) {
			j.commit(j.plan(1, true))
			j.add(&Reopened{Batch: 1, FlushedTo: 77})
		}, action: Plan, next: 2, pos: 10},
		{name: "the flush itself is open", write: func(j *journal) { j.plan(1, true) }, facts: Facts{Reopen: true}, action: Rerun, next: 2, open: []int64{1}, pos: -1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			j := &journal{}
			test.write(j)
			h, err := Fold(j.entries)
			if err != nil {
				t.Fatal(err)
			}
			got := Decide(h, test.facts)
			if got.Action != test.action || !strings.Contains(got.Reason, test.reason) {
				t.Errorf("decided %v %q, want %v %q", got.Action, got.Reason, test.action, test.reason)
			}
			if h.NextBatch != test.next {
				t.Errorf("next batch %d, want %d", h.NextBatch, test.next)
			}
			var open []int64
			for _, p := range h.Open {
				open = append(open, p.Batch)
			}
			if len(open) != len(test.open) || len(open) > 0 && open[0] != test.open[0] {
				t.Errorf("open %v, want %v", open, test.open)
			}
			pos := int64(-1)
			if len(h.Positions) > 0 {
				pos = h.Positions[0].Next
			}
			if pos != test.pos {
				t.Errorf("position %d, want %d", pos, test.pos)
			}
		})
	}
}

func TestFoldRefusesBrokenRules(t *testing.T) {
	tests := []struct {
		name  string
		write func(*journal)
		want  string
	}{
		{"a batch planned twice", func(j *journal) { j.plan(1, false); j.plan(1, false) }, "batch 1 is planned again"},
		{"a commit without a plan", func(j *journal) { j.add(&Committed{Batch: 1}) }, "batch 1 is committed but was not the oldest open plan"},
		{"a commit out of order", func(j *journal) { j.plan(1, false); j.commit(j.plan(2, false)) }, "batch 2 is committed but was not the oldest"},
		{"a commit of other ranges", func(j *journal) { j.plan(1, false); j.add(&Committed{Batch: 1, RangeHash: "x"}) }, "range hash"},
		{"a cancel of a committed batch", func(j *journal) { j.commit(j.plan(1, false)); j.add(&Cancelled{Batch: 1}) }, "batch 1 is cancelled but was not open"},
		{"time going back", func(j *journal) { j.plan(1, false); j.at -= 2; j.plan(2, false) }, "before"},
		{"reopened without a flush", func(j *journal) { j.commit(j.plan(1, false)); j.add(&Reopened{Batch: 1}) }, "was not the flush"},
	}
	for _, test := range tests {
		j := &journal{}
		test.write(j)
		if _, err := Fold(j.entries); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error %v, want %q", test.name, err, test.want)
		}
	}
}

// TestEffective is the rule that a successor's Opened decides what counts of older chains.
func TestEffective(t *testing.T) {
	chain := func(epoch uint64, n int, older ...ChainEnd) rawChain {
		c := rawChain{epoch: epoch}
		for i := range n {
			var r Record = &Cancelled{Batch: int64(epoch)*100 + int64(i)}
			if i == 0 {
				r = &Opened{Epoch: epoch, Chains: older}
			}
			c.entries = append(c.entries, Entry{At: wal.Position{Epoch: epoch, Sequence: uint64(i + 1)}, Record: r})
		}
		return c
	}
	tests := []struct {
		name   string
		chains []rawChain
		want   int // entries that count
		err    string
	}{
		{"nothing", nil, 0, ""},
		{"one chain counts whole", []rawChain{chain(1, 3)}, 3, ""},
		{"an older chain up to what was read", []rawChain{chain(1, 5), chain(2, 2, ChainEnd{1, 3})}, 5, ""},
		{"a zombie's chain that was not read", []rawChain{chain(1, 3), chain(2, 4), chain(3, 2, ChainEnd{1, 3})}, 5, ""},
		{"a chain that lost its end", []rawChain{chain(1, 2), chain(2, 2, ChainEnd{1, 3})}, 0, "ends before record 3"},
		{"a chain that is gone", []rawChain{chain(2, 2, ChainEnd{1, 3})}, 0, "log of epoch 1 is gone"},
	}
	for _, test := range tests {
		entries, ends, err := effective(test.chains)
		switch {
		case test.err != "":
			if err == nil || !strings.Contains(err.Error(), test.err) {
				t.Errorf("%s: error %v, want %q", test.name, err, test.err)
			}
		case err != nil || len(entries) != test.want:
			t.Errorf("%s: %d entries, error %v, want %d", test.name, len(entries), err, test.want)
		case len(test.chains) > 0 && ends[len(ends)-1].Epoch != test.chains[len(test.chains)-1].epoch:
			t.Errorf("%s: ends %v", test.name, ends)
		}
	}
}
