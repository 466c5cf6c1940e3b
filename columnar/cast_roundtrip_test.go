package columnar

import "testing"

// throughStrings casts a column to text and back.
func throughStrings(t testing.TB, typ Type) *Program {
	t.Helper()
	there, err := Cast(Col(NewSchema(Field{"c", typ}), 0), Type{Kind: String})
	if err != nil {
		t.Fatal(err)
	}
	back, err := Cast(there, typ)
	if err != nil {
		t.Fatal(err)
	}
	prog, err := Compile(back, NewSchema(Field{"c", typ}))
	if err != nil {
		t.Fatal(err)
	}
	return prog
}

// TestTextsReadBack casts values of every type to text and back: nothing is lost.
func TestTextsReadBack(t *testing.T) {
	r := newRand(t)
	for _, f := range everySchema.Fields {
		prog := throughStrings(t, f.Type)
		for range cases(20, 5) {
			in := &Batch{Schema: NewSchema(Field{"c", f.Type}), Rows: 50, Cols: []*Vector{randomVector(r, f.Type, 50, 0.2)}}
			out, err := prog.Eval(in)
			if err != nil {
				t.Fatalf("%s: %v", f.Type, err)
			}
			for i := range in.Rows {
				want, got := goValue(f.Type, valueAt(in.Cols[0], i)), goValue(f.Type, valueAt(out, i))
				if !identical(want, got) {
					t.Fatalf("%s: %v reads back as %v", f.Type, want, got)
				}
			}
		}
	}
}

// FuzzTexts casts any text to every type. What converts reads back from its own text as the same value.
func FuzzTexts(f *testing.F) {
	for _, text := range []string{"", "1 year 2 mons -3 days 04:05:06.7 ago", "P1Y2M3DT4H5M6.5S", "-1-2", "2024-02-29T12:30:45.678901+02:30", "-290308-12-21 19:59:05.224192",
		"99999999999999999999999999999999999999.5e-2", `{"a":[1,{"b":null}],"k":"2024-02-29","v":1e-3}`, `[{"k":"\ud83d\ude00"}]`, "NaN", "1e400"} {
		f.Add(text)
	}
	in := NewSchema(Field{"c", Type{Kind: String}})
	progs := make([]*Program, len(everySchema.Fields))
	for i, field := range everySchema.Fields {
		e, err := Session{}.TryCast(Col(in, 0), field.Type)
		if err != nil {
			f.Fatal(err)
		}
		if progs[i], err = Compile(e, in); err != nil {
			f.Fatal(err)
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		b := NewBuilder(Type{Kind: String})
		b.AppendString(text)
		for i, field := range everySchema.Fields {
			v, err := progs[i].Eval(&Batch{Schema: in, Rows: 1, Cols: []*Vector{b.Vector()}})
			if err != nil {
				t.Fatalf("%s: %v", field.Type, err)
			}
			if v.IsNull(0) || field.Type.Kind == Binary {
				continue
			}
			want := goValue(field.Type, valueAt(v, 0))
			again, err := throughStrings(t, field.Type).Eval(&Batch{Schema: NewSchema(Field{"c", field.Type}), Rows: 1, Cols: []*Vector{v}})
			if err != nil || !identical(want, goValue(field.Type, valueAt(again, 0))) {
				t.Fatalf("%q as %s is %v, which reads back as %v: %v", text, field.Type, want, goValue(field.Type, valueAt(again, 0)), err)
			}
		}
	})
}
