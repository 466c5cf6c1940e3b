package columnar

import (
	"errors"
	"fmt"
	"strings"
)

// AggCall is a call of an aggregate as a query writes it, with bound arguments.
type AggCall struct {
	Name     string   // in any case; aliases too
	Star     bool     // count(*); then Args is empty
	Distinct bool     // inside the parentheses
	Args     []*Expr  // constants where the function asks for them
	OrderBy  []AggKey // inside the parentheses
	Filter   *Expr    // FILTER (WHERE …); nil = none
	Time     *Expr    // the event time that first and last go by; nil = there is none
}

// AggKey is a key of an ORDER BY.
type AggKey struct {
	Expr       *Expr
	Desc       bool
	NullsFirst bool
}

// BoundAgg is an aggregate over expressions of its input: which columns have to be computed, and what is done with them.
type BoundAgg struct {
	Func     AggFunc
	Distinct bool
	Args     []*Expr // none for count(*)
	Order    []AggKey
	Params   []AggParam
	Where    *Expr // boolean; nil = all rows count
	Type     Type  // of the result
}

// ResolveAgg finds the aggregate of a call. It checks the types of the arguments, inserts the implicit casts and takes
// FILTER, aliases and the functions that are others in disguise, such as first, apart. The error says what the function
// takes.
func (s Session) ResolveAgg(call AggCall) (*BoundAgg, error) {
	fn, err := findAggregate(call.Name)
	if err != nil {
		return nil, err
	}
	b := &aggBinder{session: s, fn: fn, call: call}
	if err := b.filter(); err != nil {
		return nil, err
	}
	if err := fn.resolve(b); err != nil {
		return nil, err
	}
	if b.out.Distinct = b.call.Distinct && !aggKinds[b.out.Func].repeats; b.out.Distinct {
		if err := b.checkDistinct(); err != nil {
			return nil, err
		}
	}
	t, err := b.out.Agg("", func(*Expr) int { return 0 }).Out()
	if err != nil {
		return nil, b.noSuch()
	}
	b.out.Type = t
	for _, e := range b.out.Exprs() {
		if e.Type.Untyped() {
			return nil, fmt.Errorf("%s is %s; give it a type by CAST", e.describe(), e.Type.Article())
		}
	}
	return &b.out, nil
}

// Agg is the aggregate over numbered columns: column gives the position of the column that holds an expression.
func (b *BoundAgg) Agg(name string, column func(*Expr) int) Agg {
	a := Agg{Func: b.Func, Arg: -1, Name: name, Distinct: b.Distinct, Params: b.Params}
	for i, e := range b.Args {
		if i == 0 {
			a.Arg, a.In = column(e), e.Type
		} else {
			a.More = append(a.More, AggArg{Col: column(e), Type: e.Type})
		}
	}
	for _, k := range b.Order {
		o := AggOrder{Col: a.Arg, Type: k.Expr.Type, Desc: k.Desc, NullsFirst: k.NullsFirst}
		if k.Expr.String() != b.Args[0].String() {
			o.Col = column(k.Expr)
		}
		a.Order = append(a.Order, o)
	}
	if b.Where != nil {
		a.Where = 1 + column(b.Where)
	}
	return a
}

// Exprs are the expressions that have to be computed for each row, in the order in which [BoundAgg.Agg] asks for them.
func (b *BoundAgg) Exprs() []*Expr {
	var out []*Expr
	b.Agg("", func(e *Expr) int {
		out = append(out, e)
		return 0
	})
	return out
}

// String is the canonical text: equal aggregates have equal texts.
func (b *BoundAgg) String() string {
	t := aggText{distinct: b.Distinct}
	for _, e := range b.Args {
		t.add(e.String())
	}
	for _, p := range b.Params {
		t.add(p.Value.text(p.Type))
	}
	for _, k := range b.Order {
		t.orderBy(k.Expr.String(), k.Desc, k.NullsFirst)
	}
	where := ""
	if b.Where != nil {
		where = b.Where.String()
	}
	return t.text(b.Func, where)
}

// aggBinder resolves one call.
type aggBinder struct {
	session Session
	fn      *aggFunction
	call    AggCall
	out     BoundAgg
}

// noSuch is the error for arguments that do not fit.
func (b *aggBinder) noSuch() error {
	err := noSuchFunction(&function{Function: b.fn.Function, takes: b.fn.takes}, b.call.Args)
	if b.call.Distinct {
		return errors.New(strings.Replace(err.Error(), "(", "(DISTINCT ", 1))
	}
	return err
}

// checkDistinct refuses an order by something else than the values, which one value may have several of.
func (b *aggBinder) checkDistinct() error {
	for _, k := range b.out.Order {
		if k.Expr.String() != b.out.Args[0].String() {
			return fmt.Errorf("with DISTINCT, %s can be ordered by its argument only", b.fn.Name)
		}
	}
	return nil
}

// order takes the ORDER BY over.
func (b *aggBinder) order() error {
	for _, k := range b.call.OrderBy {
		if k.Expr.Type.Kind == Null {
			continue // the same for all
		}
		if err := k.Expr.Type.CheckKey(); err != nil {
			return fmt.Errorf("ORDER BY in %s: %w", b.fn.Name, err)
		}
		b.out.Order = append(b.out.Order, k)
	}
	return nil
}

// filter turns FILTER into arguments that are NULL where it is not TRUE, which all aggregates skip but array_agg and
// count(*). Nothing is computed for rows that do not count, so sum(a / b) FILTER (WHERE b <> 0) is safe.
func (b *aggBinder) filter() error {
	cond := b.call.Filter
	if cond == nil {
		return nil
	}
	if implicitCost(cond.Type.Kind, Bool) < 0 {
		return fmt.Errorf("FILTER takes a condition, not %s", cond.Type.Article())
	}
	cond, err := b.session.coerce(cond, Type{Kind: Bool})
	if err != nil {
		return err
	}
	b.call.Filter = cond
	b.call.Args, b.call.OrderBy = append([]*Expr(nil), b.call.Args...), append([]AggKey(nil), b.call.OrderBy...)
	for i := range b.call.Args {
		if i > 0 && b.call.Args[i].Op == "const" {
			continue // a parameter
		}
		if b.call.Args[i], err = b.where(cond, b.call.Args[i]); err != nil {
			return err
		}
	}
	for i := range b.call.OrderBy {
		if b.call.OrderBy[i].Expr, err = b.where(cond, b.call.OrderBy[i].Expr); err != nil {
			return err
		}
	}
	return nil
}

// where is e where cond is TRUE.
func (b *aggBinder) where(cond, e *Expr) (*Expr, error) {
	out, err := b.session.Call("case", cond, e)
	if err == nil {
		out.Text = e.describe()
	}
	return out, err
}

// args takes n arguments over; bare NULLs get the type null.
func (b *aggBinder) args(fn AggFunc, n int, null Kind) error {
	if len(b.call.Args) != n || b.call.Star {
		return b.noSuch()
	}
	b.out.Func, b.out.Args = fn, append([]*Expr(nil), b.call.Args...)
	for i, e := range b.out.Args {
		if e.Type.Kind != Null {
			continue
		}
		if err := b.cast(i, Type{Kind: null}); err != nil {
			return err
		}
	}
	return nil
}

// cast gives argument i the type t where an implicit cast does.
func (b *aggBinder) cast(i int, t Type) error {
	e := b.out.Args[i]
	if implicitCost(e.Type.Kind, t.Kind) < 0 {
		return b.noSuch()
	}
	e, err := b.session.coerce(e, t)
	b.out.Args[i] = e
	return err
}
