package columnar

import (
	"cmp"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
)

// everySchema has a column of each kind, of decimals several, and nested ones of several depths.
var everySchema = func() *Schema {
	kind := func(k Kind) Type { return Type{Kind: k} }
	s := &Schema{Fields: slices.Clone(randomSchema.Fields)}
	for i, t := range []Type{
		kind(Int8), kind(Int16), kind(Float32), kind(Binary), kind(LocalTimestamp), kind(Interval), DecimalOf(4, 2), DecimalOf(38, 0), DecimalOf(38, 38), DecimalOf(18, 6),
		ArrayOf(kind(Int64)), ArrayOf(kind(String)), ArrayOf(ArrayOf(kind(Bool))), ArrayOf(kind(Interval)),
		StructOf(Field{"a", kind(Int8)}, Field{"b", kind(String)}),
		StructOf(Field{"x", StructOf(Field{"y", DecimalOf(10, 3)}, Field{"z", ArrayOf(kind(Float64))})}, Field{"when", kind(Timestamp)}),
		ArrayOf(StructOf(Field{"k", kind(Date)}, Field{"v", kind(Float32)})),
		MapOf(kind(String), kind(Int32)), MapOf(kind(Int16), ArrayOf(kind(String))),
	} {
		s.Fields = append(s.Fields, Field{fmt.Sprintf("c%d", i), t})
	}
	return s
}()

// keyColumnsOf lists the columns that may be keys.
func keyColumnsOf(s *Schema) []int {
	var cols []int
	for i, f := range s.Fields {
		if f.Type.CheckKey() == nil {
			cols = append(cols, i)
		}
	}
	return cols
}

// randomWide makes decimals and intervals.
func randomWide(r *rand.Rand, t Type) Int128 {
	if t.Kind == Interval {
		parts := []int64{0, 0, 1, -1, 12, 13, 30, -31, math.MaxInt32, math.MinInt32, r.Int64N(100)}
		micros := []int64{0, 0, 1, -1, microsPerDay, -microsPerHour, 30 * microsPerDay, math.MaxInt64, math.MinInt64, r.Int64N(1e12) - 5e11}
		return MakeInterval(int32(parts[r.IntN(len(parts))]), int32(parts[r.IntN(len(parts))]), micros[r.IntN(len(micros))])
	}
	top := pow10[t.Precision]
	m := uint128{lo: r.Uint64() >> r.IntN(64)}
	switch r.IntN(5) {
	case 0:
		m = uint128{lo: uint64(r.IntN(3))}
	case 1:
		v, _ := Int128{Lo: top.lo, Hi: int64(top.hi)}.Add(Int128Of(-1))
		m = uint128{lo: v.Lo, hi: uint64(v.Hi)}
	case 2:
		m.hi = r.Uint64() >> 3
	case 3:
		m = pow10[r.IntN(int(t.Precision))]
	}
	if !m.less(top) {
		m = uint128{lo: m.lo % 100}
		if !m.less(top) {
			m = uint128{}
		}
	}
	return m.signed(r.IntN(2) == 0)
}

// appendRandomValue appends a value that is not NULL; its parts are NULL with the given probability.
func appendRandomValue(r *rand.Rand, b *Builder, nulls float64) {
	t := b.vec.Type
	part := func(kid *Builder) {
		if r.Float64() < nulls {
			kid.AppendNull()
		} else {
			appendRandomValue(r, kid, nulls)
		}
	}
	switch t.Kind.Storage() {
	case StoredStruct:
		for i := range t.Fields() {
			part(b.Kid(i))
		}
		b.AppendNested()
		return
	case StoredList:
		appendRandomList(r, b, part)
		return
	case StoredWide:
		b.AppendWide(randomWide(r, t))
		return
	}
	switch v := randomValue(r, t.Kind); t.Kind.Storage() {
	case StoredBits:
		b.AppendBool(v.I == 1)
	case StoredI32:
		b.AppendInt32(int32(v.I))
	case StoredI64:
		b.AppendInt64(v.I)
	case StoredF64:
		b.AppendFloat64(v.F)
	case StoredBytes:
		b.AppendString(v.S)
	}
}

func appendRandomList(r *rand.Rand, b *Builder, part func(*Builder)) {
	seen := map[string]bool{}
	for range []int{0, 1, 2, 3, 5}[r.IntN(5)] {
		if b.vec.Type.Kind == Array {
			part(b.Kid(0))
			continue
		}
		key := NewBuilder(b.vec.Type.KeyType())
		appendRandomValue(r, key, 0)
		if text := fmt.Sprint(goValue(key.vec.Type, valueAt(key.Vector(), 0))); !seen[text] {
			seen[text] = true
			b.Kid(0).AppendFrom(key.Vector(), 0)
			part(b.Kid(1))
		}
	}
	b.AppendNested()
}

// The values of [interpret] beside those it names: decimals are *big.Rat, intervals interval, arrays and structs parts,
// maps mapping.
type (
	interval struct {
		months, days int32
		micros       int64
	}
	parts   []any
	mapping []any // key, value, key, value, …
)

// length is the interval with months of 30 days and days of 24 hours.
func (v interval) length() *big.Int {
	days := new(big.Int).Add(new(big.Int).Mul(big.NewInt(int64(v.months)), big.NewInt(30)), big.NewInt(int64(v.days)))
	return days.Add(days.Mul(days, big.NewInt(microsPerDay)), big.NewInt(v.micros))
}

// bigOf is v as a big number.
func bigOf(v Int128) *big.Int {
	z := new(big.Int).Lsh(big.NewInt(v.Hi), 64)
	return z.Add(z, new(big.Int).SetUint64(v.Lo))
}

// goParts are the values of a nested literal in order.
func goParts(t Type, v Value) any {
	if t.Kind == Struct {
		var out parts
		for i, f := range t.Fields() {
			out = append(out, goValue(f.Type, valueAt(v.Vec.Kids[i], 0)))
		}
		return out
	}
	var out []any
	for i := v.Vec.Off[0]; i < v.Vec.Off[1]; i++ {
		for k, kid := range v.Vec.Kids {
			out = append(out, goValue(t.nested.fields[k].Type, valueAt(kid, int(i))))
		}
	}
	if t.Kind == Map {
		return mapping(out)
	}
	return parts(out)
}

// compareParts takes NULL as a value above all others.
func compareParts(a, b []any) int {
	for i := range min(len(a), len(b)) {
		if d := compareInner(a[i], b[i]); d != 0 {
			return d
		}
	}
	return cmp.Compare(len(a), len(b))
}

func compareInner(a, b any) int {
	switch {
	case a == nil && b == nil:
		return 0
	case a == nil:
		return 1
	case b == nil:
		return -1
	}
	return compareAny(a, b)
}

// compareMaps is 0 where both maps have the same entries.
func compareMaps(a, b mapping) int {
	sorted := func(m mapping) []any {
		var entries []parts
		for i := 0; i < len(m); i += 2 {
			entries = append(entries, parts(m[i:i+2]))
		}
		slices.SortFunc(entries, func(x, y parts) int { return compareInner(x[0], y[0]) })
		var out []any
		for _, e := range entries {
			out = append(out, e...)
		}
		return out
	}
	return compareParts(sorted(a), sorted(b))
}

// identical is stronger than equality: intervals of one length may differ.
func identical(a, b any) bool {
	switch x := a.(type) {
	case nil:
		return b == nil
	case interval:
		return a == b
	case parts:
		y, ok := b.(parts)
		return ok && slices.EqualFunc(x, y, identical)
	case mapping:
		y, ok := b.(mapping)
		return ok && slices.EqualFunc(x, y, identical)
	}
	return b != nil && compareAny(a, b) == 0
}
