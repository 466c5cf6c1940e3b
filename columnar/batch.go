package columnar

import "github.com/millrace/millrace/offsets"

// Slack is the number of readable and writable bytes that the capacity of a string column's Data keeps behind its
// length, so that copies may move whole words.
const Slack = offsets.Slack

// Vector is one column of N rows in Arrow's layout. Which slice holds the values depends on Type.Kind, see [Kind].
// Values at NULL positions, and at positions outside a batch's selection, are undefined.
type Vector struct {
	Type  Type
	N     int    // rows
	Valid []byte // validity bitmap, bit set = not NULL, least significant bit first; nil = no NULL
	Bits  []byte // one bit a row, least significant bit first
	I32   []int32
	I64   []int64
	F64   []float64
	Wide  []Int128
	Off   []int32   // N+1 offsets into Data or Kids, Off[0] may be > 0
	Data  []byte    // see [Slack]
	Kids  []*Vector // of nested types, see [Kind]

	// Codes and Dict may say once more what Off and Data say, of a String or Binary with few distinct values: row i holds
	// the same as row Codes[i] of Dict, which has no NULL and at most 256 rows. Comparisons look at them; whoever changes
	// values must drop them. nil = not known.
	Codes []byte
	Dict  *Vector

	// Values, when not nil, makes a column of strings one of references: row i that is not NULL is row I32[i] of Values, and
	// Off and Data are nil. Values does not change, holds no references, and is not NULL at a row that is referred to. Such
	// columns pass between the operators of one chain only, see [TakesReferences].
	Values *Vector
}

// IsNull reports whether row i is NULL. It is for edges and tests; kernels loop over the bitmap.
func (v *Vector) IsNull(i int) bool { return v.Valid != nil && v.Valid[i>>3]>>(i&7)&1 == 0 }

// Str returns the bytes of row i of a String or Binary vector.
func (v *Vector) Str(i int) []byte { return v.Data[v.Off[i]:v.Off[i+1]] }

// Bool returns row i of a Bool vector.
func (v *Vector) Bool(i int) bool { return v.Bits[i>>3]>>(i&7)&1 == 1 }

// Origin says where the rows of a batch come from, for error messages.
type Origin struct {
	Source    string // the source's name in the job
	Topic     string
	Partition int32
}

// clone is a copy for rows that outlive the batch that they came in: a decoder writes the origin of the next run to the
// same place.
func (o *Origin) clone() *Origin {
	if o == nil {
		return nil
	}
	c := *o
	return &c
}

// Batch is a set of columns of equal length. Sel, when not nil, lists the rows that count, ascending; the others are
// as if they were not there. A batch may outlive no call of the operator that made it (see the package comment).
type Batch struct {
	Schema *Schema
	Cols   []*Vector // one for each field of Schema, of Rows rows each
	Rows   int       // physical rows
	Sel    []int32   // selected rows; nil = all

	// Origin and Offsets locate rows in Kafka while they still stand for single records; nil behind an aggregate.
	// Offsets has one entry for each physical row.
	Origin  *Origin
	Offsets []int64

	// Env is what expressions may depend on besides columns. It is handed on by operators; nil is the zero Env.
	Env *Env
}

// Env is what the expressions of a batch may depend on besides its columns. It is part of the plan of the batch, so
// that a rerun computes the same.
type Env struct {
	Now   int64            // plan time, µs since the epoch: the value of now()
	Zones map[string]*Zone // rules by name of the time zone; a zone that is missing follows the rules in this binary
}

// Len is the number of selected rows.
func (b *Batch) Len() int {
	if b.Sel != nil {
		return len(b.Sel)
	}
	return b.Rows
}
