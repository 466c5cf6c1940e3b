package dstream

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/windows"
)

// TestRandomJobs plans random jobs and compares the rows of the plan with those of the steps as they were written: no
// filter that moved, column that was dropped, definition that was shared and step that ran once for several streams may
// show. Written down in another order, a job has the same plan.
func TestRandomJobs(t *testing.T) {
	const jobs = 1000
	var seen struct{ planned, rows, exchanges, pipes, senders, unnests, queries, pruned int }
	for seed := range uint64(jobs) {
		j := newJobMaker(seed)
		g := j.make(nil)
		plan, err := g.Plan()
		if err != nil || j.err != nil {
			continue
		}
		data := j.data()
		got := runPlan(plan, data)
		h := &history{set: &g.columns, data: data, done: map[*node][]fact{}}
		for _, k := range g.sinks {
			want := textOf(visible(&g.columns, k.stream, h.run(k.stream.node)))
			if textOf(got[k.name]) != want {
				t.Fatalf("seed %d: plan\n%sgives to %s\n%s\nnot\n%s", seed, plan, k.name, textOf(got[k.name]), want)
			}
			seen.rows += len(got[k.name])
		}
		other, err := j.make(rand.New(rand.NewPCG(seed, 2))).Plan()
		if err != nil || other.Canonical() != plan.Canonical() {
			t.Fatalf("seed %d: in another order (error: %v) the job is\n%s\nnot\n%s", seed, err, other, plan)
		}
		if slices.Compare(exchangeNames(plan), exchangeNames(other)) != 0 {
			t.Fatalf("seed %d: exchanges are named %q and, in another order, %q", seed, exchangeNames(plan), exchangeNames(other))
		}
		seen.planned++
		seen.queries += len(j.queries)
		seen.exchanges += len(plan.Exchanges)
		for i := range plan.Exchanges {
			seen.senders += len(plan.Senders(i)) - 1
		}
		if text := plan.Canonical(); strings.Contains(text, `field "user":struct`) && !strings.Contains(text, `struct<id bigint, home struct<k string, zip bigint>>`) {
			seen.pruned++
		}
		for _, s := range plan.Stages {
			seen.pipes += min(1, max(0, s.From.Stage+1))
			for _, op := range s.Ops {
				seen.unnests += op.kinds() * min(1, len(op.unnestNames()))
			}
		}
	}
	t.Logf("%+v", seen)
	if n := seen.planned; n < jobs/2 || seen.rows < 5*n || seen.exchanges < n || seen.pipes < n || seen.senders < n/5 || seen.unnests < n/5 || seen.queries < n || seen.pruned < n/10 {
		t.Fatalf("of %d jobs %+v: too few to show anything", jobs, seen)
	}
}

func (op *Op) unnestNames() []string {
	if op.Unnest == nil {
		return nil
	}
	return op.Unnest.Names
}

func exchangeNames(p *Plan) []string {
	var out []string
	for _, x := range p.Exchanges {
		out = append(out, x.Name)
	}
	return out
}

func textOf(rows [][]value) string {
	lines := make([]string, len(rows))
	for i, r := range rows {
		lines[i] = fmt.Sprintln(r)
	}
	slices.Sort(lines)
	return strings.Join(lines, "")
}

func visible(set *columnSet, s *Stream, facts []fact) [][]value {
	var out [][]value
	for _, f := range facts {
		var row []value
		for _, c := range s.scope.visible() {
			row = append(row, f.column(set)(c.id))
		}
		out = append(out, row)
	}
	return out
}

// jobMaker makes jobs of a few named queries, each over sources and queries before it. Some of them are wrong, which is
// fine. Every query has random numbers of its own, so that it is the same whenever it is made.
type jobMaker struct {
	seed    uint64
	queries []query
	sinks   []string // the query that each takes
	bounded bool
	g       *Graph
	err     error // the first mistake in a query

	rng   *rand.Rand // of the query being made
	names int
	s     *Stream
}

// query is one of a job; reads are the relations that it is over.
type query struct {
	name  string
	seed  uint64
	reads []string
}

var jobRelations = []string{
	"source events t: a bigint, b bigint, k string, t timestamp, tags array<string>, items array<struct<k:string;n:bigint>>, user struct<id:bigint;home:struct<k:string;zip:bigint>>",
	"source clicks t: a bigint, k string, l string, t timestamp",
	"table one: k string, v bigint, w bigint",
	"table two: a bigint, k string",
}

func newJobMaker(seed uint64) *jobMaker {
	rng := rand.New(rand.NewPCG(seed, 1))
	j := &jobMaker{seed: seed, bounded: rng.IntN(4) == 0}
	relations := []string{"events", "events", "clicks"}
	for i := range 1 + rng.IntN(4) {
		q := query{name: fmt.Sprintf("q%d", i), seed: rng.Uint64()}
		for range 1 + rng.IntN(3) {
			q.reads = append(q.reads, relations[rng.IntN(len(relations))])
		}
		j.queries, relations = append(j.queries, q), append(relations, q.name, q.name)
	}
	for range 1 + rng.IntN(3) {
		j.sinks = append(j.sinks, j.queries[rng.IntN(len(j.queries))].name)
	}
	return j
}

// make writes the job down, in the order of its parts or, with random numbers, in another one.
func (j *jobMaker) make(order *rand.Rand) *Graph {
	j.g, j.err = NewGraph(), nil
	relations, queries, sinks := jobRelations, indexes(len(j.queries)), indexes(len(j.sinks))
	if order != nil {
		order.Shuffle(len(queries), func(a, b int) { queries[a], queries[b] = queries[b], queries[a] })
		order.Shuffle(len(sinks), func(a, b int) { sinks[a], sinks[b] = sinks[b], sinks[a] })
		relations = slices.Clone(relations)
		slices.Reverse(relations)
	}
	for _, r := range relations {
		if err := addRelation(j.g, r); err != nil {
			panic(err)
		}
	}
	if j.bounded {
		j.g.SetBounded()
	}
	for _, i := range queries {
		j.query(i)
	}
	for _, i := range sinks {
		j.rng, j.names = rand.New(rand.NewPCG(j.seed, uint64(i))), 0
		j.s = j.g.From(j.sinks[i])
		j.steps()
		j.selectAll()
		j.s.To(fmt.Sprintf("sink%d", i))
	}
	return j.g
}

func indexes(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

// query makes a query, those that it reads first.
func (j *jobMaker) query(i int) {
	q := j.queries[i]
	if _, made := j.g.find(q.name); made {
		return
	}
	for _, name := range q.reads {
		if k := slices.IndexFunc(j.queries, func(o query) bool { return o.name == name }); k >= 0 {
			j.query(k)
		}
	}
	j.rng, j.names = rand.New(rand.NewPCG(q.seed, 1)), 0
	var all *Stream
	for _, name := range q.reads {
		j.s = j.g.From(name)
		if j.rng.IntN(3) > 0 {
			j.steps()
		}
		for range j.rng.IntN(2) {
			j.windowed()
			j.steps()
		}
		if len(q.reads) > 1 {
			j.narrow()
		}
		if all == nil {
			all = j.s
		} else {
			all = all.Union(j.s)
		}
	}
	j.s = all
	if j.rng.IntN(4) == 0 {
		j.windowed()
	}
	if j.bounded && j.rng.IntN(4) == 0 {
		j.narrow()
		j.s = j.s.Distinct()
	}
	j.selectAll()
	if err := j.g.AddView(q.name, j.s, Pos{}); err != nil && j.err == nil {
		j.err = err
	}
}

// narrow leaves a number, a text, a time and perhaps a literal, so that streams can be put together.
func (j *jobMaker) narrow() {
	time := j.column(columnar.Timestamp)
	for _, c := range j.s.Columns() {
		if c.Name == windowTime || c.Name == "t" {
			time = ref(c)
		}
	}
	j.s = j.s.Select(j.number(1).As("a"), j.text(1).As("k"), time.As("t"), Int(j.rng.Int64N(3)).As("b"))
}

func (j *jobMaker) steps() {
	for range j.rng.IntN(5) {
		switch j.rng.IntN(6) {
		case 0, 1:
			j.s = j.s.Filter(j.predicate(2))
		case 2:
			j.selectSome()
		case 3:
			j.join()
		case 4:
			j.s = j.s.As(j.name())
		case 5:
			j.unnest()
		}
	}
}

// unnest takes an array apart, where there is one.
func (j *jobMaker) unnest() {
	var arrays []Column
	for _, c := range j.s.Columns() {
		if c.Type.Kind == columnar.Array && !c.Hidden {
			arrays = append(arrays, c)
		}
	}
	if len(arrays) == 0 {
		return
	}
	c := arrays[j.rng.IntN(len(arrays))]
	spec := UnnestSpec{Expr: ref(c), Alias: j.name(), Left: j.rng.IntN(2) == 0, Ordinality: j.rng.IntN(2) == 0}
	if j.rng.IntN(2) == 0 {
		spec.Columns = append(spec.Columns, j.name())
		if c.Type.Elem().Kind == columnar.Struct && j.rng.IntN(2) == 0 {
			spec.Columns = append(spec.Columns, j.name())
		}
		if spec.Ordinality {
			spec.Columns = append(spec.Columns, j.name())
		}
	}
	j.s = j.s.Unnest(spec)
}

func (j *jobMaker) name() string {
	j.names++
	return fmt.Sprintf("x%d", j.names)
}

// selectSome keeps most columns under new names and adds computed ones.
func (j *jobMaker) selectSome() {
	var exprs []Expr
	for _, c := range j.s.Columns() {
		if j.rng.IntN(5) > 0 && !strings.HasPrefix(c.Name, "_") {
			exprs = append(exprs, ref(c).As(j.name()))
		}
	}
	for range j.rng.IntN(3) {
		exprs = append(exprs, j.number(2).As(j.name()))
	}
	exprs = append(exprs, j.text(2).As(j.name()))
	j.s = j.s.Select(exprs...)
}

// selectAll leaves columns with names of their own.
func (j *jobMaker) selectAll() {
	var exprs []Expr
	for _, c := range j.s.Columns() {
		if name := c.Name; !c.Hidden {
			if name != windowTime && name != "t" || j.rng.IntN(4) == 0 {
				name = j.name()
			}
			exprs = append(exprs, ref(c).As(name))
		}
	}
	j.s = j.s.Select(exprs...)
}

func (j *jobMaker) join() {
	kind := JoinKind(j.rng.IntN(2))
	alias := j.name()
	text, number := j.column(columnar.String), j.column(columnar.Int64)
	if text.Kind == LiteralExpr || number.Kind == LiteralExpr {
		return
	}
	if j.rng.IntN(2) == 0 {
		if j.rng.IntN(2) == 0 {
			text = Fn("upper", text)
		}
		j.s = j.s.Join("one", alias, kind, text.Eq(Col(alias+".k")))
		return
	}
	on := number.Add(Int(1)).Eq(Col(alias + ".a"))
	if j.rng.IntN(2) == 0 {
		on = Col(alias + ".k").Eq(text).And(on)
	}
	j.s = j.s.Join("two", alias, kind, on)
}

func (j *jobMaker) windowed() {
	if j.s.Err() != nil {
		return
	}
	if j.bounded && j.rng.IntN(2) == 0 {
		j.grouped()
		return
	}
	time := j.time()
	if time.Kind != ColumnRef {
		return
	}
	w := WindowSpec{Time: time, Window: windows.Window{Kind: windows.Tumbling, Size: 1 + j.rng.Int64N(6), Offset: j.rng.Int64N(9) - 4}}
	j.s = j.s.Window(w)
	if j.rng.IntN(2) == 0 {
		j.s = j.s.Filter(Col("window_end").Gt(j.column(columnar.Timestamp)).Or(Col("window_time").Eq(Col("window_start"))))
	}
	j.grouped(Col("window_start"))
}

// time is a column that windows are likely to be allowed over.
func (j *jobMaker) time() Expr {
	for _, c := range j.s.Columns() {
		if (c.Name == windowTime || c.Name == "t") && j.rng.IntN(12) > 0 {
			return ref(c)
		}
	}
	return j.column(columnar.Timestamp)
}

func (j *jobMaker) grouped(keys ...Expr) {
	for range j.rng.IntN(3) {
		keys = append(keys, j.text(1).As(j.name()))
	}
	var aggs []Expr
	for range j.rng.IntN(4) {
		aggs = append(aggs, j.aggregate().As(j.name()))
	}
	j.s = j.s.GroupBy(keys...).Agg(aggs...)
	if j.rng.IntN(2) == 0 {
		j.s = j.s.Filter(Count().Gt(Int(j.rng.Int64N(3))))
	}
}
