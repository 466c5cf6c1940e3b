package columnar

import "fmt"

type castPair struct{ from, to Kind }

// castRule says how values of one kind become values of another.
type castRule struct {
	kernel func(e *Expr) kernel // of the cast e, from e.Args[0].Type to e.Type
	fails  bool                 // some values do not convert
	zone   bool                 // the result depends on the session's time zone
}

// castTable is all the casts between different kinds, and those between decimals and between nested types; other pairs are
// refused while binding. It is what the documents show.
var castTable = map[castPair]castRule{}

func init() {
	for _, list := range []map[castPair]castRule{integerCasts(), floatCasts(), decimalCasts(), textCasts(), timeCasts(), nestedCasts()} {
		for pair, rule := range list {
			castTable[pair] = rule
		}
	}
}

// casting is a rule with one kernel, which converts every value.
func casting(k kernel) castRule { return castRule{kernel: func(*Expr) kernel { return k }} }

// checkedCast is a rule with one kernel, which refuses some values.
func checkedCast(k kernel) castRule {
	return castRule{kernel: func(*Expr) kernel { return k }, fails: true}
}

func castFunctions() []*function {
	one := func(name, signature, doc string) *function {
		return &function{Function: about(name, signature, doc), takes: "a value and a type", fails: true, kernel: castKernel, zoneAt: 2,
			resolve: func(fn *function, args []*Expr) (*Expr, error) { return nil, noSuchFunction(fn, args) }}
	}
	return []*function{
		one("cast", "CAST(a AS type)", "Conversion; a value that does not convert is an error."),
		one("try_cast", "TRY_CAST(a AS type)", "Conversion; a value that does not convert becomes NULL."),
	}
}

func castKernel(e *Expr) kernel {
	if _, ok := castable(e.Args[0].Type, e.Type); !ok || !zoneIsConst(e, 1) {
		return nil
	}
	return castTable[castPair{e.Args[0].Type.Kind, e.Type.Kind}].kernel(e)
}

// castable reports whether there is a cast, and whether it depends on the session's time zone.
func castable(from, to Type) (zone, ok bool) {
	rule, ok := castTable[castPair{from.Kind, to.Kind}]
	if !ok || !from.IsNested() && !to.IsNested() {
		return rule.zone, ok
	}
	return castableParts(from, to)
}

// castableParts looks at the types inside of nested ones. Text holds values of every type.
func castableParts(from, to Type) (zone, ok bool) {
	var pairs [][2]Type
	switch {
	case from.Kind == String:
		for _, f := range to.nested.fields {
			pairs = append(pairs, [2]Type{from, f.Type})
		}
	case to.Kind == String:
		for _, f := range from.nested.fields {
			pairs = append(pairs, [2]Type{f.Type, to})
		}
	case len(from.nested.fields) != len(to.nested.fields):
		return false, false
	default:
		for i, f := range from.nested.fields {
			pairs = append(pairs, [2]Type{f.Type, to.nested.fields[i].Type})
		}
	}
	for _, p := range pairs {
		if p[0] == p[1] {
			continue
		}
		part, ok := castable(p[0], p[1])
		if !ok {
			return false, false
		}
		zone = zone || part
	}
	return zone, true
}

// Cast converts e to t. Whether single values convert shows only when rows are computed; the error here says that the
// two types never do.
func (s Session) Cast(e *Expr, t Type) (*Expr, error) { return s.cast("cast", e, t) }

// TryCast is [Session.Cast] with NULL for values that do not convert.
func (s Session) TryCast(e *Expr, t Type) (*Expr, error) { return s.cast("try_cast", e, t) }

func (s Session) cast(op string, e *Expr, t Type) (*Expr, error) {
	if e.Type == t {
		return e, nil
	}
	if e.Op == "const" && e.Value.Null {
		return &Expr{Op: "const", Type: t, Value: Value{Null: true}, Text: e.Text}, nil
	}
	if d, ok := exactDecimal(e); ok && t.Kind == Decimal && e.Type.Kind == Float64 { // the digits as written
		return s.cast(op, d, t)
	}
	zone, ok := castable(e.Type, t)
	if !ok {
		return nil, fmt.Errorf("cannot cast %s to %s", e.Type, t)
	}
	args := []*Expr{e}
	if zone {
		args = s.withZone(args)
	}
	return &Expr{Op: op, Type: t, Args: args}, nil
}

// castError is the reason for a value that is not one of type t.
func castError(text string, t Type) string { return fmt.Sprintf("%q is not %s", text, t.Article()) }

// outOfRangeOf is the reason for a value that type t has no room for.
func outOfRangeOf(text string, t Type) string { return text + " is out of range for " + t.String() }

// nullInstead makes row r of a TRY_CAST NULL. It reports false for other functions.
func (n *node) nullInstead(r int32) bool {
	if n.expr.Op != "try_cast" {
		return false
	}
	n.ownValid()
	setBitTo(n.out.Valid, int(r), false)
	return true
}

// refuseBad is [node.firstBad] for casts, where TRY_CAST gives NULL.
func (n *node) refuseBad(rows rowSet, bad func(row int32) string) error {
	if n.expr.Op != "try_cast" {
		return n.firstBad(rows, bad)
	}
	for _, r := range rows.list {
		if !isNullAt(n.out.Valid, r) && bad(r) != "" {
			n.nullInstead(r)
		}
	}
	return nil
}
