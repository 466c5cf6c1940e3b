package columnar

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// wideSchema has a column of each kind of type, for calls with any arguments.
var wideSchema = NewSchema(
	Field{"b", Type{Kind: Bool}}, Field{"i", Type{Kind: Int32}}, Field{"l", Type{Kind: Int64}}, Field{"f", Type{Kind: Float64}},
	Field{"s", Type{Kind: String}}, Field{"s2", Type{Kind: String}}, Field{"x", Type{Kind: Binary}}, Field{"d", Type{Kind: Date}},
	Field{"t", Type{Kind: Timestamp}}, Field{"w", Type{Kind: LocalTimestamp}}, Field{"n", DecimalOf(10, 3)}, Field{"v", Type{Kind: Interval}},
	Field{"al", ArrayOf(Type{Kind: Int64})}, Field{"as", ArrayOf(Type{Kind: String})}, Field{"aa", ArrayOf(ArrayOf(Type{Kind: Int64}))},
	Field{"r", StructOf(Field{"a", Type{Kind: Int64}}, Field{"b", Type{Kind: String}})}, Field{"m", MapOf(Type{Kind: String}, Type{Kind: Int64})},
	Field{"e", ArrayOf(StructOf(Field{"k", Type{Kind: Int64}}, Field{"v", Type{Kind: String}}))})

// argumentTexts are texts that functions take as literals: units, patterns, paths, names.
var argumentTexts = []string{"day", "month", "hour", "yyyy-MM-dd", "YYYY-MM-DD HH24:MI", "%Y-%m-%d", "$.a", "a", "hex", "utf-8", "HOST", "QUERY", "Europe/Berlin",
	"UTC", "[a-c]+", "(a)(b)?", "%a_", ",", "", "g", "java", "9,990.00", "monday", "\\1", "12", "é"}

// randomArgument is a column, or a literal.
func randomArgument(r *rand.Rand) *Expr {
	switch r.IntN(6) {
	case 0:
		return textLiteral(argumentTexts[r.IntN(len(argumentTexts))])
	case 1:
		return intLiteral([]int64{0, 1, 2, -1, 3, 7, 38, 100_000, 1 << 40, -1 << 63}[r.IntN(10)])
	case 2:
		k := []Kind{Bool, Float64, Date, Timestamp, LocalTimestamp, Interval}[r.IntN(6)]
		v := randomValue(r, k)
		if k == Interval {
			v = WideValue(MakeInterval(int32(r.IntN(3)), int32(r.IntN(3)), r.Int64N(1e10)))
		}
		v.Null = r.IntN(8) == 0
		return Const(Type{Kind: k}, v)
	}
	return Col(wideSchema, r.IntN(len(wideSchema.Fields)))
}

// randomCall is a call of a function that takes the arguments that it gets; nil when none of many tries fits.
func randomCall(r *rand.Rand, name string, s Session) *Expr {
	for try := range 4000 {
		args := make([]*Expr, r.IntN(4))
		numbers := try%8 == 7 // as many arguments as the makers of times take, all of them numbers
		if numbers {
			args = make([]*Expr, 3+r.IntN(5))
		}
		for i := range args {
			if args[i] = randomArgument(r); numbers {
				args[i] = Col(wideSchema, wideSchema.Index([]string{"l", "i", "f"}[r.IntN(3)]))
			}
		}
		if e, err := s.Call(name, args...); err == nil {
			return e
		}
	}
	return nil
}

// Every function gives for each row what it gives for that row alone: whatever a kernel keeps from row to row shows
// nowhere, and rows that do not count do not matter. No arguments make it panic.
func TestFunctionsRowByRow(t *testing.T) {
	r := newRand(t)
	called, failed := map[string]bool{}, 0
	for _, f := range Functions() {
		for range cases(12, 3) {
			zone := Session{Zone: []string{"", "Europe/Berlin", "America/Havana"}[r.IntN(3)]}
			e := randomCall(r, f.Name, zone)
			if e == nil {
				continue
			}
			called[f.Name] = true
			if checkRowByRow(t, r, f.Name, e) {
				failed++
			}
		}
	}
	for _, f := range Functions() {
		if !called[f.Name] && !slices.Contains([]string{"cast", "try_cast", "field", "date_bin"}, f.Name) && !testing.Short() {
			t.Errorf("%s was never called", f.Name)
		}
	}
	t.Logf("%d functions, %d calls with a row error", len(called), failed)
}

// checkRowByRow reports whether a row has no result.
func checkRowByRow(t *testing.T, r *rand.Rand, name string, e *Expr) bool {
	t.Helper()
	prog, err := Compile(e, wideSchema)
	if err != nil {
		t.Fatalf("%s: %s does not compile: %v", name, e, err)
	}
	b := randomWideBatch(r, []int{1, 5, 9, 20}[r.IntN(4)])
	b.Env = &Env{Now: exampleNow}
	if r.IntN(2) == 0 {
		randomSel(r, b)
	}
	want, bad := map[int32]string{}, map[int32]string{}
	for _, row := range selected(b) {
		text, reason := evalAlone(t, e, b, row)
		if want[row] = text; reason != "" {
			bad[row] = reason
		}
	}
	for range 2 {
		v, err := prog.Eval(b)
		var at *RowError
		switch {
		case len(bad) > 0 && errors.As(err, &at) && bad[int32(at.Row)] == at.Reason:
		case err != nil || len(bad) > 0:
			t.Fatalf("%s: %s: got error %v, want one of %v", name, e, err, bad)
		default:
			for _, row := range selected(b) {
				if got := shownRow(v, int(row)); got != want[row] {
					t.Fatalf("%s: %s\nrow %d of %d: %s, alone %s", name, e, row, b.Rows, got, want[row])
				}
			}
		}
	}
	return len(bad) > 0
}

// evalAlone computes e for one row in a batch of its own, with a program of its own.
func evalAlone(t *testing.T, e *Expr, b *Batch, row int32) (text, reason string) {
	t.Helper()
	one := &Batch{Schema: b.Schema, Rows: 1, Env: b.Env}
	for _, v := range b.Cols {
		one.Cols = append(one.Cols, takeVector(v, []int32{row}))
	}
	prog, err := Compile(e, b.Schema)
	if err != nil {
		t.Fatal(err)
	}
	v, err := prog.Eval(one)
	var at *RowError
	switch {
	case errors.As(err, &at):
		return "", at.Reason
	case err != nil:
		t.Fatalf("%s: %v", e, err)
	}
	return shownRow(v, 0), ""
}

func randomWideBatch(r *rand.Rand, rows int) *Batch {
	b := &Batch{Schema: wideSchema, Rows: rows}
	for _, f := range wideSchema.Fields {
		build := NewBuilder(f.Type)
		for range rows {
			appendAnything(r, build, f.Type)
		}
		b.Cols = append(b.Cols, build.Vector())
	}
	return b
}

// appendAnything appends a value, now and then NULL.
func appendAnything(r *rand.Rand, b *Builder, t Type) {
	if r.IntN(5) == 0 {
		b.AppendNull()
		return
	}
	switch t.Kind {
	case Bool:
		b.AppendBool(r.IntN(2) == 0)
	case Int32, Date:
		b.AppendInt32(int32(randomValue(r, t.Kind).I))
	case Float64:
		b.AppendFloat64(randomValue(r, Float64).F)
	case String, Binary:
		b.AppendString(randomText(r))
	case Decimal:
		b.AppendWide(Int128Of(r.Int64N(2e9) - 1e9))
	case Interval:
		b.AppendWide(MakeInterval(int32(r.IntN(30)-15), int32(r.IntN(60)-30), r.Int64N(2e11)-1e11))
	case Array, Map:
		for k := range r.IntN(4) {
			if t.Kind == Map {
				b.Kid(0).AppendString(fmt.Sprint("k", k))
				appendAnything(r, b.Kid(1), t.Elem())
			} else {
				appendAnything(r, b.Kid(0), t.Elem())
			}
		}
		b.AppendNested()
	case Struct:
		for i, f := range t.Fields() {
			appendAnything(r, b.Kid(i), f.Type)
		}
		b.AppendNested()
	default:
		b.AppendInt64(randomValue(r, Timestamp).I)
	}
}

func randomText(r *rand.Rand) string {
	switch r.IntN(3) {
	case 0:
		return argumentTexts[r.IntN(len(argumentTexts))]
	case 1:
		return []string{`{"a": [1, {"b": "x"}], "é": null}`, `[1, 2, 3]`, "https://u@example.org:80/p?x=1#f", "2024-02-29", "2024-02-29 12:30:45", "4d69", "bWlsbA=="}[r.IntN(7)]
	}
	return strings.Repeat(string([]rune("aébc ,")[r.IntN(6)]), r.IntN(4)) + randomValue(r, String).S
}
