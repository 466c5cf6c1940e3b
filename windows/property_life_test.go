package windows_test

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/windows"
)

// life takes a scenario through the operators of this package as package batch does: sources are observed, rows assigned
// and half-aggregated in tasks, partials merged in shards, windows closed, state kept as deltas and snapshots. Whatever
// is not decided by the scenario is drawn: how ranges are cut into tasks, in which order partials arrive.
type life struct {
	*scenario
	*rand.Rand
	in     *columnar.Schema
	spec   columnar.AggSpec
	assign *windows.Assign
	send   *windows.LocalAggregate

	shards []*windows.Aggregate
	marks  committed
	chain  []kept // what the log holds of the state
	floor  int64
	rows   []*columnar.Batch // of the batch, as they went to assign

	second  *life     // of a window over the results; nil: there is none
	told    *int64    // of the second window: the watermark behind the first
	planned committed // of the second window: before the batch, and behind it
	after   committed
}

// committed are the watermarks between two batches.
type committed struct {
	sources  []windows.SourceMark
	operator int64
}

func ofKind(k columnar.Kind) columnar.Type { return columnar.Type{Kind: k} }

var recordSchema = columnar.NewSchema(
	columnar.Field{Name: "ts", Type: ofKind(columnar.Timestamp)},
	columnar.Field{Name: "key", Type: ofKind(columnar.String)},
	columnar.Field{Name: "value", Type: ofKind(columnar.Int64)},
)

func newLife(s *scenario, r *rand.Rand) *life {
	l := &life{scenario: s, Rand: r, marks: committed{operator: windows.NoWatermark}, floor: windows.NoWatermark}
	for range s.sources {
		l.marks.sources = append(l.marks.sources, windows.NewSourceMark())
	}
	timeColumn := 0
	if s.frame.real == (windows.Window{}) {
		timeColumn = -1
	}
	l.assign = windows.NewAssign(recordSchema, timeColumn, s.frame.real)
	l.in = l.assign.Schema()
	l.spec = columnar.AggSpec{Keys: []int{3}, Aggs: []columnar.Agg{
		{Func: columnar.Sum, Arg: 2, In: ofKind(columnar.Int64), Name: "sum"},
		{Func: columnar.Min, Arg: 0, In: ofKind(columnar.Timestamp), Name: "first"},
		{Func: columnar.Max, Arg: 0, In: ofKind(columnar.Timestamp), Name: "last"},
		{Func: columnar.Max, Arg: 2, In: ofKind(columnar.Int64), Name: "most"},
	}}
	if s.frame.gap > 0 {
		l.spec.Aggs = append(l.spec.Aggs, windows.SessionTimes(0)...)
	}
	l.spec.Aggs = append(l.spec.Aggs, columnar.Agg{Func: columnar.CountStar, Arg: -1, Name: "_rows"})
	if s.frame.length > 0 {
		l.spec.Aggs = l.spec.Aggs[len(l.spec.Aggs)-1:]
	}
	if s.keyed {
		l.spec.Keys = append(l.spec.Keys, 1)
	}
	if s.frame.second != nil {
		l.second = newLife(s.chained(), r)
	}
	l.send = windows.NewLocalAggregate(l.in, l.spec, l.frame.real)
	return l
}

// operator is what the shards are made of.
func (l *life) operator() windows.Operator {
	return windows.Operator{Window: l.frame.real, In: l.in, Spec: l.spec, Emit: l.emit}
}

// run lives through all steps. A step in which the process dies is run again, by the next process.
func (l *life) run(yield func(step int, a answer) error) error {
	l.restore(l.steps[0].shards)
	for i := range l.steps {
		b := &l.steps[i]
		if b.newEpoch && i > 0 {
			l.restore(b.shards)
		}
		if err := l.step(i, b, yield); err != nil {
			return fmt.Errorf("batch %d: %w", i+1, err)
		}
	}
	return nil
}

// step runs a batch up to its commit. The process may die before: dies counts the places from the first merge on, and
// what has been seen of the batch by then must be what the next process sees.
func (l *life) step(i int, b *step, yield func(int, answer) error) error {
	planned := l.plan(b)
	if 0 < b.dies && b.dies < 4 {
		a, _, err := l.attempt(b, planned, b.dies)
		if err == nil && a != nil {
			err = yield(i, *a)
		}
		if err != nil {
			return fmt.Errorf("dying: %w", err)
		}
		l.restore(b.shards)
	}
	a, after, err := l.attempt(b, planned, 0)
	if err != nil {
		return err
	}
	if err := l.commit(i, after); err != nil {
		return err
	}
	if b.flush { // a job that goes on from here is reopened
		l.floor = max(l.floor, a.end)
		l.marks = planned
		if l.second != nil {
			l.second.floor = max(l.second.floor, a.second.end)
			l.second.marks = l.second.planned
		}
	}
	return yield(i, *a)
}

// plan decides which partitions are idle.
func (l *life) plan(b *step) committed {
	planned := committed{operator: l.marks.operator}
	for s, mark := range l.marks.sources {
		if b.newEpoch {
			mark = windows.NewEpoch(mark)
		}
		rule := windows.IdleRule{Continuous: l.continuous, PlanTime: b.at, IdleAfter: l.sources[s].idleAfter}
		planned.sources = append(planned.sources, windows.Idle(mark, l.probes(b, s), rule))
	}
	return planned
}

func (l *life) probes(b *step, source int) []windows.Probe {
	var all []windows.Probe
	for p, r := range b.ranges {
		if l.sourceOf[p] != source || r.unknown {
			continue
		}
		probe := windows.Probe{Topic: "t", Partition: int32(p), From: 7, Until: 7 + int64(len(r.records)), Answered: !r.silent}
		probe.HighWatermark = probe.Until
		if r.behind {
			probe.HighWatermark++
		}
		all = append(all, probe)
	}
	return all
}

// attempt runs a batch. It ends early, as far as it gets: dies = 1 in the middle of merging, 2 before closing, 3 before
// the commit; 0 never.
func (l *life) attempt(b *step, planned committed, dies int) (*answer, committed, error) {
	lateAt := l.emit.LateMark(planned.operator)
	if l.frame.gap > 0 {
		l.assign.SetFloor(l.floor)
	} else if l.frame.length == 0 {
		lateAt = max(lateAt, l.floor)
	}
	l.assign.SetWatermark(lateAt)
	a := &answer{}
	l.rows = nil
	seen, partials, err := l.read(b, a)
	if err != nil {
		return nil, committed{}, err
	}
	after := l.advance(b, planned, seen)
	for s, shard := range l.shards {
		shard.SetWatermark(lateAt)
		l.shuffle(len(partials[s]), func(i, j int) { partials[s][i], partials[s][j] = partials[s][j], partials[s][i] })
		for n, p := range partials[s] {
			if dies == 1 && s == len(l.shards)/2 && n == len(partials[s])/2 {
				return nil, committed{}, nil
			}
			if err := shard.Merge(p); err != nil {
				return nil, committed{}, err
			}
		}
	}
	if dies == 1 || dies == 2 {
		return nil, committed{}, nil
	}
	if err = l.close(after.operator, a); err == nil {
		err = l.follow(b, a, after.operator)
	}
	return a, after, err
}

// shuffle changes the order in which partials arrive; rows that are judged one after the other come in that of the plan.
func (l *life) shuffle(n int, swap func(i, j int)) {
	if l.frame.length == 0 {
		l.Shuffle(n, swap)
	}
}

// read runs the tasks of the sources.
func (l *life) read(b *step, a *answer) (seen [][]windows.Seen, partials [][]*columnar.Batch, err error) {
	seen, partials = make([][]windows.Seen, len(l.sources)), make([][]*columnar.Batch, len(l.shards))
	for p, r := range b.ranges {
		if r.unknown {
			continue
		}
		s := l.sourceOf[p]
		met := windows.Seen{Topic: "t", Partition: int32(p), MaxEventTime: windows.NoWatermark}
		for rest := r.records; len(rest) > 0; {
			n := 1 + l.IntN(len(rest))
			latest, err := l.task(rest[:n], b.at, l.sources[s].maxFuture, partials, a)
			if err != nil {
				return nil, nil, err
			}
			met.MaxEventTime, met.Read = max(met.MaxEventTime, latest), true
			rest = rest[n:]
		}
		seen[s] = append(seen[s], met)
	}
	return seen, partials, nil
}

// task reads a piece of a range and appends its partials to those of the shards.
func (l *life) task(records []record, at, maxFuture int64, partials [][]*columnar.Batch, a *answer) (latest int64, err error) {
	rows := batchOf(records)
	rows.Env = l.env()
	observer := windows.NewObserver(0, windows.Bounds{MaxFuture: maxFuture})
	a.bad += int64(len(observer.Observe(rows, at)))
	rows.Sel = slices.DeleteFunc(selected(rows), func(i int32) bool { return records[i].filtered })
	if rows.Len() == 0 {
		return observer.Max(), nil
	}
	assigned, err := l.assign.Process(rows)
	if err != nil {
		return 0, err
	}
	l.rows = append(l.rows, rows)
	a.noteLate(rows, l.assign.Late(rows))
	counts := l.assign.Counts()
	a.late, a.unassigned = a.late+counts.Late, a.unassigned+counts.Unassigned
	if counts.In != int64(rows.Len()) || counts.In != counts.Out+counts.Late+counts.Unassigned {
		return 0, fmt.Errorf("%d rows are counted %+v", rows.Len(), counts)
	}
	if l.frame.length > 0 { // whole rows travel
		l.distribute(assigned, partials)
		return observer.Max(), nil
	}
	l.send.Reset()
	if err := l.send.Add(assigned); err != nil {
		return 0, err
	}
	l.distribute(l.send.Partial(), partials)
	return observer.Max(), nil
}

// distribute gives each shard the groups whose key groups it holds.
func (l *life) distribute(partial *columnar.Batch, partials [][]*columnar.Batch) {
	rows, all := make([][]int32, len(partials)), selected(partial)
	for i, g := range columnar.KeyGroups(partial, l.keys(), nil) {
		s := columnar.Shard(g, len(partials))
		rows[s] = append(rows[s], all[i])
	}
	for s := range rows {
		if len(rows[s]) > 0 {
			partials[s] = append(partials[s], columnar.Take(partial, rows[s]))
		}
	}
}

// advance moves the watermarks of the sources and of the operator behind them.
func (l *life) advance(b *step, planned committed, seen [][]windows.Seen) committed {
	var after committed
	var inputs []windows.Input
	for s, mark := range planned.sources {
		bounds := windows.Bounds{MaxDisorder: l.sources[s].disorder}
		mark = windows.Advance(mark, seen[s], bounds, b.at)
		if b.flush {
			mark = windows.Final(mark)
		}
		after.sources, inputs = append(after.sources, mark), append(inputs, mark.AsInput())
	}
	input := windows.Combine(inputs).Watermark
	switch {
	case l.told != nil:
		input = *l.told
	case l.frame.real.Clock && !b.flush:
		input = b.at
	}
	after.operator = max(planned.operator, input)
	return after
}

// close closes the windows of all shards, and looks whether the shards say of themselves what is so.
func (l *life) close(watermark int64, a *answer) error {
	a.watermark, a.end, a.next = watermark, windows.NoWatermark, windows.MaxWatermark
	for s, shard := range l.shards {
		closed, err := shard.Close(watermark)
		if err != nil {
			return err
		}
		rows := l.resultsOf(closed.Groups)
		if l.frame.length == 0 && !slices.IsSortedFunc(rows, l.order) {
			return fmt.Errorf("shard %d of %d gives rows out of order: %v", s, len(l.shards), rows)
		}
		a.results = append(a.results, rows...)
		a.left, a.late, a.held = a.left+closed.Rows, a.late+closed.Late, a.held+shard.RowsHeld()
		a.duplicates, a.remembered = a.duplicates+closed.Duplicates, a.remembered+shard.Remembered()
		a.end = max(a.end, closed.End)
		if err := l.lateBehind(shard, a); err != nil {
			return err
		}
		if next, held := shard.NextClose(); held {
			a.next = min(a.next, next)
		}
	}
	slices.SortFunc(a.results, compareResults)
	slices.SortFunc(a.lateRows, compareRecords)
	return nil
}

// order is that in which a shard gives its results: by window, then by key. Sessions are known by their start alone.
func (l *life) order(a, b result) int {
	if l.frame.gap > 0 {
		a.end, b.end = 0, 0
	}
	return compareResults(a, b)
}

// lateBehind asks a shard which rows of the batch it found late.
func (l *life) lateBehind(shard *windows.Aggregate, a *answer) error {
	if l.frame.gap == 0 {
		return nil
	}
	for _, rows := range l.rows {
		late, err := shard.LateRows(rows, l.keys(), 0)
		if err != nil {
			return err
		}
		a.noteLate(rows, late)
	}
	return nil
}

// keys are the columns of the records that are keys.
func (l *life) keys() []int {
	if l.keyed {
		return []int{1}
	}
	return nil
}

func (a *answer) noteLate(rows *columnar.Batch, late []int32) {
	for _, i := range late {
		rec := record{time: rows.Cols[0].I64[i], key: "NULL", value: rows.Cols[2].I64[i]}
		if !rows.Cols[1].IsNull(int(i)) {
			rec.key = string(rows.Cols[1].Str(int(i)))
		}
		a.lateRows = append(a.lateRows, rec)
	}
}

// env has the zone of calendar windows.
func (l *life) env() *columnar.Env {
	name := l.frame.real.Zone
	if name == "" {
		return nil
	}
	zone, err := columnar.LoadZone(name)
	if err != nil {
		panic(err)
	}
	return &columnar.Env{Zones: map[string]*columnar.Zone{name: zone}}
}

func batchOf(records []record) *columnar.Batch {
	ts, key, value := columnar.NewBuilder(recordSchema.Fields[0].Type), columnar.NewBuilder(recordSchema.Fields[1].Type), columnar.NewBuilder(recordSchema.Fields[2].Type)
	for _, rec := range records {
		if rec.null {
			ts.AppendNull()
		} else {
			ts.AppendInt64(rec.time)
		}
		if rec.key == "NULL" {
			key.AppendNull()
		} else {
			key.AppendString(rec.key)
		}
		value.AppendInt64(rec.value)
	}
	return &columnar.Batch{Schema: recordSchema, Cols: []*columnar.Vector{ts.Vector(), key.Vector(), value.Vector()}, Rows: len(records)}
}

// selected are the rows of a batch, as a list of its own.
func selected(b *columnar.Batch) []int32 {
	if b.Sel != nil {
		return slices.Clone(b.Sel)
	}
	all := make([]int32, b.Rows)
	for i := range all {
		all[i] = int32(i)
	}
	return all
}

// resultsOf reads finished groups by the names of their columns.
func (l *life) resultsOf(b *columnar.Batch) []result {
	at := func(name string) *columnar.Vector {
		if i := b.Schema.Index(name); i >= 0 {
			return b.Cols[i]
		}
		return nil
	}
	if l.frame.length > 0 {
		return keptOf(b)
	}
	start, end, key, op := at(windows.StartColumn), at(windows.EndColumn), at("key"), at(windows.OpColumn)
	var out []result
	for i := range b.Rows {
		r := result{span: span{start: start.I64[i]}, key: "NULL", sum: at("sum").I64[i], first: at("first").I64[i],
			last: at("last").I64[i], most: at("most").I64[i], rows: at("_rows").I64[i]}
		switch {
		case end != nil:
			r.end = end.I64[i]
		case l.frame.real.Kind == "":
			r.end = windows.MaxWatermark
		default:
			r.end = r.start + l.frame.real.Size
		}
		if key != nil && !key.IsNull(i) {
			r.key = string(key.Str(i))
		}
		if op != nil {
			r.op = string(op.Str(i))
		}
		out = append(out, r)
	}
	return out
}

// keptOf reads the rows that a deduplication has let through.
func keptOf(b *columnar.Batch) []result {
	var out []result
	for i := range b.Rows {
		r := result{span: span{start: b.Cols[0].I64[i]}, key: "NULL", sum: b.Cols[2].I64[i], rows: 1}
		if !b.Cols[1].IsNull(i) {
			r.key = string(b.Cols[1].Str(i))
		}
		out = append(out, r)
	}
	return out
}
