package columnar

import (
	"errors"
	"testing"
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
