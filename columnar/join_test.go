package columnar

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestHashJoinAgainstNestedLoop joins random rows with random tables on one or two keys.
func TestHashJoinAgainstNestedLoop(t *testing.T) {
	r := newRand(t)
	for range cases(400, 60) {
		cols := keyColumnsOf(everySchema)
		r.Shuffle(len(cols), func(i, j int) { cols[i], cols[j] = cols[j], cols[i] })
		table := randomBatch(r, everySchema, r.IntN(8), 0.3)
		if r.IntN(2) == 0 {
			randomSel(r, table)
		}
		keys := cols[:1+r.IntN(2)]
		left := r.IntN(2) == 0
		join, err := NewHashJoin(everySchema, table, keys, keys, left)
		if err != nil {
			t.Fatal(err)
		}
		if r.IntN(2) == 0 {
			join.EmitReferences()
		}
		if r.IntN(3) == 0 {
			join.index.weak = 3 << 31
			clear(join.index.slots)
			join.index.fill()
		}
		for range 3 {
			checkJoin(t, r, join, table, keys, left)
		}
	}
}

func checkJoin(t *testing.T, r *rand.Rand, join *HashJoin, table *Batch, keys []int, left bool) {
	t.Helper()
	in := randomBatch(r, everySchema, r.IntN(40), 0.3)
	in.Origin = &Origin{Topic: "t"}
	for i := range in.Rows {
		in.Offsets = append(in.Offsets, int64(100+i))
	}
	if r.IntN(2) == 0 {
		randomSel(r, in)
	}
	var want [][]any
	var offsets []int64
	unmatched := 0
	others := make([][]any, table.Rows)
	for i := range others {
		others[i] = rowOf(table, i)
	}
	for _, l := range selected(in) {
		row, matched := rowOf(in, int(l)), false
		for _, s := range selected(table) {
			if other := others[s]; equalKeys(row, other, keys) {
				want, offsets, matched = append(want, append(row[:len(row):len(row)], other...)), append(offsets, in.Offsets[l]), true
			}
		}
		if !matched && left {
			want, offsets = append(want, append(row[:len(row):len(row)], make([]any, len(row))...)), append(offsets, in.Offsets[l])
		} else if !matched {
			unmatched++
		}
	}
	got, err := join.Process(in)
	if err != nil || got.Len() != len(want) {
		t.Fatalf("%v: %d rows, want %d", err, got.Len(), len(want))
	}
	got = new(Flattener).Flat(got)
	for i, g := range selected(got) {
		row := rowOf(got, int(g))
		for c := range row {
			if !sameValue(row[c], want[i][c]) || got.Offsets[g] != offsets[i] {
				t.Fatalf("row %d at %d: got %v, want %v at %d", i, got.Offsets[g], row, want[i], offsets[i])
			}
		}
	}
	added := len(want) - (in.Len() - unmatched)
	if c := join.Counts(); c != (RowCounts{In: int64(in.Len()), Out: int64(len(want)), NoMatch: int64(unmatched), Added: int64(added)}) {
		t.Fatalf("counts %+v: want out %d, no match %d", c, len(want), unmatched)
	}
}

func equalKeys(a, b []any, keys []int) bool {
	for _, k := range keys {
		if a[k] == nil || b[k] == nil || compareAny(a[k], b[k]) != 0 {
			return false
		}
	}
	return true
}

func TestHashJoinRefusesOtherTypes(t *testing.T) {
	table := EmptyBatch(NewSchema(Field{"id", Type{Kind: String}}))
	_, err := NewHashJoin(NewSchema(Field{"ad", Type{Kind: Int64}}), table, []int{0}, []int{0}, false)
	if want := `join "ad" of type bigint with "id" of type string: the types must be equal`; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// BenchmarkHashJoin looks 36-byte strings up in a table of 1,000.
func BenchmarkHashJoin(b *testing.B) {
	const rows, keys = 8192, 1000
	s := NewSchema(Field{"ad", Type{Kind: String}}, Field{"campaign", Type{Kind: String}})
	id, campaign, ad := NewBuilder(Type{Kind: String}), NewBuilder(Type{Kind: String}), NewBuilder(Type{Kind: String})
	for i := range keys {
		id.AppendString(fmt.Sprintf("%036d", i))
		campaign.AppendString(fmt.Sprintf("%036d", i/10))
	}
	for i := range rows {
		ad.AppendString(fmt.Sprintf("%036d", i*7919%keys))
	}
	in := &Batch{Schema: NewSchema(s.Fields[0]), Rows: rows, Cols: []*Vector{ad.Vector()}}
	join, err := NewHashJoin(in.Schema, &Batch{Schema: s, Rows: keys, Cols: []*Vector{id.Vector(), campaign.Vector()}}, []int{0}, []int{0}, false)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := join.Process(in); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*rows), "ns/row")
}

// TestJoinTableShared: joins of one table, used in turn, find what a join with a table of its own finds, with keys of all types.
func TestJoinTableShared(t *testing.T) {
	r := rand.New(rand.NewPCG(31, 7))
	for key := range everySchema.Fields {
		if everySchema.Fields[key].Type.CheckKey() != nil {
			continue
		}
		table := randomBatch(r, everySchema, 15, 0.1)
		shared := NewJoinTable(table, []int{key})
		if shared.SizeBytes() < table.SizeBytes()/2 {
			t.Errorf("%d bytes of a table of %d", shared.SizeBytes(), table.SizeBytes())
		}
		process := func(join *HashJoin, err error) func(*Batch) *Batch {
			if err != nil {
				t.Fatal(err)
			}
			return func(in *Batch) *Batch {
				out, err := join.Process(in)
				if err != nil {
					t.Fatal(err)
				}
				return out
			}
		}
		for range 3 {
			one, other := randomBatch(r, everySchema, 20, 0.1), randomBatch(r, everySchema, 30, 0.1)
			alone := process(NewHashJoin(everySchema, table, []int{key}, []int{key}, false))
			wantOne := rowTexts(alone(one))
			wantOther := rowTexts(alone(other))
			first, second := process(shared.Join(everySchema, []int{key}, false)), process(shared.Join(everySchema, []int{key}, false))
			gotOne := first(one)
			gotOther := second(other) // which must not disturb the first
			if !slices.Equal(rowTexts(gotOne), wantOne) || !slices.Equal(rowTexts(gotOther), wantOther) {
				t.Errorf("key %s: %d and %d rows, want %d and %d", everySchema.Fields[key].Name, gotOne.Len(), gotOther.Len(), len(wantOne), len(wantOther))
			}
		}
	}
}

func rowTexts(b *Batch) []string {
	var out []string
	for _, i := range selected(b) {
		out = append(out, fmt.Sprint(rowOf(b, int(i))...))
	}
	return out
}
