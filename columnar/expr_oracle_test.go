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
	case "isdistinct":
		return compareInner(args[0], args[1]) != 0, nil
	case "isnotdistinct":
		return compareInner(args[0], args[1]) == 0, nil
	case "istrue":
		return args[0] == true, nil
	case "isnottrue":
		return args[0] != true, nil
	case "isfalse":
		return args[0] == false, nil
	case "isnotfalse":
		return args[0] != false, nil
	case "isunknown":
		return args[0] == nil, nil
	case "isnotunknown":
		return args[0] != nil, nil
	case "in":
		return interpretIn(args), nil
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
	case "cast", "try_cast":
		o := castOracle{try: e.Op == "try_cast"}
		if len(args) > 1 {
			o.zone = args[1].(string)
		}
		v, err := o.cast(e.Args[0].Type, e.Type, args[0])
		if err != nil && o.try {
			return nil, nil
		}
		return v, err
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
		start := interpretTrunc(args[0].(string), time.UnixMicro(args[1].(int64)).UTC())
		if start.Before(time.UnixMicro(math.MinInt64)) {
			return nil, errors.New(e.Type.String() + " out of range")
		}
		return start.UnixMicro(), nil
	case "tumble_start":
		return interpretTumble(args[0].(int64), args[1].(interval).micros, args[2].(interval).micros), nil
	}
	if v, err, ok := interpretTimes(e, args); ok {
		return v, err
	}
	if t, ok := args[0].(int64); ok && (e.Args[0].Type.Kind == Timestamp || e.Args[0].Type.Kind == LocalTimestamp) && len(args) == 1 {
		return interpretPart(e.Op, time.UnixMicro(t).UTC()), nil
	}
	switch args[0].(type) {
	case float64:
		return interpretDouble(e.Op, args)
	case *big.Rat:
		return interpretDecimal(e, args)
	}
	return interpretInt(e, args)
}

func interpretIn(args []any) any {
	if args[0] == nil {
		return nil
	}
	null := false
	for _, b := range args[1:] {
		if b != nil && compareAny(args[0], b) == 0 {
			return true
		}
		null = null || b == nil
	}
	if null {
		return nil
	}
	return false
}

// interpretDecimal computes exactly and checks the digits of the result.
func interpretDecimal(e *Expr, args []any) (any, error) {
	z := new(big.Rat).Set(args[0].(*big.Rat))
	var y *big.Rat
	if len(args) == 2 {
		y = args[1].(*big.Rat)
	}
	switch e.Op {
	case "+":
		z.Add(z, y)
	case "-":
		z.Sub(z, y)
	case "*":
		z.Mul(z, y)
	case "%":
		if y.Sign() == 0 {
			return nil, errors.New("division by zero")
		}
		q := new(big.Rat).Quo(z, y)
		whole := new(big.Rat).SetInt(new(big.Int).Quo(q.Num(), q.Denom()))
		z.Sub(z, whole.Mul(whole, y))
	default:
		z.Neg(z)
	}
	unscaled := new(big.Rat).Mul(z, new(big.Rat).SetInt(unsignedBig(pow10[e.Type.Scale])))
	if !unscaled.IsInt() {
		panic("the result of " + e.describe() + " is rounded")
	}
	if _, err := asDigits(z, e.Type); err != nil {
		return nil, errors.New(e.Type.String() + " out of range")
	}
	return z, nil
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

func interpretTrunc(unit string, t time.Time) time.Time {
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
	return t
}

func interpretTumble(t, size, offset int64) any {
	z := new(big.Int).Sub(big.NewInt(t), big.NewInt(offset))
	r := new(big.Int).Mod(z, big.NewInt(size)) // Euclidean: never negative
	return t - r.Int64()
}
