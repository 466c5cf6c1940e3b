package columnar

import (
	"errors"
	"math"
	"math/big"
	"time"
)

// interpretTimes computes + − * / and the minus of dates, times and intervals; ok is false for other arguments.
func interpretTimes(e *Expr, args []any) (v any, err error, ok bool) {
	a, b := e.Args[0].Type.Kind, Invalid
	if len(e.Args) > 1 {
		b = e.Args[1].Type.Kind
	}
	sign := int64(1)
	if e.Op == "-" || e.Op == "neg" {
		sign = -1
	}
	switch {
	case (e.Type.Kind == Timestamp || e.Type.Kind == LocalTimestamp) && (a == Interval || b == Interval):
		at, by := 0, 1
		if a == Interval {
			at, by = 1, 0
		}
		o := castOracle{}
		if len(args) > 2 {
			o.zone = args[2].(string)
		}
		if v, err = o.plus(args[at].(int64), args[by].(interval), sign); err != nil {
			err = errors.New(e.Type.String() + " out of range")
		}
	case e.Type.Kind == Interval && e.Op == "neg":
		v, err = sumOf(interval{}, args[0].(interval), sign)
	case e.Type.Kind == Interval && a == Interval && b == Interval:
		v, err = sumOf(args[0].(interval), args[1].(interval), sign)
	case e.Type.Kind == Interval && a == Interval:
		v, err = timesOf(args[0].(interval), args[1], e.Op == "/")
	case e.Type.Kind == Interval && b == Interval:
		v, err = timesOf(args[1].(interval), args[0], false)
	case e.Type.Kind == Interval:
		v, err = madeInterval(new(big.Int), new(big.Int), new(big.Int).Sub(big.NewInt(args[0].(int64)), big.NewInt(args[1].(int64))))
	case a == Date && b == Date && e.Op == "-":
		return args[0].(int64) - args[1].(int64), nil, true
	case e.Type.Kind == Date && (a == Date && b == Int64 || a == Int64 && b == Date):
		v, err = dayOf(args[0].(int64), args[1].(int64), sign)
	default:
		return nil, nil, false
	}
	return v, err, true
}

func dayOf(a, b, sign int64) (any, error) {
	z := new(big.Int).Mul(big.NewInt(b), big.NewInt(sign))
	if z.Add(z, big.NewInt(a)); !z.IsInt64() || z.Int64() != int64(int32(z.Int64())) {
		return nil, errors.New("date out of range")
	}
	return z.Int64(), nil
}

// madeInterval checks the room for the parts.
func madeInterval(months, days, micros *big.Int) (any, error) {
	small := func(z *big.Int) bool { return z.IsInt64() && z.Int64() == int64(int32(z.Int64())) }
	if !small(months) || !small(days) || !micros.IsInt64() {
		return nil, errors.New("interval out of range")
	}
	return interval{int32(months.Int64()), int32(days.Int64()), micros.Int64()}, nil
}

func (v interval) bigParts() [3]*big.Int {
	return [3]*big.Int{big.NewInt(int64(v.months)), big.NewInt(int64(v.days)), big.NewInt(v.micros)}
}

func sumOf(a, b interval, sign int64) (any, error) {
	p, q := a.bigParts(), b.bigParts()
	for i := range p {
		p[i].Add(p[i], q[i].Mul(q[i], big.NewInt(sign)))
	}
	return madeInterval(p[0], p[1], p[2])
}

// timesOf follows interval_mul of PostgreSQL for doubles.
func timesOf(v interval, by any, over bool) (any, error) {
	if n, ok := by.(int64); ok {
		p := v.bigParts()
		for i := range p {
			p[i].Mul(p[i], big.NewInt(n))
		}
		return madeInterval(p[0], p[1], p[2])
	}
	f := by.(float64)
	if over && f == 0 {
		return nil, errors.New("division by zero")
	}
	scale := func(x float64) float64 {
		if over {
			return x / f
		}
		return x * f
	}
	rounded := func(x float64) float64 { return math.RoundToEven(x*1e6) / 1e6 }
	months := math.Trunc(scale(float64(v.months)))
	monthDays := rounded((scale(float64(v.months)) - months) * 30)
	days := math.Trunc(scale(float64(v.days)))
	seconds := rounded((scale(float64(v.days)) - days + monthDays - math.Trunc(monthDays)) * 86_400)
	carry := math.Trunc(seconds / 86_400)
	days += math.Trunc(monthDays) + carry
	micros := math.RoundToEven(scale(float64(v.micros)) + (seconds-carry*86_400)*1e6)
	if !(math.Abs(months) <= math.MaxInt32 && math.Abs(days) <= math.MaxInt32 && micros >= -0x1p63 && micros < 0x1p63) {
		return nil, errors.New("interval out of range")
	}
	return interval{int32(months), int32(days), int64(micros)}, nil
}

// plus adds an interval on the calendar of package time, or takes it away.
func (o castOracle) plus(t int64, by interval, sign int64) (any, error) {
	micros := new(big.Int).Mul(big.NewInt(by.micros), big.NewInt(sign))
	if by.months != 0 || by.days != 0 {
		wall := time.UnixMicro(t + o.offset(t)).UTC()
		day := wall.Day()
		first := wall.AddDate(0, int(sign)*int(by.months), 1-day)
		if last := first.AddDate(0, 1, -1).Day(); day > last {
			day = last
		}
		wall = first.AddDate(0, 0, day-1+int(sign)*int(by.days))
		if wall.Unix() < math.MinInt64/1_000_000-1 || wall.Unix() > math.MaxInt64/1_000_000 || wall.UnixMicro() < 0 != (wall.Unix() < 0) {
			return nil, errors.New("timestamp out of range")
		}
		t = o.instant(wall.UnixMicro())
	}
	if micros.Add(micros, big.NewInt(t)); !micros.IsInt64() {
		return nil, errors.New("timestamp out of range")
	}
	return micros.Int64(), nil
}
