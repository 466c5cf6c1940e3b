package columnar

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
)

// TestExpressions runs testdata/expr: "eval" computes an expression in prefix form, (function arg …), and "call" prints
// its canonical text and type. Arguments are columns of the schema below, numbers, 'strings', null, true, false,
// ts'…', d'…' and i'microseconds'. (cast type arg) is a cast.
func TestExpressions(t *testing.T) {
	datadriven.Walk(t, "testdata/expr", func(t *testing.T, path string) {
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			var out strings.Builder
			for _, line := range strings.Split(d.Input, "\n") {
				fmt.Fprintln(&out, runExpression(d.Cmd, line))
			}
			return out.String()
		})
	})
}

func runExpression(cmd, line string) string {
	e, err := parsePrefix(line)
	if err != nil {
		return "error: " + err.Error()
	}
	if cmd == "call" {
		return e.String() + " → " + e.Type.String() + "   " + e.describe()
	}
	v, err := evalOne(e)
	if err != nil {
		return "error: " + err.Error()
	}
	return v.literal(e.Type)
}

// evalOne computes e for one row: n = 7, delay = -3, x = 2.5, name = "Åse", at = 2024-02-29 12:30:45.5, day, void = NULL.
func evalOne(e *Expr) (Value, error) {
	prog, err := Compile(e, exprSchema)
	if err != nil {
		return Value{}, err
	}
	day, _ := ParseDate([]byte("2024-02-29"))
	at, _ := ParseTimestamp([]byte("2024-02-29 12:30:45.5"))
	b := &Batch{Schema: exprSchema, Rows: 1, Cols: []*Vector{
		{Type: Type{Kind: Int32}, N: 1, I32: []int32{7}}, {Type: Type{Kind: Int64}, N: 1, I64: []int64{-3}}, {Type: Type{Kind: Float64}, N: 1, F64: []float64{2.5}},
		{Type: Type{Kind: String}, N: 1, Off: []int32{0, 4}, Data: []byte("Åse")}, {Type: Type{Kind: Timestamp}, N: 1, I64: []int64{at}},
		{Type: Type{Kind: Date}, N: 1, I32: []int32{day}}, {Type: Type{Kind: Int64}, N: 1, Valid: []byte{0}, I64: []int64{0}}, {Type: Type{Kind: Bool}, N: 1, Bits: []byte{1}}}}
	v, err := prog.Eval(b)
	if err != nil {
		return Value{}, err
	}
	return valueAt(v, 0), nil
}

var exprSchema = NewSchema(Field{"n", Type{Kind: Int32}}, Field{"delay", Type{Kind: Int64}}, Field{"x", Type{Kind: Float64}}, Field{"name", Type{Kind: String}},
	Field{"at", Type{Kind: Timestamp}}, Field{"day", Type{Kind: Date}}, Field{"void", Type{Kind: Int64}}, Field{"ok", Type{Kind: Bool}})

func parsePrefix(s string) (*Expr, error) {
	e, rest, err := prefix(strings.TrimSpace(s))
	if err == nil && strings.TrimSpace(rest) != "" {
		err = errors.New("the test has text left over: " + rest)
	}
	return e, err
}

func prefix(s string) (*Expr, string, error) {
	if !strings.HasPrefix(s, "(") {
		return atom(s)
	}
	end := strings.IndexAny(s, " )")
	head, rest := s[1:end], s[end:]
	cast := head == "cast"
	if cast {
		head, rest, _ = strings.Cut(rest[1:], " ")
	}
	var args []*Expr
	for {
		rest = strings.TrimLeft(rest, " ")
		if strings.HasPrefix(rest, ")") {
			break
		}
		var arg *Expr
		var err error
		if arg, rest, err = prefix(rest); err != nil {
			return nil, "", err
		}
		args = append(args, arg)
	}
	if cast {
		var k Kind
		if err := k.UnmarshalText([]byte(head)); err != nil {
			return nil, "", err
		}
		e, err := Cast(args[0], Type{Kind: k})
		return e, rest[1:], err
	}
	e, err := Call(head, args...)
	return e, rest[1:], err
}

func atom(s string) (*Expr, string, error) {
	if at := strings.IndexByte(s, '\''); at >= 0 && !strings.ContainsAny(s[:at], " )") {
		text, rest, _ := strings.Cut(s[at+1:], "'")
		kind := map[string]Kind{"": String, "ts": Timestamp, "d": Date, "i": Interval}[s[:at]]
		if kind == Interval {
			var us int64
			_, err := fmt.Sscan(text, &us)
			return Const(Type{Kind: Interval}, Value{I: us}), rest, err
		}
		if kind == String {
			return Const(Type{Kind: String}, Value{S: text}), rest, nil
		}
		e, err := (Session{}).coerce(Const(Type{Kind: String}, Value{S: text}), Type{Kind: kind})
		return e, rest, err
	}
	end := strings.IndexAny(s+" ", " )")
	word, rest := s[:end], s[end:]
	switch word {
	case "null":
		return Const(Type{Kind: Null}, Value{Null: true}), rest, nil
	case "true", "false":
		return Const(Type{Kind: Bool}, Value{I: int64(bit(word == "true"))}), rest, nil
	}
	if c := exprSchema.Index(word); c >= 0 {
		return Col(exprSchema, c), rest, nil
	}
	var v Value
	if strings.Contains(word, ".") {
		_, err := fmt.Sscan(word, &v.F)
		return Const(Type{Kind: Float64}, v), rest, err
	}
	_, err := fmt.Sscan(word, &v.I)
	return Const(Type{Kind: Int64}, v), rest, err
}

func TestFunctionsAreDescribed(t *testing.T) {
	list := Functions()
	if len(list) < 35 {
		t.Errorf("only %d functions", len(list))
	}
	for _, f := range list {
		if f.Signature == "" || !strings.HasSuffix(f.Doc, ".") {
			t.Errorf("%s: signature %q, doc %q", f.Name, f.Signature, f.Doc)
		}
	}
}

func TestCompileChecksColumns(t *testing.T) {
	for _, c := range []struct {
		e    *Expr
		want string
	}{
		{&Expr{Op: "col", Col: 9, Name: "gone"}, `column "gone" is number 9 of a schema of 8 columns`},
		{&Expr{Op: "col", Col: 0, Name: "n", Type: Type{Kind: String}}, `column "n" is string in the expression, int in the schema`},
		{&Expr{Op: "fnord", Type: Type{Kind: Bool}}, `function fnord does not exist`},
		{&Expr{Op: "cast", Type: Type{Kind: Date}, Args: []*Expr{Col(exprSchema, 0)}}, `function cast(int) does not exist; cast takes a value and a type`},
	} {
		if _, err := Compile(c.e, exprSchema); err == nil || err.Error() != c.want {
			t.Errorf("got %v, want %s", err, c.want)
		}
	}
}
