package columnar

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// spelledExpr is an expression, and the same in DuckDB's SQL.
type spelledExpr struct {
	*Expr
	duck  string
	depth int  // a column or literal has 1
	lazy  bool // has parts that need not be computed
	grows bool // multiplies doubles, which may go beyond the range: Infinity here, an error in DuckDB

	constant bool // has no column
}

// rule makes an expression of parts of the given types; in duck each @ stands for the next part.
type rule struct {
	parts string // of kinds
	call  func(args []*Expr) (*Expr, error)
	duck  string
	lazy  bool
	grows bool
}

// pairKinds are the kinds of the test by letter.
var pairKinds = map[byte]Kind{'b': Bool, 'i': Int64, 'x': Float64, 's': String, 'd': Date, 't': LocalTimestamp}

var pairSchema = NewSchema(
	Field{"b1", Type{Kind: Bool}}, Field{"b2", Type{Kind: Bool}}, Field{"i1", Type{Kind: Int64}}, Field{"i2", Type{Kind: Int64}},
	Field{"x1", Type{Kind: Float64}}, Field{"x2", Type{Kind: Float64}}, Field{"s1", Type{Kind: String}}, Field{"s2", Type{Kind: String}},
	Field{"d1", Type{Kind: Date}}, Field{"d2", Type{Kind: Date}}, Field{"t1", Type{Kind: LocalTimestamp}}, Field{"t2", Type{Kind: LocalTimestamp}})

const pairTypes = "b1 BOOLEAN, b2 BOOLEAN, i1 BIGINT, i2 BIGINT, x1 DOUBLE, x2 DOUBLE, s1 VARCHAR, s2 VARCHAR, d1 DATE, d2 DATE, t1 TIMESTAMP, t2 TIMESTAMP"

// pairValues are what columns and literals hold besides NULL.
var pairValues = map[byte][]Value{
	'b': {{I: 0}, {I: 1}},
	'i': {{I: 0}, {I: 1}, {I: -1}, {I: 2}, {I: 7}, {I: -40}, {I: 100}, {I: 1 << 31}, {I: 3e9}, {I: 1<<63 - 1}},
	'x': {{F: 0}, {F: 1}, {F: -1}, {F: 0.5}, {F: 2.5}, {F: -3.5}, {F: 1e-5}, {F: 123456789}, {F: 1e15}},
	's': {{S: ""}, {S: "a"}, {S: "b"}, {S: "view"}, {S: "Ärger"}, {S: " 7 "}, {S: "12"}, {S: "-1"}, {S: "2024-02-29"}, {S: "abcdefghi"}, {S: "日本"}},
	'd': {{I: 0}, {I: -1}, {I: 19782}, {I: 10959}, {I: -25509}},
	't': {{I: 0}, {I: 1709209805250000}, {I: -1}, {I: 946857600000000}},
}

// pairRules by the kind of the result.
var pairRules = makePairRules()

func makePairRules() map[byte][]rule {
	rules := map[byte][]rule{}
	add := func(out byte, parts, name, duck string) {
		rules[out] = append(rules[out], rule{parts: parts, duck: duck, call: func(args []*Expr) (*Expr, error) { return Call(name, args...) }})
	}
	for _, op := range []string{"=", "<>", "<", "<=", ">", ">=", "isdistinct", "isnotdistinct"} {
		duck := strings.NewReplacer("isdistinct", "IS DISTINCT FROM", "isnotdistinct", "IS NOT DISTINCT FROM").Replace(op)
		for _, k := range "bixsdt" {
			add('b', string([]rune{k, k}), op, "(@ "+duck+" @)")
		}
	}
	for _, k := range "bixsdt" {
		add('b', string(k), "isnull", "(@ IS NULL)")
		add('b', string(k), "isnotnull", "(@ IS NOT NULL)")
		for range 3 {
			add(byte(k), string([]rune{'b', k, k}), "case", "(CASE WHEN @ THEN @ ELSE @ END)")
		}
		add(byte(k), string([]rune{'b', k, 'b', k, k}), "case", "(CASE WHEN @ THEN @ WHEN @ THEN @ ELSE @ END)")
		add(byte(k), string([]rune{k, k}), "coalesce", "coalesce(@, @)")
		add(byte(k), string([]rune{k, k}), "nullif", "nullif(@, @)")
	}
	for range 8 {
		add('b', "bb", "and", "(@ AND @)")
		add('b', "bb", "or", "(@ OR @)")
		add('b', "b", "not", "(NOT @)")
	}
	add('b', "b", "istrue", "(@ IS TRUE)")
	add('b', "b", "isnottrue", "(@ IS NOT TRUE)")
	add('b', "b", "isfalse", "(@ IS FALSE)")
	add('b', "b", "isnotfalse", "(@ IS NOT FALSE)")
	for _, op := range []string{"+", "-", "*"} {
		add('i', "ii", op, "(@ "+op+" @)")
		add('x', "xx", op, "(@ "+op+" @)")
		add('x', "xi", op, "(@ "+op+" @)")
	}
	add('i', "i", "neg", "(-@)")
	add('i', "i", "abs", "abs(@)")
	add('i', "s", "length", "length(@)")
	add('i', "dd", "-", "(@ - @)")
	for _, part := range []string{"year", "month", "day", "hour", "minute", "second"} {
		add('i', "t", part, "CAST(date_part('"+part+"', @) AS BIGINT)")
	}
	for _, f := range []string{"abs", "floor", "ceil"} {
		add('x', "x", f, f+"(@)")
	}
	add('x', "x", "neg", "(-@)")
	add('s', "s", "lower", "lower(@)")
	add('s', "s", "upper", "upper(@)")
	add('s', "ss", "||", "(@ || @)")
	addMoreRules(rules)
	for k, list := range rules {
		for i, r := range list {
			rules[k][i].lazy = strings.Contains(r.duck, "CASE") || strings.Contains(r.duck, "coalesce") || strings.Contains(r.duck, " AND ") || strings.Contains(r.duck, " OR ") || strings.Contains(r.duck, " IN ")
			rules[k][i].grows = k == 'x' && strings.ContainsAny(r.duck, "*/")
		}
	}
	return rules
}

// addMoreRules adds what is more than one call.
func addMoreRules(rules map[byte][]rule) {
	add := func(out byte, parts, duck string, call func(args []*Expr) (*Expr, error)) {
		rules[out] = append(rules[out], rule{parts: parts, duck: duck, call: call})
	}
	cast := func(k Kind) func(args []*Expr) (*Expr, error) {
		return func(args []*Expr) (*Expr, error) { return Cast(args[0], Type{Kind: k}) }
	}
	divided := func(op string, zero *Expr) func(args []*Expr) (*Expr, error) { // by zero DuckDB gives NULL
		return func(args []*Expr) (*Expr, error) {
			by, err := Call("nullif", args[1], zero)
			if err != nil {
				return nil, err
			}
			return Call(op, args[0], by)
		}
	}
	add('i', "ii", "(@ / nullif(@, 0))", divided("/", intLiteral(0)))
	add('i', "ii", "(@ % nullif(@, 0))", divided("%", intLiteral(0)))
	add('x', "xx", "(@ / nullif(@, 0))", divided("/", Const(Type{Kind: Float64}, Value{})))
	add('x', "i", "CAST(@ AS DOUBLE)", cast(Float64))
	add('s', "i", "CAST(@ AS VARCHAR)", cast(String))
	add('s', "b", "CAST(@ AS VARCHAR)", cast(String))
	add('s', "d", "CAST(@ AS VARCHAR)", cast(String))
	add('i', "b", "CAST(@ AS BIGINT)", cast(Int64))
	add('d', "t", "CAST(@ AS DATE)", cast(Date))
	add('t', "d", "CAST(@ AS TIMESTAMP)", cast(LocalTimestamp))
	for _, days := range []int64{1, 31, -365} {
		add('d', "d", fmt.Sprintf("(@ + %d)", days), func(args []*Expr) (*Expr, error) { return Call("+", args[0], intLiteral(days)) })
		add('t', "t", fmt.Sprintf("(@ + INTERVAL (%d) HOUR)", days), func(args []*Expr) (*Expr, error) {
			return Call("+", args[0], Const(Type{Kind: Interval}, Value{I: days * 3_600_000_000}))
		})
	}
	for _, k := range "ixs" {
		list := pairValues[byte(k)]
		for n := 2; n <= 6; n += 2 {
			var texts []string
			var values []*Expr
			for _, v := range list[len(list)-n:] {
				texts, values = append(texts, duckLiteral(byte(k), v)), append(values, Const(Type{Kind: pairKinds[byte(k)]}, v))
			}
			add('b', string(k), "(@ IN ("+strings.Join(texts, ", ")+"))", func(args []*Expr) (*Expr, error) { return Call("in", append(args[:1:1], values...)...) })
		}
	}
}

// duckLiteral is a value as DuckDB reads it.
func duckLiteral(kind byte, v Value) string {
	if v.Null {
		return "NULL::" + map[byte]string{'b': "BOOLEAN", 'i': "BIGINT", 'x': "DOUBLE", 's': "VARCHAR", 'd': "DATE", 't': "TIMESTAMP"}[kind]
	}
	switch kind {
	case 'b':
		return fmt.Sprint(v.I != 0)
	case 'x':
		return fmt.Sprintf("(%g)::DOUBLE", v.F)
	case 's':
		return "'" + v.S + "'"
	case 'd':
		return fmt.Sprintf("(DATE '1970-01-01' + (%d))", v.I)
	case 't':
		return fmt.Sprintf("make_timestamp(%d)", v.I)
	}
	return fmt.Sprintf("(%d)::BIGINT", v.I)
}

// spelled makes a random expression that is mostly so many levels deep.
func spelled(r *rand.Rand, kind byte, depth int) spelledExpr {
	if depth <= 1 {
		t := Type{Kind: pairKinds[kind]}
		if r.IntN(4) > 0 {
			for {
				if c := r.IntN(len(pairSchema.Fields)); pairSchema.Fields[c].Type == t {
					return spelledExpr{Expr: Col(pairSchema, c), duck: pairSchema.Fields[c].Name, depth: 1}
				}
			}
		}
		v := pairValue(r, kind, 0.1)
		return spelledExpr{Expr: Const(t, v), duck: duckLiteral(kind, v), depth: 1, constant: true, lazy: v.Null}
	}
	rule := pairRules[kind][r.IntN(len(pairRules[kind]))]
	out := spelledExpr{duck: rule.duck, lazy: rule.lazy, grows: rule.grows, constant: true}
	args := make([]*Expr, len(rule.parts))
	texts := make([]string, len(args))
	deep := r.IntN(len(args))
	for i := range args {
		d := depth - 1
		if i != deep {
			d = 1 + r.IntN(depth-1)/2
		}
		part := spelled(r, rule.parts[i], d)
		args[i], texts[i] = part.Expr, part.duck
		out.depth, out.lazy, out.grows = max(out.depth, part.depth+1), out.lazy || part.lazy, out.grows || part.grows
		out.constant = out.constant && part.constant
		out.lazy = out.lazy || part.constant && strings.Contains(rule.duck, "nullif") // a divisor that is the constant 0
	}
	out.lazy = out.lazy || out.constant // it may be NULL
	for _, text := range texts {
		out.duck = strings.Replace(out.duck, "@", "\x00"+text, 1)
	}
	out.duck = strings.ReplaceAll(out.duck, "\x00", "")
	var err error
	if out.Expr, err = rule.call(args); err != nil {
		panic(err)
	}
	return out
}

func pairValue(r *rand.Rand, kind byte, nulls float64) Value {
	if r.Float64() < nulls {
		return Value{Null: true}
	}
	return pairValues[kind][r.IntN(len(pairValues[kind]))]
}
