package parquetfile_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/parquet-go/parquet-go"

	"github.com/millrace/millrace/columnar"
)

// nested have lists, maps and structs on the way to their leaves, some below each other.
var nested = []columnar.Type{
	columnar.ArrayOf(kind(columnar.Int64)),
	columnar.ArrayOf(columnar.ArrayOf(kind(columnar.String))),
	columnar.StructOf(field("id", kind(columnar.Int32)), field("at", columnar.StructOf(field("x", kind(columnar.Float64)), field("d", columnar.DecimalOf(38, 2))))),
	columnar.MapOf(kind(columnar.String), kind(columnar.Float32)),
	columnar.ArrayOf(columnar.StructOf(field("sku", kind(columnar.String)), field("tags", columnar.ArrayOf(kind(columnar.Bool))), field("price", columnar.DecimalOf(18, 2)))),
}

func field(name string, t columnar.Type) columnar.Field { return columnar.Field{Name: name, Type: t} }

// tree makes n places of a type: lists of 0 to 3 elements, a quarter of all that may be NULL is, and leaves drift. A few
// places have empty lists only, for pages without any value.
func tree(r *rand.Rand, typ columnar.Type, n int) *columnar.Vector {
	v := &columnar.Vector{Type: typ, N: n}
	switch typ.Kind {
	default:
		return drift(r, typ, n)
	case columnar.Struct:
		for _, f := range typ.Fields() {
			v.Kids = append(v.Kids, tree(r, f.Type, n))
		}
	case columnar.Array, columnar.Map:
		v.Off = []int32{0}
		for i := range n {
			size := r.Int32N(4)
			if n < 10 {
				size = 0
			}
			v.Off = append(v.Off, v.Off[i]+size)
		}
		if size := int(v.Off[n]); typ.Kind == columnar.Map {
			v.Kids = []*columnar.Vector{texts(size, func(i int) string { return fmt.Sprint("key ", i%5_000, i) }), tree(r, typ.Elem(), size)}
		} else {
			v.Kids = []*columnar.Vector{tree(r, typ.Elem(), size)}
		}
	}
	v.Valid = make([]byte, (n+7)/8)
	for i := range n {
		if r.IntN(4) > 0 {
			v.Valid[i>>3] |= 1 << (i & 7)
		}
	}
	return v
}

// leafType is the type of the values in a leaf, by its path of names.
func leafType(typ columnar.Type, path []string) columnar.Type {
	switch typ.Kind {
	case columnar.Struct:
		i := slices.IndexFunc(typ.Fields(), func(f columnar.Field) bool { return f.Name == path[0] })
		return leafType(typ.Fields()[i].Type, path[1:])
	case columnar.Array:
		return leafType(typ.Elem(), path[2:])
	case columnar.Map:
		if path[1] == "key" {
			return kind(columnar.String)
		}
		return leafType(typ.Elem(), path[2:])
	}
	return typ
}

// span is what the values of a page, or of a chunk, say about themselves.
type span struct {
	rows, slots, nulls int64
	defs, reps         []int64
	low, high          any
}

// add counts a value with its levels; those that are not there, as in an empty list, are NULL.
func (s *span) add(v parquet.Value, typ columnar.Type) {
	s.slots++
	s.defs[v.DefinitionLevel()]++
	s.reps[v.RepetitionLevel()]++
	if v.RepetitionLevel() == 0 {
		s.rows++
	}
	if v.IsNull() {
		s.nulls++
	}
	if x, ok := compared(v, typ); ok {
		if s.low == nil || less(x, s.low) {
			s.low = x
		}
		if s.high == nil || less(s.high, x) {
			s.high = x
		}
	}
}

// wantBounds holds what an index or statistics say of the least and the greatest value against those that are there. Long texts
// may be cut.
func (s *span) wantBounds(t *testing.T, what string, low, high []byte, phys parquet.Kind, typ columnar.Type) {
	t.Helper()
	if s.low == nil {
		if len(low)+len(high) > 0 {
			t.Fatalf("%s has no value, and is said to have %x to %x", what, low, high)
		}
		return
	}
	a, _ := compared(phys.Value(low), typ)
	z, _ := compared(phys.Value(high), typ)
	if text, ok := a.(string); less(s.low, a) || less(z, s.high) || !(ok && len(text) >= 63) && (s.low != a || s.high != z) {
		t.Fatalf("%s has %v to %v, and is said to have %v to %v", what, s.low, s.high, a, z)
	}
}

// newSpan is one of a leaf with these levels at most.
func newSpan(leaf parquet.LeafColumn) span {
	return span{defs: make([]int64, leaf.MaxDefinitionLevel+1), reps: make([]int64, leaf.MaxRepetitionLevel+1)}
}

// checkNested holds page index, statistics and histograms of a leaf against the levels and values that another library reads. It counts
// the pages, and those without a value.
func checkNested(t *testing.T, f *parquet.File, at int, typ columnar.Type) (pages, empty int) {
	t.Helper()
	chunk, meta := f.RowGroups()[0].ColumnChunks()[at], f.Metadata().RowGroups[0].Columns[at].MetaData
	leaf, ok := f.Schema().Lookup(meta.PathInSchema...)
	if !ok {
		t.Fatalf("no column %q", meta.PathInSchema)
	}
	// The library has no index for a chunk that has none: NaN alone on a page.
	index, told := f.ColumnIndexes()[at], len(f.ColumnIndexes()[at].NullPages) > 0
	phys := chunk.Type().Kind()
	whole := newSpan(leaf)
	for i, vals := range pagesIn(t, chunk) {
		page := newSpan(leaf)
		for _, v := range vals {
			page.add(v, typ)
			whole.add(v, typ)
		}
		what := fmt.Sprintf("page %d", i)
		if first := f.OffsetIndexes()[at].PageLocations[i].FirstRowIndex; first != whole.rows-page.rows {
			t.Fatalf("%s begins with row %d, and is said to begin with %d", what, whole.rows-page.rows, first)
		}
		if pages++; page.nulls == page.slots {
			empty++
		}
		if !told {
			continue
		}
		if index.NullCounts[i] != page.nulls || index.NullPages[i] != (page.nulls == page.slots) {
			t.Fatalf("%s has %d of %d places without a value, and is said to have %d", what, page.nulls, page.slots, index.NullCounts[i])
		}
		page.wantBounds(t, what, index.MinValues[i], index.MaxValues[i], phys, typ)
		page.wantLevels(t, what, part(index.DefinitionLevelHistogram, i, len(page.defs)), part(index.RepetitionLevelHistogram, i, len(page.reps)))
	}
	if whole.rows != f.NumRows() || whole.slots != meta.NumValues || whole.nulls != meta.Statistics.NullCount {
		t.Fatalf("%d rows, %d places, %d without a value; the chunk is said to have %d, %d, %d",
			whole.rows, whole.slots, whole.nulls, f.NumRows(), meta.NumValues, meta.Statistics.NullCount)
	}
	whole.wantBounds(t, "chunk", meta.Statistics.MinValue, meta.Statistics.MaxValue, phys, typ)
	whole.wantLevels(t, "chunk", meta.SizeStatistics.DefinitionLevelHistogram, meta.SizeStatistics.RepetitionLevelHistogram)
	if told {
		ordersRight(t, index, chunk, typ)
	}
	return pages, empty
}

// part is that of page i in histograms of n levels, which stand behind each other; there are none of a single level.
func part(histograms []int64, i, n int) []int64 {
	if n == 1 {
		return histograms
	}
	return histograms[i*n : (i+1)*n]
}

// wantLevels holds histograms of levels against those that are there. Of a single level there need not be any.
func (s *span) wantLevels(t *testing.T, what string, defs, reps []int64) {
	t.Helper()
	if !slices.Equal(defs, s.defs) && len(s.defs) > 1 || !slices.Equal(reps, s.reps) && len(s.reps) > 1 {
		t.Fatalf("%s has levels %v and %v, and is said to have %v and %v", what, s.defs, s.reps, defs, reps)
	}
}

// TestNestedPages reads every page of nested columns back and holds it against page index, statistics and histograms.
func TestNestedPages(t *testing.T) {
	pages, empty, leaves := 0, 0, 0
	for seed := range uint64(4) {
		r := rand.New(rand.NewPCG(seed, 5))
		n := []int{7, 150_000, 200_000}[min(seed, 2)]
		var cols []*columnar.Vector
		for _, typ := range nested {
			cols = append(cols, tree(r, typ, n))
		}
		s := schema(nested...)
		f := write(t, []string{"none", "zstd", "snappy"}[r.IntN(3)], s, cols)
		for i, c := range f.Metadata().RowGroups[0].Columns {
			path := c.MetaData.PathInSchema
			top := slices.IndexFunc(s.Fields, func(f columnar.Field) bool { return f.Name == path[0] })
			typ := leafType(nested[top], path[1:])
			t.Run(fmt.Sprintf("seed %d, %d rows, %q of %s", seed, n, path, typ), func(t *testing.T) {
				p, e := checkNested(t, f, i, typ)
				checkOffsets(t, f, i)
				pages, empty, leaves = pages+p, empty+e, leaves+1
			})
		}
	}
	t.Logf("%d leaves, %d pages, %d of them without a value", leaves, pages, empty)
	if leaves != 4*10 || pages < 100 || empty < 3 {
		t.Errorf("%d leaves, %d pages, %d of them without a value: too little to say anything", leaves, pages, empty)
	}
}
