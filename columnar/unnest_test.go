package columnar

import (
	"math/rand/v2"
	"testing"
)

// listColumns are the columns that can be unnested.
func listColumns(s *Schema) (cols []int) {
	for i, f := range s.Fields {
		if f.Type.Kind.Storage() == StoredList {
			cols = append(cols, i)
		}
	}
	return cols
}

// TestUnnestAgainstLoop unnests random columns of random rows, in several batches by one operator.
func TestUnnestAgainstLoop(t *testing.T) {
	r := newRand(t)
	lists := listColumns(everySchema)
	for range cases(150, 30) {
		c := lists[r.IntN(len(lists))]
		ordinality, left := r.IntN(2) == 0, r.IntN(2) == 0
		names := []string{"x", "y", "z"}[:len(everySchema.Fields[c].Type.nested.fields)+int(bit(ordinality))]
		var keep []int
		for i := range everySchema.Fields {
			if r.IntN(2) == 0 {
				keep = append(keep, i)
			}
		}
		u, err := NewUnnest(everySchema, c, keep, names, ordinality, left)
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			checkUnnest(t, r, u)
		}
	}
}

func checkUnnest(t *testing.T, r *rand.Rand, u *Unnest) {
	t.Helper()
	in := randomBatch(r, everySchema, r.IntN(30), 0.3)
	in.Origin, in.Env = &Origin{Topic: "t"}, &Env{Now: 1}
	for i := range in.Rows {
		in.Offsets = append(in.Offsets, int64(100+i))
	}
	if r.IntN(2) == 0 {
		randomSel(r, in)
	}
	want, offsets, counts := unnestRows(u, in)
	got, err := u.Process(in)
	if err != nil || got.Rows != len(want) || got.Sel != nil || got.Origin != in.Origin || got.Env != in.Env {
		t.Fatalf("%v: %d rows, want %d", err, got.Rows, len(want))
	}
	for i := range want {
		row := rowOf(got, i)
		for c := range row {
			if !sameValue(row[c], want[i][c]) || got.Offsets[i] != offsets[i] {
				t.Fatalf("row %d at %d, column %d: got %v, want %v at %d", i, got.Offsets[i], c, row[c], want[i][c], offsets[i])
			}
		}
	}
	if c := u.Counts(); c != counts {
		t.Fatalf("counts %+v, want %+v", c, counts)
	}
}

// unnestRows is the slow and obvious way.
func unnestRows(u *Unnest, in *Batch) (rows [][]any, offsets []int64, c RowCounts) {
	width := len(in.Schema.Fields[u.column].Type.nested.fields)
	for _, r := range selected(in) {
		row := rowOf(in, int(r))
		var values []any
		switch v := row[u.column].(type) {
		case parts:
			values = v
		case mapping:
			values = v
		}
		c.In++
		add := func(values []any, position any) {
			var out []any
			for _, k := range u.keep {
				out = append(out, row[k])
			}
			out = append(out, values...)
			if u.ordinality {
				out = append(out, position)
			}
			rows, offsets = append(rows, out), append(offsets, in.Offsets[r])
			c.Out++
		}
		switch {
		case len(values) == 0 && u.left:
			add(make([]any, width), nil)
		case len(values) == 0:
			c.NoMatch++
		default:
			c.Added += int64(len(values)/width - 1)
		}
		for i := 0; i < len(values); i += width {
			add(values[i:i+width], int64(i/width+1))
		}
	}
	return rows, offsets, c
}

func TestUnnestRefused(t *testing.T) {
	s := NewSchema(Field{"n", Type{Kind: Int64}}, Field{"tags", ArrayOf(Type{Kind: String})}, Field{"m", MapOf(Type{Kind: String}, Type{Kind: Int64})})
	for _, c := range []struct {
		column     int
		names      []string
		ordinality bool
		want       string
	}{
		{0, []string{"x"}, false, `column "n" is a bigint; only arrays and maps have elements to unnest`},
		{1, []string{"x", "y"}, false, `unnesting an array<string> gives 1 columns, not 2`},
		{1, []string{"x"}, true, `unnesting an array<string> gives 2 columns, not 1`},
		{2, []string{"x"}, false, `unnesting a map<string, bigint> gives 2 columns, not 1`},
	} {
		if _, err := NewUnnest(s, c.column, nil, c.names, c.ordinality, false); err == nil || err.Error() != c.want {
			t.Errorf("got %v, want %s", err, c.want)
		}
	}
}

// TestUnnestChecksSize lets many elements repeat one long text.
func TestUnnestChecksSize(t *testing.T) {
	text, list := NewBuilder(Type{Kind: String}), NewBuilder(ArrayOf(Type{Kind: Bool}))
	text.AppendBytes(make([]byte, 1<<20))
	for range 1 << 11 {
		list.Kid(0).AppendBool(true)
	}
	list.AppendNested()
	s := NewSchema(Field{"text", Type{Kind: String}}, Field{"list", list.vec.Type})
	u, err := NewUnnest(s, 1, []int{0}, []string{"x"}, false, false)
	if err != nil {
		t.Fatal(err)
	}
	_, err = u.Process(&Batch{Schema: s, Rows: 1, Cols: []*Vector{text.Vector(), list.Vector()}})
	if want := `unnest 1 rows: column "text" would hold 2147483648 bytes of text, more than 2147483647: read fewer rows at a time`; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}
