package columnar

import (
	"errors"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
)

// TestOperatorsHandEnvOn lets a batch with an Env through every operator.
func TestOperatorsHandEnvOn(t *testing.T) {
	s := NewSchema(Field{"k", Type{Kind: Int64}}, Field{"list", ArrayOf(Type{Kind: Int64})})
	k, list := NewBuilder(s.Fields[0].Type), NewBuilder(s.Fields[1].Type)
	for i := range 3 {
		k.AppendInt64(int64(i))
		list.Kid(0).AppendInt64(1)
		list.AppendNested()
	}
	env := &Env{Now: 7}
	b := &Batch{Schema: s, Rows: 3, Cols: []*Vector{k.Vector(), list.Vector()}, Env: env}
	table := Take(b, []int32{0, 1})
	filter, err1 := NewFilter(s, mustCall(t, "=", Col(s, 0), bigint(1)))
	project, err2 := NewProject(s, []*Expr{Col(s, 0)}, []string{"k"})
	one, err3 := NewHashJoin(s, table, []int{0}, []int{0}, true)
	many, err4 := NewHashJoin(s, Concat([]*Batch{table, table}), []int{0}, []int{0}, false)
	unnest, err5 := NewUnnest(s, int(1), []int{}, []string{"x"}, false, false)
	if err := errors.Join(err1, err2, err3, err4, err5); err != nil {
		t.Fatal(err)
	}
	for i, op := range []Operator{filter, project, one, many, unnest} {
		if out, err := op.Process(b); err != nil || out.Env != env {
			t.Errorf("operator %d: %v, env %v", i, err, out.Env)
		}
	}
	b.Sel = []int32{1}
	for i, out := range []*Batch{Take(b, b.Sel), Compact(b), Concat([]*Batch{b, b})} {
		if out.Env != env {
			t.Errorf("copy %d lost the env", i)
		}
	}
}

// TestZoneRulesAreThePlans computes a text in a zone by rules that the plan recorded, which differ from the binary's, and
// then by others: nothing of it is folded, and the value is not kept from batch to batch.
func TestZoneRulesAreThePlans(t *testing.T) {
	const hour = int64(microsPerHour)
	s := Session{Zone: "Europe/Berlin"}
	e, err := s.Cast(text("2024-07-01 12:00:00"), Type{Kind: Timestamp})
	if err != nil {
		t.Fatal(err)
	}
	later, err := s.Call("+", e, Const(Type{Kind: Interval}, Value{I: hour}))
	if err != nil {
		t.Fatal(err)
	}
	prog, err := Compile(later, &Schema{})
	if err != nil {
		t.Fatal(err)
	}
	noon, _ := ParseTimestamp([]byte("2024-07-01 13:00:00"))
	if !prog.root.once {
		t.Error("it is computed for each row")
	}
	literal, err := s.Call("=", Col(exprSchema, 4), text("2024-07-01 12:00:00"))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := literal.String(), `=:boolean(#4:timestamp,cast:timestamp("2024-07-01 12:00:00":string,"Europe/Berlin":string))`; got != want {
		t.Errorf("the literal became %s, want %s", got, want)
	}
	for _, hours := range []int64{5, 5, -3} {
		rules := &Zone{name: s.Zone, starts: []int64{-1 << 63}, offsets: []int64{hours * hour}}
		v, err := prog.Eval(&Batch{Schema: &Schema{}, Rows: 4, Sel: []int32{1, 3}, Env: &Env{Zones: map[string]*Zone{s.Zone: rules}}})
		if err != nil || v.I64[1] != noon-hours*hour || v.I64[3] != v.I64[1] {
			t.Errorf("%d hours east: %v, %v", hours, v, err)
		}
	}
	if v, err := prog.Eval(&Batch{Schema: &Schema{}, Rows: 1}); err != nil || v.I64[0] != noon-2*hour {
		t.Errorf("by the rules of the binary: %v, %v", v, err)
	}
}

// TestErrorsOfOnceAreOfASelectedRow lets a text that is no timestamp fail.
func TestErrorsOfOnceAreOfASelectedRow(t *testing.T) {
	e, err := (Session{Zone: "Europe/Berlin"}).Cast(text("x"), Type{Kind: Timestamp})
	if err != nil {
		t.Fatal(err)
	}
	prog, err := Compile(e, &Schema{})
	if err != nil {
		t.Fatal(err)
	}
	var row *RowError
	if _, err := prog.Eval(&Batch{Schema: &Schema{}, Rows: 4, Sel: []int32{2, 3}}); !errors.As(err, &row) || row.Row != 2 || row.Reason != `"x" is not a timestamp` {
		t.Errorf("got %v", err)
	}
	if _, err := prog.Eval(&Batch{Schema: &Schema{}, Rows: 4, Sel: []int32{}}); err != nil {
		t.Errorf("without rows: %v", err)
	}
}

// TestBindingKnowsNoZoneRules binds the expressions of all examples under two sets of rules of a zone: what comes out is
// the same, so that a job stays the job it is when a new binary knows other rules. The rules, which the plan records, are
// then those that count.
func TestBindingKnowsNoZoneRules(t *testing.T) {
	for i, name := range []string{"Test/Rules1", "Test/Rules2"} {
		z := &Zone{name: name, starts: []int64{-1 << 63}, offsets: []int64{int64(1+4*i) * microsPerHour}}
		bundledZones.keep(name, z)
	}
	lines := []string{
		"time_bucket(INTERVAL '1 hour', TIMESTAMP '2024-02-29 12:34:56', TIMESTAMP '2000-01-01 00:30:00')",
		"time_bucket(INTERVAL '1 day', TIMESTAMP '2024-02-29 12:34:56', TIMESTAMP '2000-01-01 06:00:00+00:00')",
		"time_bucket(INTERVAL '2 months', TIMESTAMP '2024-02-29 12:34:56', TIMESTAMP '2000-01-31 22:00:00+00:00')",
		"time_bucket(INTERVAL '2 days', DATE '2024-02-29', TIMESTAMP '2000-01-01 22:00:00+00:00')",
		"TIMESTAMP '2024-02-29 12:34:56' IN (TIMESTAMP '2024-02-29 12:34:56', '2024-02-29 01:00', now())",
		"TIMESTAMP '2024-02-29 12:34:56' BETWEEN '2024-02-29' AND '2024-03-01'",
	}
	for _, folder := range []string{"functions", "oracle", "casts"} {
		datadriven.Walk(t, "testdata/"+folder, func(t *testing.T, path string) {
			datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
				lines = append(lines, strings.Split(d.Input, "\n")...)
				return d.Expected
			})
		})
	}
	needs := 0
	for _, line := range lines {
		one, _, err1 := parseExample(line, Session{Zone: "Test/Rules1"})
		two, _, err2 := parseExample(line, Session{Zone: "Test/Rules2"})
		if err1 != nil || err2 != nil {
			if (err1 == nil) != (err2 == nil) {
				t.Errorf("%s: %v, %v", line, err1, err2)
			}
			continue
		}
		if a, b := one.String(), strings.ReplaceAll(two.String(), "Rules2", "Rules1"); a != b {
			t.Errorf("%s\n%s\n%s", line, a, b)
		}
		if len(one.Zones()) == 0 {
			continue
		}
		needs++
		other, _ := LoadZone("Test/Rules2")
		recorded := &Zone{name: "Test/Rules1", starts: other.starts, offsets: other.offsets}
		env := &Env{Now: exampleNow, Zones: map[string]*Zone{recorded.name: recorded}}
		if a, b := valueIn(t, one, env), strings.ReplaceAll(valueIn(t, two, &Env{Now: exampleNow}), "Rules2", "Rules1"); a != b {
			t.Errorf("%s by recorded rules: %s, by the binary's: %s", line, a, b)
		}
	}
	if needs < 100 {
		t.Errorf("only %d of %d expressions need the rules of a zone", needs, len(lines))
	}
}

// valueIn computes an expression without columns.
func valueIn(t *testing.T, e *Expr, env *Env) string {
	t.Helper()
	prog, err := Compile(e, &Schema{})
	if err != nil {
		t.Fatal(err)
	}
	v, err := prog.Eval(&Batch{Schema: &Schema{}, Rows: 2, Sel: []int32{1}, Env: env})
	if err != nil {
		return err.Error()
	}
	return shownRow(v, 1)
}
