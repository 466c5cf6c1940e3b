package windows

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// sessionChangeOracle is the definition of the changelog of sessions: rows that are not late are kept in a list, and behind each
// batch all results are made of it anew.
type sessionChangeOracle struct {
	gap       int64
	emit      Emission
	watermark int64
	live      []event
	out       map[string]outRow // results of live rows that have come out
	late      int64
	bridged   int // results that became part of another
}

func (o *sessionChangeOracle) runs() [][]event {
	slices.SortStableFunc(o.live, func(a, b event) int { return cmp.Or(cmp.Compare(a.key, b.key), cmp.Compare(a.ts, b.ts)) })
	var out [][]event
	for i, e := range o.live {
		if i == 0 || o.live[i-1].key != e.key || e.ts-o.live[i-1].ts > o.gap {
			out = append(out, nil)
		}
		out[len(out)-1] = append(out[len(out)-1], e)
	}
	return out
}

// run returns the changes of a batch behind which the watermark is after.
func (o *sessionChangeOracle) run(events []event, after int64) (changes []changeRow) {
	for _, e := range events {
		if e.nullKey {
			e.key = "NULL"
		}
		o.live = append(o.live, e)
	}
	results, held := map[string]outRow{}, []event{}
	var over []string
	for _, run := range o.runs() {
		end := run[len(run)-1].ts + o.gap
		if saturatingAdd(end, o.emit.Lateness) < o.watermark {
			o.late += int64(len(run))
			continue
		}
		id := fmt.Sprint(run[0].ts, " ", run[0].key)
		if o.emit.Early || end < after || after == MaxWatermark {
			results[id] = sessionRow(run, end)
		}
		if saturatingAdd(end, o.emit.Lateness) < after || after == MaxWatermark {
			over = append(over, id)
		} else {
			held = append(held, run...)
		}
	}
	for id, was := range o.out {
		switch is, there := results[id]; {
		case !there:
			changes = append(changes, changeRow{was, Delete})
			o.bridged++
		case is.String() != was.String():
			changes = append(changes, changeRow{was, UpdateBefore}, changeRow{is, UpdateAfter})
		}
	}
	for id, is := range results {
		if _, was := o.out[id]; !was {
			changes = append(changes, changeRow{is, Insert})
		}
	}
	for _, id := range over {
		delete(results, id)
	}
	o.out, o.live, o.watermark = results, held, after
	slices.SortFunc(changes, compareChanges)
	return changes
}

func sessionRow(run []event, end int64) outRow {
	group := &oracleRow{start: run[0].ts, key: run[0].key, first: run[0].ts}
	for _, e := range run {
		group.add(e)
	}
	row := group.row()
	row.end = end
	return row
}

// TestSessionChangesAgainstOracle compares batch by batch, restarted from blocks now and then, on 1, 2 and 8 shards.
func TestSessionChangesAgainstOracle(t *testing.T) {
	t.Parallel()
	const seed = 22
	r := rand.New(rand.NewPCG(seed, 0))
	ops, late, bridged := map[string]int{}, int64(0), 0
	for n := range cases(600, 150) {
		in, emit := randomChangesInput(r)
		in.window = Window{Kind: Session, Size: 1 + r.Int64N(20)}
		o := &sessionChangeOracle{gap: in.window.Size, emit: emit, watermark: NoWatermark, out: map[string]outRow{}}
		c := newChanger(t, in.window, emit, in.disorder, in.partitions, []int{1, 2, 8}[r.IntN(3)])
		chain := []stateBlock{}
		batches := append(in.cut(r), nil)
		for i, batch := range batches {
			before := o.late
			var got []changeRow
			if i == len(batches)-1 {
				got = c.flush()
			} else {
				got = c.run(batch)
			}
			want := o.run(batch, c.mark.Watermark)
			if fmt.Sprint(got) != fmt.Sprint(want) || c.late != o.late-before {
				t.Fatalf("seed %d case %d batch %d (%+v %+v), W %s:\ngot  %v, %d late\nwant %v, %d late", seed, n, i, in.window, emit,
					showTime(c.mark.Watermark), got, c.late, want, o.late-before)
			}
			for _, row := range got {
				ops[row.op]++
			}
			c.checkNextChange(o)
			chain = c.save(r, chain)
			if r.IntN(3) == 0 {
				c = c.restore(chain, []int{1, 2, 8}[r.IntN(3)])
			}
		}
		if late, bridged = late+o.late, bridged+o.bridged; c.rowsHeld() != 0 {
			t.Fatalf("seed %d case %d: %d rows are held behind the end", seed, n, c.rowsHeld())
		}
	}
	t.Logf("seed %d: %v, %d late rows, %d results taken back", seed, ops, late, bridged)
	if ops[Delete] < 50 || ops[UpdateAfter] < 100 || late < 100 {
		t.Error("too little changed")
	}
}

// checkNextChange compares the watermark at which something happens next with that of the oracle.
func (c *changer) checkNextChange(o *sessionChangeOracle) {
	want := int64(MaxWatermark)
	for _, run := range o.runs() {
		end := run[len(run)-1].ts + o.gap
		want = min(want, end+o.emit.Lateness+1)
		if !o.emit.Early && end >= o.watermark {
			want = min(want, end+1)
		}
	}
	got := int64(MaxWatermark)
	for _, shard := range c.shards {
		if next, held := shard.NextClose(); held {
			got = min(got, next)
		}
	}
	if got != want {
		c.t.Fatalf("the next change is at %s, want %s", showTime(got), showTime(want))
	}
}
