package columnar

import (
	"errors"
	"fmt"
)

// Program is a compiled expression. It owns the buffers of its results, so it serves one goroutine.
type Program struct {
	root  *node
	frame *frame
}

// frame is what the kernels of one evaluation share.
type frame struct {
	batch   *Batch
	batchNo uint64  // counts the batches from 1; 0 where results are not shared
	iota    []int32 // 0, 1, 2, …: the row list of a batch without selection
	folding bool    // constants are computed while compiling: there is no [Env]

	encoders map[int]*textEncoder // by column: of strings that are compared often

	plain   Flattener
	spelled []uint64 // by column: the batch of which plain has the strings
}

var (
	errFolding = errors.New("depends on the plan of the batch")
	errNoNow   = errors.New("now() has no value here: there is no plan time")
)

// zone is the rules of a time zone by name. They come from the plan, so that nothing that depends on them is folded.
func (f *frame) zone(name string) (*Zone, error) {
	if f.folding {
		return nil, errFolding
	}
	return f.batch.Env.Zone(name)
}

// now is the plan time.
func (f *frame) now() (int64, error) {
	if f.folding || f.batch.Env == nil {
		return 0, errNoNow
	}
	return f.batch.Env.Now, nil
}

// rowSet says which rows an evaluation has to get right. Kernels that are cheap and cannot fail compute every physical
// row; the others walk the list.
type rowSet struct {
	list  []int32
	all   bool // list is 0 … n−1
	whole bool // list is all rows of the batch that count
}

// kernel fills n.out for the rows.
type kernel func(n *node, f *frame, rows rowSet) error

// node is one compiled step of an expression with the buffers it reuses from batch to batch.
type node struct {
	expr  *Expr
	args  []*node
	run   kernel
	fails bool // some rows may have no result, here or below

	out   Vector
	in    []*Vector // results of args
	valid []byte    // buffer for out.Valid, which may also alias an argument's
	sets  [][]int32 // row lists of branches
	pick  []int32   // for CASE and COALESCE: which argument each row takes
	once  bool      // it has no columns and depends on the plan: it is computed once a batch
	value *node     // then what it is
	done  int       // for constants: rows of out that are filled

	twin  *node  // the first node of an equal expression, see [compiler]
	whole uint64 // the batch for which out holds the result of all rows
	ran   uint64 // the batch for which out holds some result
}

// Compile binds e to batches of schema in and folds constants. The error names the column or function that does not
// fit.
func Compile(e *Expr, in *Schema) (*Program, error) {
	roots, f, err := compileAll([]*Expr{e}, in)
	if one := (*compileError)(nil); errors.As(err, &one) {
		return nil, one.error
	}
	return &Program{root: roots[0], frame: f}, nil
}

// compileNode compiles e for itself.
func compileNode(e *Expr, in *Schema) (*node, error) {
	n, _, err := newCompiler(in).node(e)
	return n, err
}

func checkColumn(e *Expr, in *Schema) error {
	if e.Col < 0 || e.Col >= len(in.Fields) {
		return fmt.Errorf("column %q is number %d of a schema of %d columns", e.Name, e.Col, len(in.Fields))
	}
	if got := in.Fields[e.Col].Type; got != e.Type {
		return fmt.Errorf("column %q is %s in the expression, %s in the schema", e.Name, e.Type, got)
	}
	return nil
}

// bind looks up the kernel for the function and the types of its arguments.
func (n *node) bind() error {
	fn, ok := registry[n.expr.Op]
	if !ok {
		return fmt.Errorf("function %s does not exist", n.expr.Op)
	}
	n.in = make([]*Vector, len(n.args))
	if n.run = fn.kernel(n.expr); n.run == nil || !fn.zoneIsLiteral(n.expr) {
		return noSuchFunction(fn, n.expr.Args)
	}
	n.fails = n.fails || fn.fails
	return nil
}

func (n *node) isConst() bool { return n.expr.Op == "const" }

// folded replaces a function of constants by its value. One that has no value, such as 1/0, stays: it may stand
// in a branch that is never taken.
func folded(n *node) *node {
	v, err := n.eval(&frame{batch: &Batch{Schema: &Schema{}, Rows: 1}, iota: []int32{0}, folding: true}, rowSet{list: []int32{0}, all: true})
	if err != nil {
		n.once = errors.Is(err, errFolding) || errors.Is(err, errNoNow)
		return n
	}
	e := Const(n.expr.Type, valueAt(v, 0))
	e.Text = n.expr.Text
	return &node{expr: e, out: Vector{Type: e.Type}}
}

// valueAt is row i of v as a literal.
func valueAt(v *Vector, i int) Value {
	if v.IsNull(i) {
		return Value{Null: true}
	}
	switch v.Type.Kind.Storage() {
	case StoredBits:
		return Value{I: int64(bit(v.Bool(i)))}
	case StoredI32:
		return Value{I: int64(v.I32[i])}
	case StoredF64:
		return Value{F: v.F64[i]}
	case StoredWide:
		return WideValue(v.Wide[i])
	case StoredBytes:
		return Value{S: string(v.Str(i))}
	case StoredList, StoredStruct:
		return Value{Vec: takeVector(v, []int32{int32(i)})}
	}
	return Value{I: v.I64[i]}
}

// Type is the type of the result.
func (p *Program) Type() Type { return p.root.expr.Type }

// Eval computes the expression for the selected rows of b. The result has b.Rows rows; those outside the selection are
// undefined. It is valid until the next call and may alias b. A [RowError] is the first problem found in a selected
// row.
func (p *Program) Eval(b *Batch) (*Vector, error) {
	rows := p.frame.start(b)
	return p.root.eval(p.frame, rows)
}

// Select appends to dst the selected rows of b for which the expression, which must be boolean, is TRUE.
func (p *Program) Select(b *Batch, dst []int32) ([]int32, error) {
	rows := p.frame.start(b)
	return p.root.selectTrue(p.frame, rows, dst)
}

// start begins a batch and returns its rows.
func (f *frame) start(b *Batch) rowSet {
	f.batch = b
	f.batchNo++
	if b.Sel != nil {
		return rowSet{list: b.Sel, whole: true}
	}
	return rowSet{list: f.identity(b.Rows), all: true, whole: true}
}

// column is the i-th column of the batch, plain.
func (f *frame) column(i int) *Vector {
	v := f.batch.Cols[i]
	if v.Values == nil {
		return v
	}
	f.spelled = extended(f.spelled, max(i+1, len(f.spelled)))
	if f.spelled[i] != f.batchNo {
		f.spelled[i] = f.batchNo
		f.plain.column(i, v, f.plain.rows(f.batch))
	}
	return f.plain.flat[i]
}

func (f *frame) identity(n int) []int32 {
	f.iota = counting(f.iota, n)
	return f.iota[:n]
}

// counting is the numbers from 0 on, at least n of them, in the memory of s, which begins with them.
func counting(s []int32, n int) []int32 {
	for i := len(s); i < n; i++ {
		s = append(s, int32(i))
	}
	return s
}

// eval returns the node's result for the rows; other rows are undefined.
func (n *node) eval(f *frame, rows rowSet) (*Vector, error) {
	switch n.expr.Op {
	case "col":
		return f.column(n.expr.Col), nil
	case "const":
		return n.repeat(n, rows, f.batch.Rows)
	}
	if n.once && len(rows.list) > 0 {
		return n.evalOnce(f, rows)
	}
	if v, ok := n.known(f); ok {
		return v, nil
	}
	if rows.whole {
		n = n.owner(f)
	}
	n.out.N = f.batch.Rows
	n.ran = f.batchNo
	if err := n.run(n, f, rows); err != nil {
		return nil, err
	}
	if rows.whole {
		n.whole = f.batchNo
	}
	return &n.out, nil
}

// evalOnce computes a node without columns for one row and repeats the value.
func (n *node) evalOnce(f *frame, rows rowSet) (*Vector, error) {
	one := frame{batch: &Batch{Schema: &Schema{}, Rows: 1, Env: f.batch.Env}, folding: f.folding}
	n.out.N = 1
	if err := n.run(n, &one, rowSet{list: []int32{0}, all: true}); err != nil {
		if row := (*RowError)(nil); errors.As(err, &row) {
			row.Row = int(rows.list[0])
		}
		return nil, err
	}
	if v := valueAt(&n.out, 0); n.value == nil || n.value.expr.Value != v {
		n.value = &node{expr: Const(n.expr.Type, v), out: Vector{Type: n.expr.Type}}
	}
	return n.repeat(n.value, rows, f.batch.Rows)
}

// selectTrue appends the rows for which the node is TRUE. A conjunction looks at its second part only for the rows that
// the first one leaves.
func (n *node) selectTrue(f *frame, rows rowSet, dst []int32) ([]int32, error) {
	if n.expr.Op == "and" {
		left, err := n.args[0].selectTrue(f, rows, n.set(0))
		if err != nil {
			return dst, err
		}
		n.sets[0] = left
		return n.args[1].selectTrue(f, rowSet{list: left}, dst)
	}
	v, err := n.eval(f, rows)
	if err != nil {
		return dst, err
	}
	return n.appendTrue(dst, v, rows), nil
}

// appendTrue appends the rows at which the boolean v is TRUE.
func (n *node) appendTrue(dst []int32, v *Vector, rows rowSet) []int32 {
	mask := v.Bits
	if v.Valid != nil {
		n.valid = resized(n.valid, bitmapBytes(v.N))
		bitAnd(n.valid, v.Bits, v.Valid)
		mask = n.valid
	}
	if rows.all {
		return appendOnes(dst, mask, v.N)
	}
	return appendWhere(dst, mask, rows.list)
}

// appendWhere appends those of the rows whose bit is set, without a branch on the bit.
func appendWhere(dst []int32, mask []byte, rows []int32) []int32 {
	k := len(dst)
	dst = append(dst, rows...)
	for _, r := range rows {
		dst[k] = r
		k += int(mask[r>>3] >> (r & 7) & 1)
	}
	return dst[:k]
}

// set is the i-th row list buffer, empty.
func (n *node) set(i int) []int32 {
	for len(n.sets) <= i {
		n.sets = append(n.sets, nil)
	}
	return n.sets[i][:0]
}

// strict is a kernel that gives NULL when any argument is NULL. body sees the arguments in n.in and the validity of the
// result in n.out.Valid.
func strict(body func(n *node, rows rowSet) error) kernel {
	return func(n *node, f *frame, rows rowSet) error {
		if err := n.evalArgs(f, rows); err != nil {
			return err
		}
		n.mergeValid()
		return body(n, rows)
	}
}

func (n *node) evalArgs(f *frame, rows rowSet) error {
	for i, a := range n.args {
		v, err := a.eval(f, rows)
		if err != nil {
			return err
		}
		n.in[i] = v
	}
	return nil
}

// mergeValid makes out.Valid the AND of the arguments' validity. With one nullable argument it aliases that.
func (n *node) mergeValid() {
	n.out.Valid = nil
	for _, v := range n.in {
		switch {
		case v.Valid == nil:
		case n.out.Valid == nil:
			n.out.Valid = v.Valid[:bitmapBytes(n.out.N)]
		default:
			n.valid = resized(n.valid, bitmapBytes(n.out.N))
			bitAnd(n.valid, n.out.Valid, v.Valid)
			n.out.Valid = n.valid
		}
	}
}

// rowError locates reason at a row.
func (n *node) rowError(row int32, reason string) error {
	err := &RowError{Row: int(row), Reason: reason, Expr: n.expr.describe()}
	if reason == zeroDivision {
		err.Instead = "divide by nullif(…, 0), which is NULL in place of 0"
	}
	return err
}

// firstBad returns the error of the first of the rows that is not NULL and for which bad gives a reason; nil when the
// trouble was only in rows that do not count.
func (n *node) firstBad(rows rowSet, bad func(row int32) string) error {
	for _, r := range rows.list {
		if isNullAt(n.out.Valid, r) {
			continue
		}
		if reason := bad(r); reason != "" {
			return n.rowError(r, reason)
		}
	}
	return nil
}

func (n *node) outBits() []byte {
	n.out.Bits = resized(n.out.Bits, bitmapBytes(n.out.N))
	return n.out.Bits
}

func (n *node) outI32() []int32 {
	n.out.I32 = resized(n.out.I32, n.out.N)
	return n.out.I32
}

func (n *node) outI64() []int64 {
	n.out.I64 = resized(n.out.I64, n.out.N)
	return n.out.I64
}

func (n *node) outF64() []float64 {
	n.out.F64 = resized(n.out.F64, n.out.N)
	return n.out.F64
}

func (n *node) outWide() []Int128 {
	n.out.Wide = resized(n.out.Wide, n.out.N)
	return n.out.Wide
}
