package columnar

import (
	"strings"
	"testing"
)

// TestAccumulators numbers the groups of random half-aggregated rows with a KeyIndex and merges the same rows into a
// HashAggregate: the state of every group and its results are the same, bit by bit.
func TestAccumulators(t *testing.T) {
	r := newRand(t)
	compared := 0
	for range cases(300, 60) {
		values, spec := newAggRandom(r), randomAggSpec(r)
		whole := NewHashAggregate(aggSchema, spec)
		keys, accs := NewKeyIndex(columnTypes(aggSchema, spec.Keys)), NewAccumulators(aggSchema, spec.Aggs)
		var wantErr, err error
		for range 1 + r.IntN(5) {
			part := NewHashAggregate(aggSchema, spec)
			if part.Add(values.batch(r.IntN(40))) != nil {
				continue
			}
			if partial := part.Partial(); wantErr == nil && err == nil {
				wantErr, err = whole.Merge(partial), mergeNumbered(t, keys, accs, partial)
			}
		}
		if (wantErr == nil) != (err == nil) || err != nil && err.Error() != wantErr.Error() {
			t.Fatalf("%s: error %v, want %v", spec, err, wantErr)
		}
		if err == nil {
			checkAccumulators(t, keys, accs, whole)
			compared++
		}
	}
	if compared < 30 {
		t.Errorf("%d cases without an overflow are too few", compared)
	}
}

func mergeNumbered(t *testing.T, keys *KeyIndex, accs *Accumulators, partial *Batch) error {
	t.Helper()
	cols := (&frame{}).identity(len(keys.table.cols))
	positions := make([]int, len(cols))
	for i := range positions {
		positions[i] = i
	}
	numbers, err := keys.Number(partial, positions)
	if err != nil {
		t.Fatal(err)
	}
	accs.Grow(keys.Len())
	return accs.Merge(partial, len(positions), numbers)
}

func checkAccumulators(t *testing.T, keys *KeyIndex, accs *Accumulators, whole *HashAggregate) {
	t.Helper()
	if accs.Len() != whole.Groups() || keys.Len() != whole.Groups() {
		t.Fatalf("%d groups of %d keys, want %d", accs.Len(), keys.Len(), whole.Groups())
	}
	groups := (&frame{}).identity(accs.Len())
	got := &Batch{Schema: whole.partial, Rows: len(groups)}
	for i := range whole.partialKeys {
		got.Cols = append(got.Cols, keys.Column(i))
	}
	got.Cols = accs.Partial(got.Cols, groups)
	checkEqualBatches(t, got, whole.Partial())
	want, wantErr := whole.Final()
	names := len(whole.partialKeys)
	out, err := accs.Final(append([]*Vector{}, got.Cols[:names]...), got, names)
	if (err == nil) != (wantErr == nil) {
		t.Fatalf("finish: error %v, want %v", err, wantErr)
	}
	if err == nil {
		checkEqualBatches(t, &Batch{Schema: whole.final, Cols: out, Rows: len(groups)}, want)
	}
}

// TestAccumulatorsNameTheGroup: an error names the aggregate and the keys of the row that it is about.
func TestAccumulatorsNameTheGroup(t *testing.T) {
	in := NewSchema(Field{"k", Type{Kind: String}}, Field{"x", Type{Kind: Int64}})
	spec := AggSpec{Keys: []int{0}, Aggs: []Agg{{Func: Sum, Arg: 1, In: Type{Kind: Int64}, Name: "total"}}}
	h := NewHashAggregate(in, spec)
	k, x := NewBuilder(Type{Kind: String}), NewBuilder(Type{Kind: Int64})
	for _, key := range []string{"fine", "much"} {
		k.AppendString(key)
		x.AppendInt64(map[string]int64{"fine": 1, "much": 1<<63 - 1}[key])
	}
	if err := h.Add(&Batch{Schema: in, Cols: []*Vector{k.Vector(), x.Vector()}, Rows: 2}); err != nil {
		t.Fatal(err)
	}
	accs := NewAccumulators(in, spec.Aggs)
	accs.Grow(2)
	var err error
	for range 2 {
		err = accs.Merge(h.Partial(), 1, []uint32{0, 1})
	}
	if err == nil {
		_, err = accs.Final(nil, h.Partial(), 1)
	}
	if err == nil || !strings.Contains(err.Error(), "group k = 'much'") || !strings.Contains(err.Error(), "total") {
		t.Errorf("error %v does not name total and the key", err)
	}
}

// TestKeyIndexLookup finds the rows of known keys and makes no new ones.
func TestKeyIndexLookup(t *testing.T) {
	in := NewSchema(Field{"k", Type{Kind: Int64}})
	batch := func(values ...int64) *Batch {
		return &Batch{Schema: in, Cols: []*Vector{{Type: Type{Kind: Int64}, N: len(values), I64: values}}, Rows: len(values)}
	}
	x := NewKeyIndex([]Type{{Kind: Int64}})
	if _, err := x.Number(batch(7, 5, 7), []int{0}); err != nil {
		t.Fatal(err)
	}
	b := batch(1, 5, 2, 7, 5)
	b.Sel = []int32{0, 1, 2, 3}
	rows, numbers := x.Lookup(b, []int{0})
	if len(rows) != 2 || rows[0] != 1 || rows[1] != 3 || numbers[0] != 1 || numbers[1] != 0 || x.Len() != 2 {
		t.Errorf("rows %v with numbers %v of %d keys", rows, numbers, x.Len())
	}
}

// TestKeyIndexTake copies keys, some of them several times, as long as a column has room for them.
func TestKeyIndexTake(t *testing.T) {
	defer func(limit int) { roomMax = limit }(roomMax)
	in := NewSchema(Field{"k", Type{Kind: String}})
	keys := NewBuilder(Type{Kind: String})
	keys.AppendString("long enough")
	keys.AppendNull()
	x := NewKeyIndex([]Type{{Kind: String}})
	if _, err := x.Number(&Batch{Schema: in, Cols: []*Vector{keys.Vector()}, Rows: 2}, []int{0}); err != nil {
		t.Fatal(err)
	}
	numbers := []int32{1, 0, 0, 1, 0}
	got, err := x.Take(numbers)
	if err != nil || got[0].N != 5 || !got[0].IsNull(0) || string(got[0].Str(4)) != "long enough" {
		t.Errorf("got %v, error %v", got, err)
	}
	roomMax = 32
	if _, err := x.Take(numbers); err == nil || !strings.Contains(err.Error(), tooMuchText) {
		t.Errorf("33 bytes fit into 32: %v", err)
	}
}
