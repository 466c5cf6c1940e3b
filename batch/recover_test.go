package batch

import (
	"reflect"
	"strings"
	"testing"

	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/store/storetest"
	"github.com/millrace/millrace/internal/wal"
	"github.com/millrace/millrace/offsets"
	"github.com/millrace/millrace/output"
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
	c.After.Sources = map[string]windows.SourceMark{"s": {Watermark: p.Batch * 100}}
	j.add(c)
	return c
}

// commitRows commits a batch with rows for a sink.
func (j *journal) commitRows(p *Planned, sink string) {
	j.commit(p).Files = map[string][]output.File{sink: {{Path: "x", Rows: 1}}}
}

// standing is that of a sink that keeps no record.
func standing(sink string, batch int64) map[string]output.Standing {
	return map[string]output.Standing{sink: {Batch: batch}}
}

// recorded is the standing of the sink "out" by its record.
func recorded(batch int64, hash string) map[string]output.Standing {
	return map[string]output.Standing{"out": {Batch: batch, Recorded: true, RangeHash: hash}}
}

var (
	missing = map[string]output.Standing{"out": {Recorded: true, Missing: true}}
	claim   = &output.Standing{Recorded: true}
)

// planHash is the range hash of a batch of a journal whose every record so far is a plan and its commit.
func planHash(batch int64) string {
	j := &journal{at: batch - 1}
	return RangeHash(j.plan(batch, false))
}

var finalHash = RangeHash((&journal{}).plan(1, true))

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
		record *output.Standing
	}{
		{name: "a new checkpoint plans batch 1", write: func(*journal) {}, action: Plan, next: 1, pos: -1},
		{name: "committed: plan the next", write: func(j *journal) { j.commit(j.plan(1, false)) }, action: Plan, next: 2, pos: 10},
		{name: "planned only: run it again", write: func(j *journal) { j.plan(1, false) }, action: Rerun, next: 2, open: []int64{1}, pos: -1},
		{name: "planned after a commit", write: func(j *journal) { j.commit(j.plan(1, false)); j.plan(2, false) },
			facts: Facts{Published: standing("lake", 1)}, action: Rerun, next: 3, open: []int64{2}, pos: 10},
		{name: "two open plans run in order", write: func(j *journal) { j.plan(1, false); j.plan(2, false) }, action: Rerun, next: 3, open: []int64{1, 2}, pos: -1},
		{name: "cancelled: same offsets under a new id", write: func(j *journal) {
			j.commit(j.plan(1, false))
			j.plan(2, false)
			j.add(&Cancelled{Batch: 2, Reason: "bad record"})
		}, action: Plan, next: 3, pos: 10},
		{name: "a sink ahead of the log", write: func(j *journal) { j.commit(j.plan(1, false)) },
			facts: Facts{Published: standing("lake", 2)}, action: Refuse, reason: `sink "lake" has committed batch 2 but the log ends with batch 1`, next: 2, pos: 10},
		{name: "a sink with rows and a log without a plan", write: func(*journal) {},
			facts: Facts{Published: standing("lake", 2)}, action: Refuse, reason: "the log of this checkpoint is empty", next: 1, pos: -1},
		{name: "an open plan that a paused driver finished meanwhile", write: func(j *journal) { j.plan(1, false) },
			facts: Facts{Published: standing("lake", 1)}, action: Rerun, next: 2, open: []int64{1}, pos: -1},
		{name: "a sink ahead of an open plan", write: func(j *journal) { j.plan(1, false) },
			facts: Facts{Published: standing("lake", 2)}, action: Refuse, reason: "the checkpoint is an old copy", next: 2, open: []int64{1}, pos: -1},
		{name: "a sink with a record, first start: claim", write: func(*journal) {}, facts: Facts{Published: missing}, action: Plan, next: 1, pos: -1, record: claim},
		{name: "a record of the last batch", write: func(j *journal) { j.commitRows(j.plan(1, false), "out") },
			facts: Facts{Published: recorded(1, planHash(1))}, action: Plan, next: 2, pos: 10},
		{name: "a record ahead of the log", write: func(j *journal) { j.commitRows(j.plan(1, false), "out") },
			facts: Facts{Published: recorded(2, "x")}, action: Refuse, reason: `sink "out" has committed batch 2 but the log ends with batch 1`, next: 2, pos: 10},
		{name: "a record of the last batch with other ranges", write: func(j *journal) { j.commitRows(j.plan(1, false), "out") },
			facts: Facts{Published: recorded(1, "x")}, action: Refuse, reason: "two copies of this checkpoint", next: 2, pos: 10},
		{name: "a record below the last batch, which had no rows for it", write: func(j *journal) { j.commitRows(j.plan(1, false), "out"); j.commit(j.plan(2, false)) },
			facts: Facts{Published: recorded(1, planHash(1))}, action: Plan, next: 3, pos: 20},
		{name: "a record below a batch with rows", write: func(j *journal) { j.commitRows(j.plan(1, false), "out"); j.commitRows(j.plan(2, false), "out") },
			facts: Facts{Published: recorded(1, planHash(1))}, action: Refuse, reason: `sink "out" says batch 1 but the log has committed rows of batch 2`, next: 3, pos: 20},
		{name: "a claim below a batch with rows", write: func(j *journal) { j.commitRows(j.plan(1, false), "out") },
			facts: Facts{Published: recorded(0, "")}, action: Refuse, reason: "the record was set back", next: 2, pos: 10},
		{name: "a record below the open batch", write: func(j *journal) { j.commitRows(j.plan(1, false), "out"); j.plan(2, false) },
			facts: Facts{Published: recorded(1, planHash(1))}, action: Rerun, next: 3, open: []int64{2}, pos: 10},
		{name: "a claim and an open batch", write: func(j *journal) { j.plan(1, false) },
			facts: Facts{Published: recorded(0, "")}, action: Rerun, next: 2, open: []int64{1}, pos: -1},
		{name: "a record of the open batch", write: func(j *journal) { j.plan(1, false) },
			facts: Facts{Published: recorded(1, planHash(1))}, action: Rerun, next: 2, open: []int64{1}, pos: -1},
		{name: "a record of the open batch with other ranges", write: func(j *journal) { j.plan(1, false) },
			facts: Facts{Published: recorded(1, "x")}, action: Refuse, reason: "has committed batch 1 with range hash x", next: 2, open: []int64{1}, pos: -1},
		{name: "a record beyond the open batch, with two open", write: func(j *journal) { j.plan(1, false); j.plan(2, false) },
			facts: Facts{Published: recorded(2, planHash(2))}, action: Refuse, reason: "the log ends with batch 1", next: 3, open: []int64{1, 2}, pos: -1},
		{name: "a record of a cancelled batch", write: func(j *journal) { j.plan(1, false); j.add(&Cancelled{Batch: 1}) },
			facts: Facts{Published: recorded(1, planHash(1))}, action: Refuse, reason: "the log ends with batch 0", next: 2, pos: -1},
		{name: "no record and rows committed, nothing open: write it anew", write: func(j *journal) { j.commitRows(j.plan(1, false), "out"); j.commit(j.plan(2, false)) },
			facts: Facts{Published: missing}, action: Plan, next: 3, pos: 20, record: &output.Standing{Batch: 2, Recorded: true, RangeHash: planHash(2)}},
		{name: "no record and no rows committed: a sink that came later", write: func(j *journal) { j.commit(j.plan(1, false)) },
			facts: Facts{Published: missing}, action: Plan, next: 2, pos: 10, record: claim},
		{name: "no record and an open batch", write: func(j *journal) { j.commitRows(j.plan(1, false), "out"); j.plan(2, false) },
			facts: Facts{Published: missing}, action: Refuse, reason: "--assume-published out=2 or --assume-unpublished out=2", next: 3, open: []int64{2}, pos: 10},
		{name: "no record, no rows and an open batch", write: func(j *journal) { j.plan(1, false) },
			facts: Facts{Published: missing}, action: Refuse, reason: "--assume-published out=1 or --assume-unpublished out=1", next: 2, open: []int64{1}, pos: -1},
		{name: "assumed to be published", write: func(j *journal) { j.commitRows(j.plan(1, false), "out"); j.plan(2, false) },
			facts: Facts{Published: missing, Assume: map[string]Assumption{"out": {2, true}}}, action: Rerun, next: 3, open: []int64{2}, pos: 10,
			record: &output.Standing{Batch: 2, Recorded: true, RangeHash: planHash(2)}},
		{name: "assumed not to be published", write: func(j *journal) { j.commitRows(j.plan(1, false), "out"); j.plan(2, false) },
			facts: Facts{Published: missing, Assume: map[string]Assumption{"out": {2, false}}}, action: Rerun, next: 3, open: []int64{2}, pos: 10,
			record: &output.Standing{Batch: 1, Recorded: true, RangeHash: planHash(1)}},
		{name: "the first batch assumed not to be published", write: func(j *journal) { j.plan(1, false) },
			facts: Facts{Published: missing, Assume: map[string]Assumption{"out": {1, false}}}, action: Rerun, next: 2, open: []int64{1}, pos: -1, record: claim},
		{name: "an assumption about another batch", write: func(j *journal) { j.plan(1, false) },
			facts: Facts{Published: missing, Assume: map[string]Assumption{"out": {2, true}}}, action: Refuse, reason: "batch 1 is open, not batch 2", next: 2, open: []int64{1}, pos: -1},
		{name: "an assumption about another sink", write: func(j *journal) { j.plan(1, false) },
			facts: Facts{Published: missing, Assume: map[string]Assumption{"lake": {1, true}}}, action: Refuse, reason: "lost its commit record", next: 2, open: []int64{1}, pos: -1},
		{name: "an assumption against the record counts for nothing", write: func(j *journal) { j.plan(1, false) },
			facts: Facts{Published: recorded(0, ""), Assume: map[string]Assumption{"out": {1, true}}}, action: Rerun, next: 2, open: []int64{1}, pos: -1},
		{name: "flushed, and a record is missing: the flush counts", write: func(j *journal) { j.commitRows(j.plan(1, true), "out") },
			facts: Facts{Published: missing}, action: Refuse, reason: "--reopen", next: 2, pos: 10, record: &output.Standing{Batch: 1, Recorded: true, RangeHash: finalHash}},
		{name: "flushed", write: func(j *journal) { j.commit(j.plan(1, true)) }, action: Refuse, reason: "--reopen", next: 2, pos: 10},
		{name: "flushed and reopened now", write: func(j *journal) { j.commit(j.plan(1, true)) }, facts: Facts{Reopen: true}, action: Undo, next: 2, pos: 10},
		{name: "flushed and to be flushed again", write: func(j *journal) { j.commit(j.plan(1, true)) }, facts: Facts{Flush: true}, action: Plan, next: 2, pos: 10},
		{name: "flushed, reopened and to be flushed again", write: func(j *journal) { j.commit(j.plan(1, true)) }, facts: Facts{Flush: true, Reopen: true}, action: Undo, next: 2, pos: 10},
		{name: "reopened before", write: func(j *journal) {
			j.commit(j.plan(1, true))
			j.add(&Reopened{Batch: 1, FlushedTo: map[string]int64{"w": 77}})
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
			if record, ok := got.Records["out"]; ok != (test.record != nil) || ok && record != *test.record {
				t.Errorf("record %+v, want %+v", got.Records, test.record)
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

// TestFoldBeginsAtASnapshot: what stands before a snapshot is not needed, and the history is the same with it.
func TestFoldBeginsAtASnapshot(t *testing.T) {
	j := &journal{}
	for batch := int64(1); batch <= 5; batch++ {
		p := j.plan(batch, false)
		c := j.commit(p)
		c.Files = map[string][]output.File{"lake": {{Path: "x", Rows: 2}}}
		c.After.Operators = map[string]int64{"w": batch}
		c.Edges = []Edge{{Operator: "w", HeldAfter: batch}}
		c.State = []StateBlock{{Operator: "w", Length: 1, inline: []byte{byte(batch)}}}
		if batch == 3 {
			h, err := Fold(j.entries[:len(j.entries)-2])
			if err != nil {
				t.Fatal(err)
			}
			if c.Base, err = h.base(p, c); err != nil {
				t.Fatal(err)
			}
		}
	}
	whole, err := Fold(j.entries)
	if err != nil {
		t.Fatal(err)
	}
	part, err := Fold(j.entries[5:]) // from the commit of batch 3
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(whole, part) {
		t.Errorf("whole %+v\npart  %+v", whole, part)
	}
	if len(part.States) != 3 || part.LastRows["lake"] != 5 || part.Records != 50 || part.Offsets != 50 || part.NextBatch != 6 {
		t.Errorf("history %+v", part)
	}
}

// TestReadLog is the rule that a successor's Opened decides what counts of older chains.
func TestReadLog(t *testing.T) {
	chain := func(epoch uint64, n int, prev *ChainEnd) []Record {
		out := []Record{&Opened{Epoch: epoch, Prev: prev}}
		for i := 1; i < n; i++ {
			out = append(out, &Cancelled{Batch: int64(epoch)*100 + int64(i)})
		}
		return out
	}
	snapshot := func(rs []Record) []Record { return append(rs, &Committed{Base: &Base{}}) }
	tests := []struct {
		name   string
		chains map[uint64][]Record
		whole  bool
		want   int // records that count
		unread int // of these, before a snapshot in its chain: objects are read back to it alone
		err    string
	}{
		{name: "nothing"},
		{name: "one chain counts whole", chains: map[uint64][]Record{1: chain(1, 3, nil)}, want: 3},
		{name: "an older chain up to what was read", chains: map[uint64][]Record{1: chain(1, 5, nil), 2: chain(2, 2, &ChainEnd{1, 3})}, want: 5},
		{name: "a zombie's chain that was not read", chains: map[uint64][]Record{1: chain(1, 3, nil), 2: chain(2, 4, nil), 3: chain(3, 2, &ChainEnd{1, 3})}, want: 5},
		{name: "a newest chain without a record", chains: map[uint64][]Record{1: chain(1, 3, nil), 2: nil}, want: 3},
		{name: "no further than a snapshot", chains: map[uint64][]Record{2: snapshot(chain(2, 2, &ChainEnd{1, 3})), 3: chain(3, 2, &ChainEnd{2, 3})}, want: 5, unread: 2},
		{name: "a snapshot behind what counts", chains: map[uint64][]Record{1: chain(1, 3, nil), 2: snapshot(chain(2, 2, &ChainEnd{1, 3})), 3: chain(3, 2, &ChainEnd{2, 2})}, want: 7},
		{name: "a commit that only looks like a snapshot", chains: map[uint64][]Record{1: chain(1, 3, nil),
			2: append(chain(2, 2, &ChainEnd{1, 3}), &Committed{SinkRows: map[string]int64{"base": 1}}), 3: chain(3, 2, &ChainEnd{2, 3})}, want: 8},
		{name: "to the first chain when asked", whole: true, chains: map[uint64][]Record{1: chain(1, 3, nil), 2: snapshot(chain(2, 2, &ChainEnd{1, 3}))}, want: 6},
		{name: "a chain that lost its end", chains: map[uint64][]Record{1: chain(1, 2, nil), 2: chain(2, 2, &ChainEnd{1, 3})}, err: "ends before record 3"},
		{name: "a chain that is gone", chains: map[uint64][]Record{2: chain(2, 2, &ChainEnd{1, 3})}, err: "log of epoch 1 ends before record 3"},
		{name: "a chain that links to itself", chains: map[uint64][]Record{1: chain(1, 3, &ChainEnd{1, 1})}, err: "names epoch 1 as the one before it"},
		{name: "a chain without its beginning", chains: map[uint64][]Record{1: chain(1, 3, nil)[1:]}, err: "does not begin with its Opened record"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			for what, chains := range map[string]wal.Chains{
				"files": wal.FileChains{FS: store.OS{}, Dir: t.TempDir()}, "objects": wal.ObjectChains{Store: &storetest.Objects{}},
			} {
				for epoch, records := range test.chains {
					writeChain(t, chains, epoch, records)
				}
				want := test.want
				if what == "objects" {
					want -= test.unread
				}
				entries, end, err := readLog(t.Context(), logReader{read: chains.Recover, chains: chains}, 99, test.whole)
				switch {
				case test.err != "":
					if err == nil || !strings.Contains(err.Error(), test.err) {
						t.Errorf("%s: error %v, want %q", what, err, test.err)
					}
				case err != nil || len(entries) != want:
					t.Errorf("%s: %d records, error %v, want %d", what, len(entries), err, want)
				case want > 0 && end.Sequence != entries[len(entries)-1].At.Sequence:
					t.Errorf("%s: end %v", what, end)
				}
			}
		})
	}
}

func writeChain(t *testing.T, chains wal.Chains, epoch uint64, records []Record) {
	t.Helper()
	log, err := chains.Create(t.Context(), epoch)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	for _, r := range records {
		if _, err := log.Append(encoded(t, r)); err != nil {
			t.Fatal(err)
		}
	}
}

// TestNoSnapshotBeforeAnOpenPlan: a history that begins with a snapshot does not know what was planned before it.
func TestNoSnapshotBeforeAnOpenPlan(t *testing.T) {
	j := &journal{}
	first := j.plan(1, false)
	d := &driver{o: Options{snapshotEvery: 1}, s: &session{worker: &worker{}}, history: fold(t, j)}
	if !d.snapshotDue(first) {
		t.Error("no snapshot although nothing is held and no other plan is open")
	}
	j.plan(2, false)
	if d.history = fold(t, j); d.snapshotDue(first) {
		t.Error("a snapshot although batch 2 is open")
	}
}

func fold(t *testing.T, j *journal) *History {
	t.Helper()
	h, err := Fold(j.entries)
	if err != nil {
		t.Fatal(err)
	}
	return h
}
