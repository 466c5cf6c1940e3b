package windows

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/internal/state"
)

// event is a record: key and value may be NULL.
type event struct {
	partition int32
	ts        int64
	key       string
	nullKey   bool
	value     float64
	nullValue bool
}

func kind(k columnar.Kind) columnar.Type { return columnar.Type{Kind: k} }

var eventSchema = columnar.NewSchema(
	columnar.Field{Name: "ts", Type: kind(columnar.Timestamp)},
	columnar.Field{Name: "key", Type: kind(columnar.String)},
	columnar.Field{Name: "value", Type: kind(columnar.Float64)},
)

// pipelineSpec groups by window_start and key. Columns of the final rows: the keys, then sum, avg, min(ts), max(value),
// count(value), _rows.
var pipelineSpec = columnar.AggSpec{Keys: []int{3, 1}, Aggs: []columnar.Agg{
	{Func: columnar.Sum, Arg: 2, In: kind(columnar.Float64), Name: "sum"},
	{Func: columnar.Avg, Arg: 2, In: kind(columnar.Float64), Name: "avg"},
	{Func: columnar.Min, Arg: 0, In: kind(columnar.Timestamp), Name: "first"},
	{Func: columnar.Max, Arg: 2, In: kind(columnar.Float64), Name: "max"},
	{Func: columnar.Count, Arg: 2, In: kind(columnar.Float64), Name: "values"},
	{Func: columnar.CountStar, Arg: -1, Name: "_rows"},
}}

// pipeline is the whole of a windowed job without its input and output: what batch does with the parts of this
// package, a partition after the other.
type pipeline struct {
	t      testing.TB
	window Window
	bounds Bounds
	mark   SourceMark
	assign *Assign
	send   *LocalAggregate
	shards []*Aggregate
	late   int64 // of the last batch, as the following
	behind int64 // of the late ones, those found behind the exchange
	left   int64 // rows that left the state

	unassigned int64
}

// specOf is pipelineSpec with what the window needs besides.
func specOf(w Window) columnar.AggSpec {
	return withTimes(pipelineSpec, w)
}

func withTimes(spec columnar.AggSpec, w Window) columnar.AggSpec {
	if w.Kind == Session {
		n := len(spec.Aggs) - 1
		spec.Aggs = slices.Concat(spec.Aggs[:n], SessionTimes(0), spec.Aggs[n:])
	}
	return spec
}

func newPipeline(t testing.TB, w Window, maxDisorder int64, partitions, shards int) *pipeline {
	p := &pipeline{t: t, window: w, bounds: Bounds{MaxDisorder: maxDisorder}, assign: NewAssign(eventSchema, 0, w)}
	op := Operator{Window: w, In: p.assign.Schema(), Spec: specOf(w)}
	p.must(op.Validate())
	p.send = NewLocalAggregate(op.In, op.Spec, w)
	for range shards {
		p.shards = append(p.shards, NewAggregate(op))
	}
	probes := make([]Probe, partitions)
	for i := range probes {
		probes[i] = Probe{Topic: "events", Partition: int32(i)}
	}
	p.mark = Idle(NewSourceMark(), probes, IdleRule{})
	return p
}

// run takes one batch through the job and returns the rows of the windows that it closed.
func (p *pipeline) run(events []event) []outRow {
	p.begin()
	var seen []Seen
	for i := range p.mark.Partitions {
		mine := ofPartition(events, int32(i))
		p.merge(mine)
		seen = append(seen, Seen{Topic: "events", Partition: int32(i), MaxEventTime: latest(mine), Read: len(mine) > 0})
	}
	p.mark = Advance(p.mark, seen, p.bounds, 0)
	return p.close()
}

// begin tells both sides of the watermark at the start of the batch.
func (p *pipeline) begin() {
	p.assign.SetWatermark(p.mark.Watermark)
	for _, shard := range p.shards {
		shard.SetWatermark(p.mark.Watermark)
	}
	p.late, p.unassigned = 0, 0
}

func (p *pipeline) flush() []outRow {
	p.begin()
	p.mark = Final(p.mark)
	return p.close()
}

func (p *pipeline) merge(events []event) {
	rows, err := p.assign.Process(eventBatch(events))
	p.must(err)
	counts := p.assign.Counts()
	p.late, p.unassigned = p.late+counts.Late, p.unassigned+counts.Unassigned
	p.send.Reset()
	p.must(p.send.Add(rows))
	partial := p.send.Partial()
	groups := columnar.KeyGroups(partial, []int{1}, nil)
	for s, shard := range p.shards {
		part := *partial
		part.Sel = []int32{}
		for i, g := range groups {
			if columnar.Shard(g, len(p.shards)) == s {
				part.Sel = append(part.Sel, int32(i))
			}
		}
		p.must(shard.Merge(&part))
	}
}

func (p *pipeline) close() []outRow {
	var out []outRow
	p.behind, p.left = 0, 0
	for _, shard := range p.shards {
		closed, err := shard.Close(p.mark.Watermark)
		p.must(err)
		p.behind, p.left = p.behind+closed.Late, p.left+closed.Rows
		rows := outRows(closed.Groups)
		for i := range rows {
			if p.window.Kind == Cumulative {
				rows[i].step = rows[i].end
			}
		}
		if !slices.IsSortedFunc(rows, compareRows) {
			p.t.Fatalf("a shard gives rows out of order: %v", rows)
		}
		out = append(out, rows...)
	}
	slices.SortFunc(out, compareRows)
	p.late += p.behind
	return out
}

// delta and snapshot are the blocks of all shards, joined.
func (p *pipeline) delta() []byte    { return p.block((*Aggregate).Delta) }
func (p *pipeline) snapshot() []byte { return p.block((*Aggregate).Snapshot) }

func (p *pipeline) block(take func(*Aggregate) ([]byte, error)) []byte {
	var blocks [][]byte
	for _, shard := range p.shards {
		b, err := take(shard)
		p.must(err)
		blocks = append(blocks, b)
	}
	joined, err := state.MergeBlocks(blocks)
	p.must(err)
	return joined
}

func (p *pipeline) rowsHeld() (rows int64) {
	for _, shard := range p.shards {
		rows += shard.RowsHeld()
	}
	return rows
}

func (p *pipeline) must(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

func ofPartition(events []event, partition int32) (mine []event) {
	for _, e := range events {
		if e.partition == partition {
			mine = append(mine, e)
		}
	}
	return mine
}

func latest(events []event) int64 {
	most := int64(NoWatermark)
	for _, e := range events {
		most = max(most, e.ts)
	}
	return most
}

func eventBatch(events []event) *columnar.Batch {
	n := len(events)
	ts := &columnar.Vector{Type: kind(columnar.Timestamp), N: n}
	key := &columnar.Vector{Type: kind(columnar.String), N: n, Valid: make([]byte, (n+7)/8), Off: []int32{0}}
	value := &columnar.Vector{Type: kind(columnar.Float64), N: n, Valid: make([]byte, (n+7)/8)}
	for i, e := range events {
		ts.I64 = append(ts.I64, e.ts)
		key.Data = append(key.Data, e.key...)
		key.Off = append(key.Off, int32(len(key.Data)))
		value.F64 = append(value.F64, e.value)
		if !e.nullKey {
			key.Valid[i>>3] |= 1 << (i & 7)
		}
		if !e.nullValue {
			value.Valid[i>>3] |= 1 << (i & 7)
		}
	}
	key.Data = slices.Grow(key.Data, columnar.Slack)
	return &columnar.Batch{Schema: eventSchema, Cols: []*columnar.Vector{ts, key, value}, Rows: n}
}

// outRow is a finished group. Sum, avg and max are NaN when they are NULL.
type outRow struct {
	start, end    int64  // end is 0 where it follows from the start
	step          int64  // the end of a cumulative window, else 0: they are ordered by it
	key           string // "NULL" for none
	sum, avg, max float64
	first         int64
	values, rows  int64
}

// endOf is the end of the window of a row.
func (p *pipeline) endOf(r outRow) int64 {
	if p.window.HasEnd() {
		return r.end
	}
	return r.start + p.window.Size
}

func outRows(b *columnar.Batch) []outRow {
	var out []outRow
	for i := range b.Rows {
		r := outRow{
			start: b.Cols[0].I64[i], key: "NULL",
			sum: floatAt(b.Cols[2], i), avg: floatAt(b.Cols[3], i), max: floatAt(b.Cols[5], i),
			first: b.Cols[4].I64[i], values: b.Cols[6].I64[i], rows: b.Cols[b.Schema.Index("_rows")].I64[i],
		}
		if end := b.Schema.Index(EndColumn); end >= 0 {
			r.end = b.Cols[end].I64[i]
		}
		if !b.Cols[1].IsNull(i) {
			r.key = string(b.Cols[1].Str(i))
		}
		out = append(out, r)
	}
	return out
}

func floatAt(v *columnar.Vector, i int) float64 {
	if v.IsNull(i) {
		return math.NaN()
	}
	return v.F64[i]
}

// compareRows orders rows as the engine does: by window, then by key. NULL sorts where columnar.SortRows puts it.
func compareRows(a, b outRow) int {
	if c := cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(a.step, b.step)); c != 0 {
		return c
	}
	if a.key == b.key {
		return 0
	}
	if (a.key == "NULL") != (b.key == "NULL") {
		if (a.key == "NULL") == nullsFirst {
			return -1
		}
		return 1
	}
	return strings.Compare(a.key, b.key)
}

var nullsFirst = func() bool {
	b := eventBatch([]event{{key: "a"}, {nullKey: true}})
	return columnar.SortRows(b, []int{1})[0] == 1
}()

func sumRows(rows []outRow) (sum int64) {
	for _, r := range rows {
		sum += r.rows
	}
	return sum
}

func (r outRow) String() string {
	window := showTime(r.start)
	if r.end != 0 {
		window = fmt.Sprintf("[%s, %s)", window, showTime(r.end))
	}
	return fmt.Sprintf("%s %s sum=%s avg=%s first=%s max=%s values=%d rows=%d", window, r.key,
		showFloat(r.sum), showFloat(r.avg), showTime(r.first), showFloat(r.max), r.values, r.rows)
}

func showFloat(f float64) string {
	if math.IsNaN(f) {
		return "NULL"
	}
	return strconv.FormatFloat(f, 'g', -1, 64)
}
