package columnar

import (
	"cmp"
	"errors"
	"math"
	"math/big"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// interpret computes e for one row, a value at a time: nil is NULL, the others are bool, int64 (all integers, dates
// and times), float64 and string. It is slow and obvious, and shares nothing with the kernels.
func interpret(e *Expr, row []any) (any, error) {
	switch e.Op {
	case "col":
		return row[e.Col], nil
	case "const":
		return goValue(e.Type, e.Value), nil
	case "and", "or":
		return interpretLogic(e, row)
	case "case":
		return interpretCase(e, row)
	case "coalesce":
		for _, a := range e.Args {
			if v, err := interpret(a, row); v != nil || err != nil {
				return v, err
			}
		}
		return nil, nil
	}
	args := make([]any, len(e.Args))
	null := false
	for i, a := range e.Args {
		v, err := interpret(a, row)
		if err != nil {
			return nil, err
		}
		args[i] = v
		null = null || v == nil
	}
	switch e.Op {
	case "isnull":
		return args[0] == nil, nil
	case "isnotnull":
		return args[0] != nil, nil
	case "nullif":
		if !null && compareAny(args[0], args[1]) == 0 {
			return nil, nil
		}
		return args[0], nil
	}
	if null {
		return nil, nil
	}
	return interpretStrict(e, args)
}

func goValue(t Type, v Value) any {
	switch {
	case v.Null:
		return nil
	case t.Kind == Bool:
		return v.I != 0
	case t.Float():
		return v.F
	case t.Kind == String || t.Kind == Binary:
		return v.S
	case t.Kind == Decimal:
		return new(big.Rat).SetFrac(bigOf(v.wide()), new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(t.Scale)), nil))
	case t.Kind == Interval:
		months, days, micros := v.wide().Interval()
		return interval{months, days, micros}
	case t.IsNested():
		return goParts(t, v)
	}
	return v.I
}

func interpretLogic(e *Expr, row []any) (any, error) {
	decides := e.Op == "or"
	a, err := interpret(e.Args[0], row)
	if err != nil || a == decides {
		return a, err
	}
	b, err := interpret(e.Args[1], row)
	if err != nil || b == decides {
		return b, err
	}
	if a == nil || b == nil {
		return nil, nil
	}
	return !decides, nil
}

func interpretCase(e *Expr, row []any) (any, error) {
	last := len(e.Args) - 1
	for i := 0; i < last; i += 2 {
		cond, err := interpret(e.Args[i], row)
		if err != nil {
			return nil, err
		}
		if cond == true {
			return interpret(e.Args[i+1], row)
		}
	}
	return interpret(e.Args[last], row)
}

func compareAny(a, b any) int {
	switch x := a.(type) {
	case bool:
		return cmp.Compare(strconv.FormatBool(x), strconv.FormatBool(b.(bool)))
	case int64:
		return cmp.Compare(x, b.(int64))
	case float64:
		y := b.(float64)
		if math.IsNaN(x) || math.IsNaN(y) {
			return cmp.Compare(strconv.FormatBool(math.IsNaN(x)), strconv.FormatBool(math.IsNaN(y)))
		}
		return cmp.Compare(x, y)
	case *big.Rat:
		return x.Cmp(b.(*big.Rat))
	case interval:
		return x.length().Cmp(b.(interval).length())
	case parts:
		return compareParts(x, b.(parts))
	case mapping:
		return compareMaps(x, b.(mapping))
	}
	return strings.Compare(a.(string), b.(string))
}

func interpretStrict(e *Expr, args []any) (any, error) {
	switch e.Op {
	case "not":
		return !args[0].(bool), nil
	case "=":
		return compareAny(args[0], args[1]) == 0, nil
	case "<>":
		return compareAny(args[0], args[1]) != 0, nil
	case "<":
		return compareAny(args[0], args[1]) < 0, nil
	case "<=":
		return compareAny(args[0], args[1]) <= 0, nil
	case ">":
		return compareAny(args[0], args[1]) > 0, nil
	case ">=":
		return compareAny(args[0], args[1]) >= 0, nil
	case "cast":
		return interpretCast(e.Args[0].Type.Kind, e.Type.Kind, args[0])
	case "concat":
		var s string
		for _, a := range args {
			s += a.(string)
		}
		return s, nil
	case "lower":
		return strings.ToLower(args[0].(string)), nil
	case "upper":
		return strings.ToUpper(args[0].(string)), nil
	case "length":
		return int64(utf8.RuneCountInString(args[0].(string))), nil
	case "date_trunc":
		return interpretTrunc(args[0].(string), time.UnixMicro(args[1].(int64)).UTC()), nil
	case "tumble_start":
		return interpretTumble(args[0].(int64), args[1].(interval).micros, args[2].(interval).micros), nil
	}
	if by, ok := args[len(args)-1].(interval); ok && e.Type.Kind == Timestamp {
		return interpretTimePlus(args[0].(int64), by, e.Op == "-")
	}
	if t, ok := args[0].(int64); ok && e.Args[0].Type.Kind == Timestamp && len(args) == 1 {
		return interpretPart(e.Op, time.UnixMicro(t).UTC()), nil
	}
	if _, ok := args[0].(float64); ok {
		return interpretDouble(e.Op, args)
	}
	return interpretInt(e, args)
}

func interpretInt(e *Expr, args []any) (any, error) {
	z := big.NewInt(args[0].(int64))
	if len(args) == 2 {
		y := big.NewInt(args[1].(int64))
		if y.Sign() == 0 && (e.Op == "/" || e.Op == "%") {
			return nil, errors.New("division by zero")
		}
		switch e.Op {
		case "+":
			z.Add(z, y)
		case "-":
			z.Sub(z, y)
		case "*":
			z.Mul(z, y)
		case "/":
			z.Quo(z, y)
		case "%":
			z.Rem(z, y)
		}
	} else if e.Op == "neg" {
		z.Neg(z)
	} else {
		z.Abs(z)
	}
	if !z.IsInt64() {
		if e.Type.Kind == Timestamp {
			return nil, errors.New("timestamp out of range")
		}
		return nil, errors.New("bigint out of range")
	}
	return z.Int64(), nil
}

func interpretDouble(op string, args []any) (any, error) {
	x := args[0].(float64)
	var y float64
	if len(args) == 2 && op != "round" {
		y = args[1].(float64)
	}
	switch op {
	case "+":
		return x + y, nil
	case "-":
		return x - y, nil
	case "*":
		return x * y, nil
	case "/", "%":
		if y == 0 {
			return nil, errors.New("division by zero")
		}
		if op == "/" {
			return x / y, nil
		}
		return math.Mod(x, y), nil
	case "neg":
		return -x, nil
	case "abs":
		return math.Abs(x), nil
	case "floor":
		return math.Floor(x), nil
	case "ceil":
		return math.Ceil(x), nil
	}
	return math.Round(x), nil
}

func interpretPart(fn string, t time.Time) any {
	switch fn {
	case "date":
		return int64(math.Floor(float64(t.Unix()) / 86400))
	case "hour":
		return int64(t.Hour())
	case "minute":
		return int64(t.Minute())
	case "second":
		return int64(t.Second())
	case "year":
		return int64(t.Year())
	case "month":
		return int64(t.Month())
	}
	return int64(t.Day())
}

func interpretTrunc(unit string, t time.Time) any {
	y, m, d := t.Date()
	switch unit {
	case "second":
		t = time.Date(y, m, d, t.Hour(), t.Minute(), t.Second(), 0, time.UTC)
	case "minute":
		t = time.Date(y, m, d, t.Hour(), t.Minute(), 0, 0, time.UTC)
	case "hour":
		t = time.Date(y, m, d, t.Hour(), 0, 0, 0, time.UTC)
	case "day":
		t = time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
	case "week":
		t = time.Date(y, m, d-int(t.Weekday()+6)%7, 0, 0, 0, 0, time.UTC)
	case "month":
		t = time.Date(y, m, 1, 0, 0, 0, 0, time.UTC)
	case "quarter":
		t = time.Date(y, (m-1)/3*3+1, 1, 0, 0, 0, 0, time.UTC)
	case "year":
		t = time.Date(y, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	return t.UnixMicro()
}

func interpretTumble(t, size, offset int64) any {
	z := new(big.Int).Sub(big.NewInt(t), big.NewInt(offset))
	r := new(big.Int).Mod(z, big.NewInt(size)) // Euclidean: never negative
	return t - r.Int64()
}

func interpretCast(from, to Kind, v any) (any, error) {
	fail := errors.New("no cast")
	switch x := v.(type) {
	case bool:
		if to == String {
			return strconv.FormatBool(x), nil
		}
		if x {
			return int64(1), nil
		}
		return int64(0), nil
	case float64:
		if to == String {
			return doubleText(x), nil
		}
		r := math.RoundToEven(x)
		if limit := math.Ldexp(1, map[Kind]int{Int32: 31, Int64: 63}[to]); !(r >= -limit && r < limit) {
			return nil, fail
		}
		return int64(r), nil
	case string:
		return interpretParse(to, strings.TrimSpace(x))
	}
	x := v.(int64)
	switch {
	case from == Timestamp && to == Date:
		return interpretPart("date", time.UnixMicro(x)), nil
	case from == Timestamp && to == String:
		return time.UnixMicro(x).UTC().Format("2006-01-02 15:04:05.999999"), nil
	case from == Date && to == String:
		return time.Unix(x*86400, 0).UTC().Format("2006-01-02"), nil
	case from == Date && to == Timestamp:
		return x * 86_400_000_000, nil
	case to == Float64:
		return float64(x), nil
	case to == Bool:
		return x != 0, nil
	case to == String:
		return strconv.FormatInt(x, 10), nil
	case to == Int32 && (x > math.MaxInt32 || x < math.MinInt32):
		return nil, fail
	}
	return x, nil
}

func doubleText(x float64) string {
	switch s := strconv.FormatFloat(x, 'g', -1, 64); {
	case s == "+Inf":
		return "Infinity"
	case s == "-Inf":
		return "-Infinity"
	case strings.Contains(s, "e") && math.Abs(x) >= 1e-4 && math.Abs(x) < 1e15:
		return strconv.FormatFloat(x, 'f', -1, 64)
	default:
		return s
	}
}

func interpretParse(to Kind, s string) (any, error) {
	switch to {
	case Bool:
		return strconv.ParseBool(s)
	case Int32:
		return strconv.ParseInt(s, 10, 32)
	case Int64:
		return strconv.ParseInt(s, 10, 64)
	case Float64:
		return strconv.ParseFloat(s, 64)
	}
	for _, layout := range []string{"2006-01-02", "2006-01-02 15:04:05", time.RFC3339} {
		t, err := time.Parse(layout, s)
		switch {
		case err == nil && to == Timestamp:
			return t.UnixMicro(), nil
		case err == nil && len(s) == 10:
			return t.Unix() / 86400, nil
		}
	}
	return nil, errors.New("no time")
}
