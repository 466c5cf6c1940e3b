package columnar

import "fmt"

type castPair struct{ from, to Kind }

// castKernels are all casts there are. Other pairs are refused while binding.
var castKernels = map[castPair]kernel{
	{Bool, Int32}:       strict(castBoolInt32),
	{Bool, Int64}:       strict(castBoolInt64),
	{Int32, Bool}:       strict(func(n *node, _ rowSet) error { castIntBool(n, n.in[0].I32); return nil }),
	{Int64, Bool}:       strict(func(n *node, _ rowSet) error { castIntBool(n, n.in[0].I64); return nil }),
	{Int32, Int64}:      strict(func(n *node, _ rowSet) error { convert(n.outI64(), n.in[0].I32); return nil }),
	{Int32, Float64}:    strict(func(n *node, _ rowSet) error { convert(n.outF64(), n.in[0].I32); return nil }),
	{Int64, Float64}:    strict(func(n *node, _ rowSet) error { convert(n.outF64(), n.in[0].I64); return nil }),
	{Int64, Int32}:      strict(castInt64Int32),
	{Float64, Int32}:    strict(castDoubleInt32),
	{Float64, Int64}:    strict(castDoubleInt64),
	{Date, Timestamp}:   strict(castDateTimestamp),
	{Timestamp, Date}:   strict(castTimestampDate),
	{Bool, String}:      formatting(func(dst []byte, v *Vector, r int32) []byte { return appendBool(dst, v.Bool(int(r))) }),
	{Int32, String}:     formatting(func(dst []byte, v *Vector, r int32) []byte { return appendInt(dst, int64(v.I32[r])) }),
	{Int64, String}:     formatting(func(dst []byte, v *Vector, r int32) []byte { return appendInt(dst, v.I64[r]) }),
	{Float64, String}:   formatting(func(dst []byte, v *Vector, r int32) []byte { return appendDouble(dst, v.F64[r]) }),
	{Date, String}:      formatting(func(dst []byte, v *Vector, r int32) []byte { return appendDate(dst, int64(v.I32[r])) }),
	{Timestamp, String}: formatting(func(dst []byte, v *Vector, r int32) []byte { return appendTimestamp(dst, v.I64[r]) }),
	{String, Bool}:      parsing(func(n *node, r int32, text []byte) bool { return parseBoolInto(n.out.Bits, r, text) }),
	{String, Int32}:     parsing(func(n *node, r int32, text []byte) bool { return keep(&n.out.I32[r], parseInt32, text) }),
	{String, Int64}:     parsing(func(n *node, r int32, text []byte) bool { return keep(&n.out.I64[r], parseInt64, text) }),
	{String, Float64}:   parsing(func(n *node, r int32, text []byte) bool { return keep(&n.out.F64[r], parseDouble, text) }),
	{String, Date}:      parsing(func(n *node, r int32, text []byte) bool { return keep(&n.out.I32[r], parseDay, text) }),
	{String, Timestamp}: parsing(func(n *node, r int32, text []byte) bool { return keep(&n.out.I64[r], parseInstant, text) }),
	{String, Binary}:    strict(castSameBytes),
	{Binary, String}:    strict(castBinaryString),
}

func castFunctions() []*function {
	return []*function{
		{
			Function: about("cast", "CAST(a AS type)", "Conversion; a value that does not convert is an error."),
			takes:    "a value and a type", fails: true,
			resolve: func(fn *function, args []*Expr) (*Expr, error) { return nil, noSuchFunction(fn, args) },
			kernel:  func(e *Expr) kernel { return castKernels[castPair{e.Args[0].Type.Kind, e.Type.Kind}] },
		},
	}
}

// castError is the reason for a value that is not one of type t.
func castError(text string, t Type) string { return fmt.Sprintf("%q is not %s", text, t.Article()) }
