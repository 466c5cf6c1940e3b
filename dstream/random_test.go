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
// filter that moved, column that was dropped and definition that was shared may show.
func TestRandomJobs(t *testing.T) {
	const jobs = 1000
	planned, rows, exchanges := 0, 0, 0
	for seed := range uint64(jobs) {
		j := &jobMaker{rng: rand.New(rand.NewPCG(seed, 1))}
		g := j.make()
		plan, err := g.Plan()
		if err != nil {
			continue
		}
		data := j.data()
		got := textOf(runPlan(plan, data)["sink"])
		want := textOf(visible(g, runSteps(&g.columns, g.sinks[0].stream.node, data)))
		if got != want {
			t.Fatalf("seed %d: plan\n%sgives\n%s\nnot\n%s", seed, plan, got, want)
		}
		planned++
		rows += strings.Count(got, "\n")
		exchanges += len(plan.Exchanges)
	}
	if planned < jobs/2 || rows < planned || exchanges < jobs/4 {
		t.Fatalf("of %d jobs, %d have a plan, with %d rows and %d exchanges: too few to show anything", jobs, planned, rows, exchanges)
	}
}

func textOf(rows [][]value) string {
	lines := make([]string, len(rows))
	for i, r := range rows {
		lines[i] = fmt.Sprintln(r)
	}
	slices.Sort(lines)
	return strings.Join(lines, "")
}

func visible(g *Graph, facts []fact) [][]value {
	var out [][]value
	for _, f := range facts {
		var row []value
		for _, c := range g.sinks[0].stream.scope.visible() {
			row = append(row, f.column(&g.columns)(c.id))
		}
		out = append(out, row)
	}
	return out
}

// jobMaker makes jobs over one source and two tables. Some of them are wrong, which is fine.
type jobMaker struct {
	rng   *rand.Rand
	names int
	s     *Stream
}

var jobRelations = []string{
	"source events t: a bigint, b bigint, k string, t timestamp",
	"table one: k string, v bigint, w bigint",
	"table two: a bigint, k string",
}

func (j *jobMaker) make() *Graph {
	g := NewGraph()
	for _, r := range jobRelations {
		if err := addRelation(g, r); err != nil {
			panic(err)
		}
	}
	j.s = g.From("events")
	j.steps()
	for range j.rng.IntN(3) {
		j.windowed()
		j.steps()
	}
	j.selectAll()
	j.s.To("sink")
	return g
}

func (j *jobMaker) steps() {
	for range j.rng.IntN(5) {
		switch j.rng.IntN(5) {
		case 0, 1:
			j.s = j.s.Filter(j.predicate(2))
		case 2:
			j.selectSome()
		case 3:
			j.join()
		case 4:
			j.s = j.s.As(j.name())
		}
	}
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
		if !c.Hidden {
			exprs = append(exprs, ref(c).As(j.name()))
		}
	}
	j.s = j.s.Select(exprs...)
}

func (j *jobMaker) join() {
	kind := JoinKind(j.rng.IntN(2))
	alias := j.name()
	if j.rng.IntN(2) == 0 {
		on := j.text(1).Eq(Col(alias + ".k"))
		j.s = j.s.Join("one", alias, kind, on)
		return
	}
	on := j.number(1).Eq(Col(alias + ".a"))
	if j.rng.IntN(2) == 0 {
		on = Col(alias + ".k").Eq(j.text(0)).And(on)
	}
	j.s = j.s.Join("two", alias, kind, on)
}

func (j *jobMaker) windowed() {
	if j.s.Err() != nil {
		return
	}
	w := WindowSpec{Time: j.column(columnar.Timestamp), Tumbling: windows.Tumbling{Size: 1 + j.rng.Int64N(6), Offset: j.rng.Int64N(9) - 4}}
	j.s = j.s.Window(w)
	if j.rng.IntN(2) == 0 {
		j.s = j.s.Filter(Col("window_end").Gt(j.column(columnar.Timestamp)).Or(Col("window_time").Eq(Col("window_start"))))
	}
	keys := []Expr{Col("window_start")}
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

func (j *jobMaker) aggregate() Expr {
	switch j.rng.IntN(5) {
	case 0:
		return Count()
	case 1:
		return CountOf(j.text(1))
	case 2:
		return Min(j.text(1))
	case 3:
		return Max(j.column(columnar.Timestamp))
	}
	return Sum(j.number(1)).Add(Count())
}

func ref(c Column) Expr { return Expr{Kind: ColumnRef, Qualifier: c.Qualifier, Name: c.Name} }

// column is any column of the kind, or a literal where there is none. It may be ambiguous.
func (j *jobMaker) column(k columnar.Kind) Expr {
	var fit []Column
	for _, c := range j.s.Columns() {
		if c.Type.Kind == k && !strings.HasPrefix(c.Name, "_") {
			fit = append(fit, c)
		}
	}
	if len(fit) == 0 {
		return literal(k, columnar.Value{I: 1, S: "x"})
	}
	return ref(fit[j.rng.IntN(len(fit))])
}

func (j *jobMaker) number(depth int) Expr {
	switch n := j.rng.IntN(6); {
	case depth > 0 && n == 0:
		return j.number(depth - 1).Add(j.number(depth - 1))
	case depth > 0 && n == 1:
		return j.number(depth - 1).Mul(Int(j.rng.Int64N(3)))
	case n == 2:
		return Int(j.rng.Int64N(5))
	}
	return j.column(columnar.Int64)
}

func (j *jobMaker) text(depth int) Expr {
	switch n := j.rng.IntN(5); {
	case depth > 0 && n == 0:
		return Fn("concat", j.text(depth-1), j.text(depth-1))
	case depth > 0 && n == 1:
		return Fn("upper", j.text(depth-1))
	case n == 2 && depth > 1:
		return Str("y")
	}
	return j.column(columnar.String)
}

func (j *jobMaker) predicate(depth int) Expr {
	switch n := j.rng.IntN(6); {
	case depth > 0 && n < 2:
		return j.predicate(depth - 1).And(j.predicate(depth - 1))
	case depth > 0 && n == 2:
		return j.predicate(depth - 1).Or(j.predicate(depth - 1))
	case n == 3:
		return j.text(1).IsNull()
	case n == 4:
		return j.text(1).Gt(Str("X"))
	}
	return j.number(1).Gt(j.number(1))
}

// data fills the relations with few distinct values, so that joins and groups meet.
func (j *jobMaker) data() dataset {
	d := dataset{}
	for _, r := range jobRelations {
		head, list, _ := strings.Cut(r, ":")
		name := strings.Fields(head)[1]
		for range 12 {
			row := map[string]value{}
			for _, column := range strings.Split(list, ",") {
				words := strings.Fields(column)
				row[words[0]] = j.value(words[1])
			}
			d[name] = append(d[name], row)
		}
	}
	return d
}

func (j *jobMaker) value(typ string) value {
	switch {
	case typ == "timestamp":
		return value{i: j.rng.Int64N(20) - 8}
	case j.rng.IntN(6) == 0:
		return value{null: true}
	case typ == "string":
		return value{s: string(rune('x' + j.rng.IntN(3)))}
	}
	return value{i: j.rng.Int64N(4)}
}
