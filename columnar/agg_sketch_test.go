package columnar

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// TestApproxCountDistinct counts different values, each several times, in parts that are merged in any order: the state
// is always the same, exact up to 256 values, and then within four standard errors.
func TestApproxCountDistinct(t *testing.T) {
	r := newRand(t)
	spec := AggSpec{Aggs: []Agg{{Func: ApproxCountDistinct, Arg: 0, In: Type{Kind: Int64}, Name: "n"}}}
	in := NewSchema(Field{"x", Type{Kind: Int64}})
	for _, n := range []int{0, 1, 255, 256, 257, 258, 1000, 5000, 60000} {
		vals := make([]int64, 2*n)
		first := r.Int64()
		for i := range vals {
			vals[i] = first + int64(i%max(n, 1))
		}
		r.Shuffle(len(vals), func(i, j int) { vals[i], vals[j] = vals[j], vals[i] })
		whole := foldInts64(t, in, spec, vals)
		var parts []*HashAggregate
		for rest := vals; len(parts) == 0 || len(rest) > 0; {
			cut := min(len(rest), 1+r.IntN(max(n/2, 1)))
			parts = append(parts, foldInts64(t, in, spec, rest[:cut]))
			rest = rest[cut:]
		}
		merged, err := mergeInAnyOrder(t, r, parts)
		if err != nil {
			t.Fatal(err)
		}
		if n > 0 {
			checkSameSketches(t, merged, whole)
		}
		if merged.Groups() == 0 {
			continue
		}
		got := final(t, merged).Cols[0].I64[0]
		if off := math.Abs(float64(got)-float64(n)) / float64(n); n <= hashesMax && got != int64(n) || off > 4*0.01625 {
			t.Errorf("%d values: counted %d", n, got)
		}
	}
}

func foldInts64(t *testing.T, in *Schema, spec AggSpec, vals []int64) *HashAggregate {
	t.Helper()
	h := NewHashAggregate(in, spec)
	if err := h.Add(&Batch{Schema: in, Rows: len(vals), Cols: []*Vector{int64Column(Int64, vals, nil)}}); err != nil {
		t.Fatal(err)
	}
	return h
}

func checkSameSketches(t *testing.T, a, b *HashAggregate) {
	t.Helper()
	x, err1 := EncodeIPC(a.Partial())
	y, err2 := EncodeIPC(b.Partial())
	if err1 != nil || err2 != nil || !bytes.Equal(x, y) {
		t.Errorf("the states differ: %d and %d bytes, %v, %v", len(x), len(y), err1, err2)
	}
}

// TestApproxCountDistinctManyGroups has groups that grow out of their hashes one after the other, so that the table of
// hashes is made anew in between.
func TestApproxCountDistinctManyGroups(t *testing.T) {
	in := NewSchema(Field{"k", Type{Kind: Int64}}, Field{"x", Type{Kind: Int64}})
	spec := AggSpec{Keys: []int{0}, Aggs: []Agg{{Func: ApproxCountDistinct, Arg: 1, In: Type{Kind: Int64}, Name: "n"}}}
	h := NewHashAggregate(in, spec)
	const groups = 60
	small, large := int64(100), int64(400)
	for k := range int64(groups) {
		n := small
		if k%3 > 0 {
			n = large
		}
		key, val := make([]int64, n), make([]int64, n)
		for i := range n {
			key[i], val[i] = k, i
		}
		if err := h.Add(&Batch{Schema: in, Rows: int(n), Cols: []*Vector{int64Column(Int64, key, nil), int64Column(Int64, val, nil)}}); err != nil {
			t.Fatal(err)
		}
	}
	state := h.folds[0].state.(*approxDistinct)
	if held := state.hashes.table.n; held > groups/3*int(small)+2*4096 {
		t.Errorf("%d hashes are held for %d groups that need %d each", held, groups/3, small)
	}
	out := final(t, h)
	for k, got := range out.Cols[1].I64 {
		if want := []int64{small, large, large}[k%3]; want == small && got != want || math.Abs(float64(got-want)) > 0.07*float64(want) {
			t.Errorf("group %d: counted %d, want %d", k, got, want)
		}
	}
}

// TestQuantileBuckets checks the promise of approx_quantile for doubles of every size, and that buckets are in order.
func TestQuantileBuckets(t *testing.T) {
	r := newRand(t)
	vals := []float64{0, 1, -1, buckets.MinIndexableValue(), -buckets.MinIndexableValue(), buckets.MaxIndexableValue(), math.MaxFloat64 / 1.02}
	for range cases(200000, 20000) {
		vals = append(vals, math.Float64frombits(r.Uint64()))
	}
	for _, x := range vals {
		size := math.Abs(x)
		if x != x || size < buckets.MinIndexableValue() || size > buckets.MaxIndexableValue() {
			continue
		}
		if got := bucketValue(bucketOf(x)); !(math.Abs(got-x) <= size*(quantileAccuracy+1e-9)) {
			t.Fatalf("%v is in a bucket for %v", x, got)
		}
	}
	for _, x := range []float64{math.Inf(-1), math.Inf(1), math.NaN(), 0, 1e-320, -1e-320, math.Copysign(0, -1)} {
		want := x
		if math.Abs(x) < 1 {
			want = 0
		}
		if got := bucketValue(bucketOf(x)); !sameCell(got, want) {
			t.Errorf("%v is in a bucket for %v", x, got)
		}
	}
	slices.SortFunc(vals, func(x, y float64) int { return compareCells(x, y) })
	if !slices.IsSortedFunc(vals, func(x, y float64) int { return compareCells(int64(bucketOf(x)), int64(bucketOf(y))) }) {
		t.Error("buckets are not in the order of their values")
	}
}

// damagedSpec has every aggregate whose state is decoded.
func damagedSpec() AggSpec {
	x, s, half := Type{Kind: Float64}, Type{Kind: String}, []AggParam{{Type{Kind: Float64}, Value{F: 0.5}}}
	comma := []AggParam{{Type{Kind: String}, Value{S: ","}}}
	spec := AggSpec{Keys: []int{0}, Aggs: []Agg{
		{Func: Sum, Arg: 1, In: x}, {Func: Avg, Arg: 1, In: x}, {Func: VarSamp, Arg: 1, In: x}, {Func: Sum, Arg: 1, In: x, Distinct: true},
		{Func: ApproxCountDistinct, Arg: 1, In: x}, {Func: ApproxQuantile, Arg: 1, In: x, Params: half}, {Func: QuantileCont, Arg: 1, In: x, Params: half},
		{Func: Mode, Arg: 2, In: s}, {Func: StringAgg, Arg: 2, In: s, Params: comma, Order: []AggOrder{{Col: 1, Type: x}}}, {Func: ArrayAgg, Arg: 1, In: x},
		{Func: ArgMax, Arg: 2, In: s, More: []AggArg{{1, x}}}, {Func: Avg, Arg: 3, In: DecimalOf(20, 2)}, {Func: Sum, Arg: 4, In: Type{Kind: Interval}},
		{Func: Count, Arg: 1, In: x}}}
	for i := range spec.Aggs {
		spec.Aggs[i].Name = fmt.Sprintf("a%d", i)
	}
	return spec
}

var damagedSchema = NewSchema(Field{"k", Type{Kind: Int64}}, Field{"x", Type{Kind: Float64}}, Field{"s", Type{Kind: String}}, Field{"d", DecimalOf(20, 2)},
	Field{"i", Type{Kind: Interval}})

// undamaged is the state of some random rows, of which one group has enough different values for a sketch.
func undamaged(t testing.TB, r *rand.Rand) *Batch {
	h := NewHashAggregate(damagedSchema, damagedSpec())
	values := aggRandom{Rand: r, exponents: 2000}
	b := &Batch{Schema: damagedSchema, Rows: 600}
	for _, f := range damagedSchema.Fields {
		col := NewBuilder(f.Type)
		for i := range b.Rows {
			switch f.Name {
			case "k":
				col.AppendInt64(int64(i % 2 * (i % 3)))
			case "x": // all that is not finite has one sum
				x := values.double()
				if x-x != 0 {
					x = 1
				}
				col.AppendFloat64(x)
			case "d":
				col.AppendWide(Int128Of(int64(i)))
			case "i":
				col.AppendWide(MakeInterval(1, int32(i%5-2), int64(i)))
			default:
				values.append(col, f.Name)
			}
		}
		b.Cols = append(b.Cols, col.Vector())
	}
	if err := h.Add(b); err != nil {
		t.Fatal(err)
	}
	return Take(h.Partial(), []int32{0, 1, 2})
}

// useState merges rows and asks for everything, so that whatever is wrong with them shows.
func useState(b *Batch) error {
	h := NewHashAggregate(damagedSchema, damagedSpec())
	for range 2 {
		if err := h.Merge(b); err != nil {
			return err
		}
	}
	h.Partial()
	h.Dirty()
	_, err := h.Final()
	return err
}

// TestDamagedState changes half-aggregated rows to what no aggregate writes. All of it is an error.
func TestDamagedState(t *testing.T) {
	r := newRand(t)
	if err := useState(undamaged(t, r)); err != nil {
		t.Fatal(err)
	}
	null := func(v *Vector) {
		v.Valid = make([]byte, bitmapBytes(v.N))
	}
	text := func(s string) func(*Vector) {
		return func(v *Vector) {
			b := NewBuilder(v.Type)
			for range v.N {
				b.AppendString(s)
			}
			*v = *b.Vector()
		}
	}
	count := func(n int64) func(*Vector) { return func(v *Vector) { v.I64[0] = n } }
	for _, c := range []struct {
		column string
		damage func(v *Vector)
		want   string
	}{
		{"a0 exact", text("x"), "no sum of doubles"},
		{"a0 exact", text("\x00\x40"), "no sum of doubles"},
		{"a1 count", count(-1), "a count below 0"},
		{"a1 count", null, "a count below 0"},
		{"a2 squares", text("\x08\x00"), "no sum of squares"},
		{"a2 squares", null, "no sum of squares"},
		{"a2 squares", text("\x00\x00"), "of different numbers"},
		{"a3 values", null, "a list that is NULL"},
		{"a4 sketch", text("x"), "no sketch"},
		{"a4 sketch", text(string(sketchHeader) + strings.Repeat("\xff", sketchBytes)), "no sketch"},
		{"a4 hashes", null, "a list that is NULL"},
		{"a5 values", func(v *Vector) { v.Kids[0].Kids[1].I64[0] = 0 }, "a count below 1"},
		{"a6 values", func(v *Vector) { null(v.Kids[0]) }, "a counted value that is NULL"},
		{"a7 values", func(v *Vector) { null(v.Kids[0].Kids[0]) }, "a counted value that is NULL"},
		{"a8 values", func(v *Vector) { null(v.Kids[0]) }, "an element that is NULL"},
		{"a13", count(math.MaxInt64), "a count below 0"},
	} {
		b := throughBytes(t, undamaged(t, r))
		c.damage(b.Cols[b.Schema.Index(c.column)])
		if err := useState(b); err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), strings.Fields(c.column)[0]) {
			t.Errorf("%s: got %v, want %s", c.column, err, c.want)
		}
	}
}

// TestDamagedBytes changes some bytes of encoded half-aggregated rows: whatever still decodes is merged or refused.
func TestDamagedBytes(t *testing.T) {
	r := newRand(t)
	data, err := EncodeIPC(undamaged(t, r))
	if err != nil {
		t.Fatal(err)
	}
	merged := 0
	for range cases(400, 60) {
		damaged := bytes.Clone(data)
		for range 1 + r.IntN(3) {
			damaged[r.IntN(len(damaged))] = byte(r.Uint32())
		}
		if useBytes(damaged) {
			merged++
		}
	}
	if merged == 0 {
		t.Error("no damage was merged")
	}
}

// useBytes reports whether the bytes are rows that could be merged.
func useBytes(data []byte) bool {
	b, err := DecodeIPC(data)
	return err == nil && useState(b) == nil
}

// FuzzMergeState merges bytes that are half-aggregated rows, or nearly.
func FuzzMergeState(f *testing.F) {
	for seed := range uint64(3) {
		data, err := EncodeIPC(undamaged(f, rand.New(rand.NewPCG(seed, seed))))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data, uint32(seed), byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte, at uint32, to byte) {
		if len(data) > 0 {
			data = bytes.Clone(data)
			data[at%uint32(len(data))] = to
		}
		useBytes(data)
	})
}
