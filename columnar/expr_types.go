package columnar

import "errors"

// The implicit casts: NULL → anything; up the ladder of numbers tinyint, smallint, int, bigint, decimal, float, double;
// date → timestamp_ntz → timestamp, date → timestamp. Where two sides have to agree (comparison, CASE, COALESCE), a text
// literal also becomes a time, an interval, a decimal or a binary of the other side, and a literal with a fraction the
// decimal that it is when the other side is a decimal.

// ladder is the order of the numbers: each becomes those above it.
var ladder = [...]int{Int8: 1, Int16: 2, Int32: 3, Int64: 4, Decimal: 5, Float32: 6, Float64: 7, Map: 0}

// implicitCost is how far the kind from is from the kind to: 0 the same, negative when there is no implicit cast.
func implicitCost(from, to Kind) int {
	switch {
	case from == to:
		return 0
	case from == Null, from == Date && to == Timestamp, from == LocalTimestamp && to == Timestamp:
		return 1
	case from == Date && to == LocalTimestamp:
		return 2
	case ladder[from] > 0 && ladder[to] > ladder[from]:
		return ladder[to] - ladder[from]
	}
	return -1
}

// integerDigits is how many digits the integers of a kind have at most.
var integerDigits = map[Kind]uint8{Int8: 3, Int16: 5, Int32: 10, Int64: 19}

// asDecimal is the decimal that holds all values of an integer type; a decimal is itself.
func asDecimal(t Type) Type {
	if t.Integer() {
		return DecimalOf(int(integerDigits[t.Kind]), 0)
	}
	return t
}

// unify is the type that values of both types become by implicit casts.
func unify(a, b Type) (Type, bool) {
	switch {
	case a == b || b.Kind == Null:
		return a, true
	case a.Kind == Null:
		return b, true
	case a.Kind == b.Kind && a.IsNested():
		return unifyParts(a, b)
	case a.Kind == Decimal && (b.Integer() || b.Kind == Decimal), b.Kind == Decimal && a.Integer():
		return unifyDecimals(asDecimal(a), asDecimal(b)), true
	case implicitCost(a.Kind, b.Kind) > 0:
		return b, true
	case implicitCost(b.Kind, a.Kind) > 0:
		return a, true
	}
	return Type{}, false
}

// unifyDecimals has room for the digits of both on each side of the point, up to 38 in all.
func unifyDecimals(a, b Type) Type {
	scale := max(a.Scale, b.Scale)
	whole := max(a.Precision-a.Scale, b.Precision-b.Scale)
	return DecimalOf(int(min(whole+scale, MaxPrecision)), int(scale))
}

// unifyParts takes the names of structs' fields from a.
func unifyParts(a, b Type) (Type, bool) {
	if len(a.nested.fields) != len(b.nested.fields) {
		return Type{}, false
	}
	fields := make([]Field, len(a.nested.fields))
	for i, f := range a.nested.fields {
		t, ok := unify(f.Type, b.nested.fields[i].Type)
		if !ok {
			return Type{}, false
		}
		fields[i] = Field{Name: f.Name, Type: t}
	}
	switch a.Kind {
	case Array:
		return ArrayOf(fields[0].Type), true
	case Map:
		return MapOf(fields[0].Type, fields[1].Type), true
	}
	return StructOf(fields...), true
}

// coerce applies an implicit cast. Constants are converted at once, so that a bad literal is found while binding.
func (s Session) coerce(e *Expr, to Type) (*Expr, error) {
	if e.Type == to {
		return e, nil
	}
	if d, ok := exactDecimal(e); ok && to.Kind == Decimal && e.Type.Kind == Float64 {
		e = d
	}
	out, err := s.Cast(e, to)
	if err != nil || out.Op == "const" {
		return out, err
	}
	out.Text = e.describe() // messages do not show casts that nobody wrote
	if e.Op != "const" {
		return out, nil
	}
	c, err := constantOf(out)
	if err == nil && len(out.Args) > 1 { // only checked: its value follows the rules of a time zone that the plan records
		return out, nil
	}
	return c, err
}

// constantOf computes an expression without columns. The error is the bare reason.
func constantOf(e *Expr) (*Expr, error) {
	prog, err := Compile(e, &Schema{})
	if err != nil {
		return nil, err
	}
	v, err := prog.Eval(&Batch{Schema: &Schema{}, Rows: 1})
	if row := (*RowError)(nil); errors.As(err, &row) {
		return nil, errors.New(row.Reason)
	} else if err != nil {
		return nil, err
	}
	c := Const(e.Type, valueAt(v, 0))
	c.Text = e.Text
	return c, nil
}

// errNoCommonType is a clash of argument types, which the caller turns into a message about its function.
var errNoCommonType = errors.New("no common type")

// commonType is the type that all of args can become by implicit casts.
func commonType(args []*Expr) (Type, error) {
	t, ok := Type{Kind: Null}, true
	for _, a := range args {
		if t, ok = unify(t, a.Type); !ok {
			return literalType(args)
		}
	}
	return t, nil
}

// literalType settles a clash between text literals and one type that is written as text.
func literalType(args []*Expr) (Type, error) {
	t, ok := Type{Kind: Null}, true
	for _, a := range args {
		if isTextLiteral(a) {
			continue
		}
		if t, ok = unify(t, a.Type); !ok {
			return Type{}, errNoCommonType
		}
	}
	switch t.Kind {
	case Timestamp, LocalTimestamp, Date, Interval, Binary, Decimal:
		return t, nil
	}
	return Type{}, errNoCommonType
}

func isTextLiteral(e *Expr) bool { return e.Op == "const" && e.Type.Kind == String && !e.Value.Null }

// agree casts args to their common type. Bare NULLs alone become strings.
func (s Session) agree(args []*Expr) ([]*Expr, Type, error) {
	args = decimalLiterals(args)
	t, err := commonType(args)
	if err != nil {
		return nil, t, err
	}
	if t.Kind == Null {
		t = Type{Kind: String}
	}
	out := make([]*Expr, len(args))
	for i, a := range args {
		if out[i], err = s.coerce(a, t); err != nil {
			return nil, t, err
		}
	}
	return out, t, nil
}

// decimalLiterals replaces, where one of args is a decimal and none is a float, literals by the decimals they are: numbers
// with a fraction, integers, and texts of numbers.
func decimalLiterals(args []*Expr) []*Expr {
	found := false
	for _, a := range args {
		_, literal := exactDecimal(a)
		found = found || a.Type.Kind == Decimal
		if a.Type.Float() && !literal {
			return args
		}
	}
	if !found {
		return args
	}
	out := make([]*Expr, len(args))
	for i, a := range args {
		out[i] = a
		if d, ok := exactDecimal(a); ok {
			out[i] = d
		}
	}
	return out
}

// exactDecimal is a numeric literal, or one with a minus, as the decimal that is written there.
func exactDecimal(e *Expr) (*Expr, bool) {
	if e.Op == "neg" && e.Args[0].Op == "const" && e.Args[0].Type.Kind == Float64 {
		d, ok := exactDecimal(e.Args[0])
		if !ok {
			return nil, false
		}
		c := *d
		c.Value = WideValue(d.Value.wide().Neg())
		c.Text = e.Text
		return &c, true
	}
	if e.Op != "const" || e.Value.Null {
		return nil, false
	}
	text := e.Value.S
	if e.Type.Integer() {
		text = string(appendInt(nil, e.Value.I))
	} else if e.Type.Kind != Float64 && e.Type.Kind != String {
		return nil, false
	}
	return decimalOfText(text, e.Text)
}

// decimalOfText has as many digits as the text, 38 at most.
func decimalOfText(text, shown string) (*Expr, bool) {
	d, ok := cutDecimal([]byte(text))
	if !ok {
		return nil, false
	}
	scale := max(len(d.frac)-d.exp, 0)
	if scale > MaxPrecision {
		return nil, false
	}
	m, exact, ok := d.wide(scale)
	if !ok || !exact {
		return nil, false
	}
	precision := max(scale, 1)
	for precision < MaxPrecision && !m.less(pow10[precision]) {
		precision++
	}
	c := Const(DecimalOf(precision, scale), WideValue(m.signed(d.neg)))
	c.Text = shown
	return c, true
}
