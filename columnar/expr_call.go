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

// Cast converts e to t. Whether single values convert shows only when rows are computed; the error here says that the
// two types never do.
func (s Session) Cast(e *Expr, t Type) (*Expr, error) {
	if e.Type == t {
		return e, nil
	}
	if e.Op == "const" && e.Value.Null {
		return &Expr{Op: "const", Type: t, Value: Value{Null: true}, Text: e.Text}, nil
	}
	if e.Type.Kind == Null || castKernels[castPair{e.Type.Kind, t.Kind}] == nil {
		return nil, fmt.Errorf("cannot cast %s to %s", e.Type, t)
	}
	return &Expr{Op: "cast", Type: t, Args: []*Expr{e}}, nil
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

func (o overload) apply(fn *function, args []*Expr) (*Expr, error) {
	out := make([]*Expr, len(args))
	for i, a := range args {
		var err error
		if out[i], err = fn.session.coerce(a, Type{Kind: o.args[i]}); err != nil {
			return nil, err
		}
	}
	return &Expr{Op: fn.Name, Type: Type{Kind: o.out}, Args: out}, nil
}

// agreeing resolves functions of two values of one type.
func agreeing(fn *function, args []*Expr) (*Expr, error) {
	if len(args) != 2 {
		return nil, noSuchFunction(fn, args)
	}
	same, t, err := fn.session.agree(args)
	if err != nil {
		return nil, explain(fn, args, err)
	}
	if fn.Name == "nullif" {
		return &Expr{Op: fn.Name, Type: t, Args: same}, nil
	}
	return &Expr{Op: fn.Name, Type: Type{Kind: Bool}, Args: same}, nil
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

// operatorFunctions are the comparisons, the logic and the arithmetic.
func operatorFunctions() []*function {
	const two = "two values of one type"
	boolean := overloaded(overload{[]Kind{Bool, Bool}, Bool})
	var list []*function
	for _, op := range []string{"=", "<>", "<", "<=", ">", ">="} {
		list = append(list, &function{Function: about(op, "a "+op+" b → boolean", "Compares; strings bytewise, NaN equals NaN and is above all doubles."),
			takes: two, resolve: agreeing, kernel: compareKernel})
	}
	list = append(list,
		&function{Function: about("and", "a AND b → boolean", "Three-valued AND; b is not computed where a is FALSE."), takes: "two booleans", resolve: boolean, kernel: andKernel},
		&function{Function: about("or", "a OR b → boolean", "Three-valued OR; b is not computed where a is TRUE."), takes: "two booleans", resolve: boolean, kernel: orKernel},
		&function{Function: about("not", "NOT a → boolean", "Negation; NULL stays NULL."), takes: "a boolean", resolve: overloaded(overload{[]Kind{Bool}, Bool}), kernel: notKernel},
		&function{Function: about("isnull", "a IS NULL → boolean", "Whether a is NULL."), takes: "one value", resolve: anyValue, kernel: isNullKernel},
		&function{Function: about("isnotnull", "a IS NOT NULL → boolean", "Whether a is not NULL."), takes: "one value", resolve: anyValue, kernel: isNullKernel})
	return append(list, arithmetic()...)
}

func arithmetic() []*function {
	ints, doubles := overload{[]Kind{Int64, Int64}, Int64}, overload{[]Kind{Float64, Float64}, Float64}
	later, earlier := overload{[]Kind{Timestamp, Interval}, Timestamp}, overload{[]Kind{Interval, Timestamp}, Timestamp}
	op := func(name, takes, doc string, list ...overload) *function {
		return &function{Function: about(name, "a "+name+" b → bigint, double"+suffix(len(list) > 2, ", timestamp"), doc),
			takes: takes, resolve: overloaded(list...), kernel: arithKernel, fails: true}
	}
	return []*function{
		op("+", "two numbers, or a timestamp and an interval", "Sum; bigint overflow is an error.", ints, doubles, later, earlier),
		op("-", "two numbers, or a timestamp and an interval", "Difference; bigint overflow is an error.", ints, doubles, later),
		op("*", "two numbers", "Product; bigint overflow is an error.", ints, doubles),
		op("/", "two numbers", "Quotient; of integers it is cut towards zero. Division by zero is an error.", ints, doubles),
		op("%", "two numbers", "Remainder with the sign of a. Division by zero is an error.", ints, doubles),
		{Function: about("neg", "−a → bigint, double", "Negation."), takes: "a number", kernel: negKernel, fails: true,
			resolve: overloaded(overload{[]Kind{Int64}, Int64}, overload{[]Kind{Float64}, Float64})},
	}
}

func suffix(on bool, s string) string {
	if on {
		return s
	}
	return ""
}

func anyValue(fn *function, args []*Expr) (*Expr, error) {
	if len(args) != 1 {
		return nil, noSuchFunction(fn, args)
	}
	same, _, err := fn.session.agree(args)
	if err != nil {
		return nil, err
	}
	return &Expr{Op: fn.Name, Type: Type{Kind: Bool}, Args: same}, nil
}
