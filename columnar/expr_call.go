package columnar

import (
	"errors"
	"fmt"
	"strings"
)

// Session is the settings of a job that the meaning of expressions depends on. They become part of the bound expression,
// and so of the job's identity. The zero Session is UTC.
type Session struct {
	Zone string // time zone of calendar functions and of texts without a zone; "" = UTC
}

// Call is [Session.Call] in UTC.
func Call(name string, args ...*Expr) (*Expr, error) { return Session{}.Call(name, args...) }

// Cast is [Session.Cast] in UTC.
func Cast(e *Expr, t Type) (*Expr, error) { return Session{}.Cast(e, t) }

// Call applies the function or operator name, in any case, to args. It inserts the implicit casts and gives the result
// type. A minus with one argument negates. The error says what the function takes.
func (s Session) Call(name string, args ...*Expr) (*Expr, error) {
	if name == "-" && len(args) == 1 {
		name = "neg"
	}
	fn, ok := lookup(name)
	if reason, refused := RefusedFunction(name); refused {
		return nil, fmt.Errorf("%s() is not supported: %s", strings.ToLower(name), reason)
	}
	if !ok {
		return nil, fmt.Errorf("function %s does not exist", name)
	}
	bound := *fn
	bound.session = s
	return fn.resolve(&bound, args)
}

// overload is one typing of a function.
type overload struct {
	args []Kind
	out  Kind
}

// overloaded resolves by the overload with the nearest argument types; the first of equals wins.
func overloaded(list ...overload) func(fn *function, args []*Expr) (*Expr, error) {
	return func(fn *function, args []*Expr) (*Expr, error) {
		best, bestCost := -1, 0
		for i, o := range list {
			if cost := o.cost(args); cost >= 0 && (best < 0 || cost < bestCost) {
				best, bestCost = i, cost
			}
		}
		if best < 0 {
			return nil, noSuchFunction(fn, args)
		}
		return list[best].apply(fn, args)
	}
}

func (o overload) cost(args []*Expr) int {
	if len(args) != len(o.args) {
		return -1
	}
	sum := 0
	for i, a := range args {
		c := implicitCost(a.Type.Kind, o.args[i])
		if c < 0 {
			return -1
		}
		sum += c
	}
	return sum
}

// apply casts the arguments. A kind that is more than its name takes the argument's own type: a Decimal its digits, or
// those that an integer needs, an Array its elements. A result of such a kind has the type of the first argument of it.
func (o overload) apply(fn *function, args []*Expr) (*Expr, error) {
	out := make([]*Expr, len(args))
	result := Type{Kind: o.out}
	for i, a := range args {
		to := argType(o.args[i], a)
		if result.Kind == to.Kind && !result.complete() {
			result = to
		}
		var err error
		if out[i], err = fn.session.coerce(a, to); err != nil {
			return nil, err
		}
	}
	return &Expr{Op: fn.Name, Type: result, Args: out}, nil
}

// complete reports whether the kind of the type says all, or the rest is there.
func (t Type) complete() bool {
	return t.nested != nil || t.Precision > 0 || t.Kind != Decimal && t.Kind.Storage() != StoredList && t.Kind != Struct
}

// argType is the type of kind k that argument a is cast to. NULL is taken for the simplest.
func argType(k Kind, a *Expr) Type {
	switch {
	case a.Type.Kind == k:
		return a.Type
	case k == Decimal && a.Type.Integer():
		return asDecimal(a.Type)
	case k == Decimal:
		return DecimalOf(MaxPrecision, 0)
	case k == Array:
		return ArrayOf(Type{Kind: String})
	case k == Map:
		return MapOf(Type{Kind: String}, Type{Kind: String})
	}
	return Type{Kind: k}
}

// agreeing resolves functions of two values of one type that give such a value.
func agreeing(fn *function, args []*Expr) (*Expr, error) {
	if len(args) != 2 {
		return nil, noSuchFunction(fn, args)
	}
	same, t, err := fn.session.agree(args)
	if err != nil {
		return nil, explain(fn, args, err)
	}
	return &Expr{Op: fn.Name, Type: t, Args: same}, nil
}

// explain turns a clash of types into the usual message, and lets the error of a bad literal through.
func explain(fn *function, args []*Expr, err error) error {
	if errors.Is(err, errNoCommonType) {
		return noSuchFunction(fn, args)
	}
	return err
}

// noSuchFunction is the error for arguments that do not fit.
func noSuchFunction(fn *function, args []*Expr) error {
	types := make([]string, len(args))
	for i, a := range args {
		types[i] = a.Type.String()
	}
	what := "function"
	if isOperator(fn.Name) {
		what = "operator"
	}
	return fmt.Errorf("%s %s(%s) does not exist; %s takes %s", what, fn.Name, strings.Join(types, ", "), fn.Name, fn.takes)
}

func isOperator(op string) bool {
	return op[0] < 'a' || op[0] > 'z' || op == "and" || op == "or" || op == "not"
}

func suffix(on bool, s string) string {
	if on {
		return s
	}
	return ""
}
