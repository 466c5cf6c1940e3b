package columnar

import (
	"errors"
	"strings"
	"testing"
)

// longText is a column of so many rows of a text of 1 MiB, perhaps inside of another type. The texts share their bytes as
// far as the layout lets them: there is one row of them.
func longText(t Type) *Vector {
	b := NewBuilder(t)
	long := make([]byte, 1<<20)
	switch t.Kind {
	case String:
		b.AppendBytes(long)
	case Array:
		b.Kid(0).AppendBytes(long)
		b.AppendNested()
	case Struct:
		b.Kid(0).AppendBytes(long)
		b.Kid(1).AppendInt64(1)
		b.AppendNested()
	}
	return b.Vector()
}

var longTypes = []Type{{Kind: String}, ArrayOf(Type{Kind: String}), StructOf(Field{"a", Type{Kind: String}}, Field{"b", Type{Kind: Int64}})}

// TestLongValuesAreNotRepeated joins, unnests and computes over few long values that would be more than 2 GiB in all rows
// of a batch: an error says so before any of them is copied.
func TestLongValuesAreNotRepeated(t *testing.T) {
	const rows = 1<<11 + 1
	key := NewBuilder(Type{Kind: Int64})
	list := NewBuilder(ArrayOf(Type{Kind: Bool}))
	for range rows {
		key.AppendInt64(1)
		list.Kid(0).AppendBool(true)
	}
	list.AppendNested()
	keys, elements := key.Vector(), list.Vector()
	for _, typ := range longTypes {
		long := longText(typ)
		table := &Batch{Schema: NewSchema(Field{"k", Type{Kind: Int64}}, Field{"v", typ}), Rows: 1, Cols: []*Vector{takeVector(keys, []int32{0}), long}}
		left := NewSchema(Field{"k", Type{Kind: Int64}})
		one, err1 := NewHashJoin(left, table, []int{0}, []int{0}, true)
		many := &Batch{Schema: left, Rows: rows, Cols: []*Vector{keys}}
		back, err2 := NewHashJoin(table.Schema, many, []int{0}, []int{0}, false)
		s := NewSchema(Field{"v", typ}, Field{"list", elements.Type})
		unnest, err3 := NewUnnest(s, 1, []int{0}, []string{"x"}, false, false)
		if err1 != nil || err2 != nil || err3 != nil {
			t.Fatal(err1, err2, err3)
		}
		one.EmitReferences()
		_, err1 = one.Process(many)
		_, err2 = back.Process(table)
		_, err3 = unnest.Process(&Batch{Schema: s, Rows: 1, Cols: []*Vector{long, elements}})
		for _, err := range []error{err1, err2, err3} {
			if err == nil || !strings.Contains(err.Error(), `column "v" would hold 21`) || !strings.Contains(err.Error(), "read fewer rows at a time") {
				t.Errorf("%s: %v", typ, err)
			}
		}
	}
}

// TestLongLiterals computes with a literal that would be more than 2 GiB in all rows of a batch, and with one that is
// computed once a batch.
func TestLongLiterals(t *testing.T) {
	const rows = 130
	session := Session{Zone: "Europe/Berlin"}
	repeated := mustCall(t, "repeat", text("x"), bigint(maxMade))
	noon := mustSession(session.Cast(text("2024-02-29 12:00:00"), Type{Kind: Timestamp}))
	dated := mustCall(t, "repeat", text("x"), mustCall(t, "*", bigint(maxMade/2024), mustCall(t, "year", noon)))
	for _, e := range []*Expr{repeated, dated, mustCall(t, "array", repeated), mustCall(t, "struct", text("a"), repeated), mustCall(t, "concat", repeated, text("y"))} {
		prog, err := Compile(e, &Schema{})
		if err != nil {
			t.Fatal(err)
		}
		b := &Batch{Schema: &Schema{}, Rows: rows, Env: &Env{Now: exampleNow}}
		if _, err := prog.Eval(b); err == nil || !strings.Contains(err.Error(), "the texts of one batch take more than 2 GiB") {
			t.Errorf("%.60s: %v", e, err)
		}
		b.Sel = []int32{}
		if _, err := prog.Eval(b); err != nil {
			t.Errorf("%.60s without rows: %v", e, err)
		}
		b.Rows, b.Sel = 1, nil
		if _, err := prog.Eval(b); err != nil {
			t.Errorf("%.60s in one row: %v", e, err)
		}
	}
}

func mustSession(e *Expr, err error) *Expr {
	if err != nil {
		panic(err)
	}
	return e
}

// TestManyMatches joins a batch with a table of so many rows of one key that the pairs would not fit into memory.
func TestManyMatches(t *testing.T) {
	const rows = 1 << 14
	key := NewBuilder(Type{Kind: Int64})
	for range rows {
		key.AppendInt64(1)
	}
	b := &Batch{Schema: NewSchema(Field{"k", Type{Kind: Int64}}), Rows: rows, Cols: []*Vector{key.Vector()}}
	j, err := NewHashJoin(b.Schema, b, []int{0}, []int{0}, false)
	if err != nil {
		t.Fatal(err)
	}
	const want = "join 16384 rows: they have 268451840 matches, more than 67108864: read fewer rows at a time"
	if _, err := j.Process(b); err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// TestManyTextsInArrays builds arrays with more text than a column is to hold.
func TestManyTextsInArrays(t *testing.T) {
	defer func(before int) { builtTextMax = before }(builtTextMax)
	builtTextMax = 1000
	array := ArrayOf(Type{Kind: String})
	s := NewSchema(Field{"a", array})
	b := NewBuilder(array)
	for range 6 {
		b.Kid(0).AppendBytes(make([]byte, 100))
		b.AppendNested()
	}
	prog, err := Compile(mustCall(t, "array_concat", Col(s, 0), Col(s, 0)), s)
	if err != nil {
		t.Fatal(err)
	}
	in := &Batch{Schema: s, Rows: 6, Cols: []*Vector{b.Vector()}}
	var row *RowError
	if _, err := prog.Eval(in); !errors.As(err, &row) || row.Row != 5 || row.Reason != string(textsTooLong) {
		t.Errorf("got %v", err)
	}
	in.Sel = []int32{0, 1, 3, 4, 5}
	if _, err := prog.Eval(in); err != nil {
		t.Error(err)
	}
}
