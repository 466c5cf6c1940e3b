package windows

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/internal/state"
)

// everySpec has an aggregate of every kind of state: numbers, exact sums, texts, sets, lists, sketches. The rows are ts,
// key, value, text and, behind Assign, window_start.
func everySpec() columnar.AggSpec {
	ts, double, text := kind(columnar.Timestamp), kind(columnar.Float64), kind(columnar.String)
	param := func(k columnar.Kind, v columnar.Value) []columnar.AggParam {
		return []columnar.AggParam{{Type: kind(k), Value: v}}
	}
	half, comma := param(columnar.Float64, columnar.Value{F: 0.5}), param(columnar.String, columnar.Value{S: ","})
	aggs := []columnar.Agg{
		{Func: columnar.Sum, Arg: 2, In: double}, {Func: columnar.Avg, Arg: 2, In: double}, {Func: columnar.StddevSamp, Arg: 2, In: double},
		{Func: columnar.Max, Arg: 3, In: text}, {Func: columnar.ArgMin, Arg: 3, In: text, More: []columnar.AggArg{{Col: 0, Type: ts}}},
		{Func: columnar.Count, Arg: 3, In: text, Distinct: true}, {Func: columnar.Sum, Arg: 2, In: double, Distinct: true},
		{Func: columnar.StringAgg, Arg: 3, In: text, Params: comma, Order: []columnar.AggOrder{{Col: 0, Type: ts, Desc: true}}},
		{Func: columnar.ArrayAgg, Arg: 2, In: double}, {Func: columnar.ApproxCountDistinct, Arg: 2, In: double},
		{Func: columnar.ApproxQuantile, Arg: 2, In: double, Params: half}, {Func: columnar.QuantileCont, Arg: 2, In: double, Params: half},
		{Func: columnar.Mode, Arg: 3, In: text}, {Func: columnar.CountStar, Arg: -1}}
	for i := range aggs {
		aggs[i].Name = fmt.Sprintf("a%d", i)
	}
	return columnar.AggSpec{Keys: []int{4, 1}, Aggs: aggs}
}

var everySchema = columnar.NewSchema(columnar.Field{Name: "ts", Type: kind(columnar.Timestamp)}, columnar.Field{Name: "key", Type: kind(columnar.String)},
	columnar.Field{Name: "value", Type: kind(columnar.Float64)}, columnar.Field{Name: "text", Type: kind(columnar.String)})

// everyRows makes rows of a few keys, of which one has enough different values for a sketch.
func everyRows(r *rand.Rand, n int) *columnar.Batch {
	cols := make([]*columnar.Builder, len(everySchema.Fields))
	for i, f := range everySchema.Fields {
		cols[i] = columnar.NewBuilder(f.Type)
	}
	for range n {
		cols[0].AppendInt64(r.Int64N(40))
		cols[1].AppendString([]string{"a", "a", "a", "b", "c"}[r.IntN(5)])
		cols[2].AppendFloat64(r.NormFloat64() * []float64{1, 1, 1e200}[r.IntN(3)])
		if r.IntN(5) == 0 {
			cols[3].AppendNull()
		} else {
			cols[3].AppendString(fmt.Sprint(r.IntN(30)))
		}
	}
	b := &columnar.Batch{Schema: everySchema, Rows: n}
	for _, c := range cols {
		b.Cols = append(b.Cols, c.Vector())
	}
	return b
}

// life is one way to run the rows of a job: how they are cut, in how many shards, and how often it is restarted.
type life struct {
	window   Window
	shards   int
	restarts bool
	mean     int // rows of a batch
}

// TestEveryAggregateInEveryLife runs the same rows in several lives. The state before the end and the rows at the end are
// the same, byte by byte.
func TestEveryAggregateInEveryLife(t *testing.T) {
	t.Parallel()
	const seed = 9
	r := rand.New(rand.NewPCG(seed, 0))
	for c := range cases(12, 4) {
		rows := everyRows(r, []int{40, 400, 1500}[c/4%3])
		w := []Window{{Kind: Tumbling, Size: 40}, {Kind: Tumbling, Size: 10, Offset: 3}, {}, {Kind: Session, Size: 1}}[c%4]
		wantBlock, wantRows := life{window: w, shards: 1, mean: rows.Rows}.run(t, r, rows)
		for range 3 {
			l := life{window: w, shards: []int{1, 2, 8}[r.IntN(3)], restarts: r.IntN(3) > 0, mean: 1 + r.IntN(rows.Rows)}
			block, out := l.run(t, r, rows)
			if !bytes.Equal(block, wantBlock) || !bytes.Equal(out, wantRows) {
				t.Fatalf("seed %d case %d, %+v: state of %d bytes, not %d; rows of %d bytes, not %d", seed, c, l, len(block), len(wantBlock), len(out), len(wantRows))
			}
		}
	}
}

// run gives the state block of all rows and the finished rows.
func (l life) run(t *testing.T, r *rand.Rand, rows *columnar.Batch) (block, out []byte) {
	t.Helper()
	p := &everyPipeline{t: t, life: l, assign: NewAssign(everySchema, l.timeColumn(), l.window)}
	p.send = NewLocalAggregate(p.assign.Schema(), withTimes(everySpec(), l.window), l.window)
	p.restart()
	order := r.Perm(rows.Rows)
	for len(order) > 0 {
		n := min(1+r.IntN(2*l.mean), len(order))
		batch := *rows
		for _, i := range order[:n] {
			batch.Sel = append(batch.Sel, int32(i))
		}
		slices.Sort(batch.Sel)
		order = order[n:]
		p.merge(&batch)
		if l.restarts {
			p.keep(r)
			if r.IntN(3) == 0 {
				p.restart()
			}
		}
	}
	return p.block((*Aggregate).Snapshot), p.finish()
}

func (l life) timeColumn() int {
	if l.window == (Window{}) {
		return -1
	}
	return 0
}

type everyPipeline struct {
	life
	t      *testing.T
	assign *Assign
	send   *LocalAggregate
	states []*Aggregate
	chain  [][]byte // the last snapshot and the deltas behind it
}

func (p *everyPipeline) must(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

func (p *everyPipeline) merge(b *columnar.Batch) {
	assigned, err := p.assign.Process(b)
	p.must(err)
	p.send.Reset()
	p.must(p.send.Add(assigned))
	partial := p.send.Partial()
	groups := columnar.KeyGroups(partial, []int{1}, nil)
	for s, a := range p.states {
		part := *partial
		part.Sel = []int32{}
		for i, g := range groups {
			if columnar.Shard(g, p.shards) == s {
				part.Sel = append(part.Sel, int32(i))
			}
		}
		p.must(a.Merge(&part))
	}
}

// keep takes a snapshot or a delta.
func (p *everyPipeline) keep(r *rand.Rand) {
	if len(p.chain) == 0 || r.IntN(4) == 0 {
		p.chain = [][]byte{p.block((*Aggregate).Snapshot)}
	} else {
		p.chain = append(p.chain, p.block((*Aggregate).Delta))
	}
}

func (p *everyPipeline) block(take func(*Aggregate) ([]byte, error)) []byte {
	var blocks [][]byte
	for _, a := range p.states {
		b, err := take(a)
		p.must(err)
		blocks = append(blocks, b)
	}
	merged, err := state.MergeBlocks(blocks)
	p.must(err)
	return merged
}

// restart makes the states anew, from what was kept.
func (p *everyPipeline) restart() {
	p.states = nil
	for s := range p.shards {
		a := NewAggregate(Operator{Window: p.window, In: p.assign.Schema(), Spec: withTimes(everySpec(), p.window)})
		from, to := keyGroupsOf(s, p.shards)
		for _, block := range p.chain {
			p.must(a.Load(block, from, to))
		}
		p.states = append(p.states, a)
	}
}

// finish closes all windows.
func (p *everyPipeline) finish() []byte {
	var parts []*columnar.Batch
	for _, a := range p.states {
		closed, err := a.Close(MaxWatermark)
		p.must(err)
		parts = append(parts, closed.Groups)
	}
	all := columnar.Concat(parts)
	out, err := columnar.EncodeIPC(columnar.Take(all, columnar.SortRows(all, []int{0, 1})))
	p.must(err)
	return out
}
