package columnar

import (
	"fmt"
	"slices"
	"strings"
)

// aggFunction is an aggregate as it can be called.
type aggFunction struct {
	Function
	takes   string // for messages, after the name: "a number"
	resolve func(b *aggBinder) error
}

const aggregateFamily = "Aggregates"

// aggregateList is in the order of the documents.
func aggregateList() []*aggFunction {
	anything, number := "one value", "a number"
	return []*aggFunction{
		{aggAbout("count", "count(*) → bigint, count(a) → bigint", "The number of rows; of rows in which a is not NULL."), anything + ", or *", resolveCount},
		{aggAbout("count_if", "count_if(condition) → bigint", "The number of rows in which the condition is TRUE.", "countif"), "a boolean", resolveCountIf},
		{aggAbout("sum", "sum(integer) → bigint, sum(float) → double, sum(decimal(p,s)) → decimal(38,s), sum(interval) → interval", "The sum: of doubles exact and rounded once; of the others an error when the values from 0 up or those below 0 alone leave the range of the result."), "a number or an interval", one(Sum, Int64)},
		{aggAbout("avg", "avg(number) → double, avg(decimal(p,s)) → decimal(38,max(s,6))", "The mean: the exact sum divided by the count.", "mean"), number, one(Avg, Float64)},
		{aggAbout("min", "min(a) → type of a", "The least value."), "one value that has an order", one(Min, String)},
		{aggAbout("max", "max(a) → type of a", "The greatest value; NaN is above all numbers."), "one value that has an order", one(Max, String)},
		{aggAbout("arg_min", "arg_min(a, key) → type of a", "The a of the row with the least key; of several such rows the least a. Rows with a NULL in either do not count.", "argmin", "min_by"),
			"a value and a key that have an order", two(ArgMin)},
		{aggAbout("arg_max", "arg_max(a, key) → type of a", "The a of the row with the greatest key; of several such rows the greatest a. Rows with a NULL in either do not count.", "argmax", "max_by"),
			"a value and a key that have an order", two(ArgMax)},
		{aggAbout("first", "first(a [ORDER BY key]) → type of a", "The a of the earliest row, by event time or else by the key: arg_min(a, key).", "first_value"),
			"a value", first(ArgMin)},
		{aggAbout("last", "last(a [ORDER BY key]) → type of a", "The a of the latest row, by event time or else by the key: arg_max(a, key).", "last_value"),
			"a value", first(ArgMax)},
		{aggAbout("any_value", "any_value(a) → type of a", "Some value, always the same for the same rows: the first, or without an event time the least."), "a value", resolveAny},
		{aggAbout("bool_and", "bool_and(condition) → boolean", "Whether the condition is TRUE in all rows in which it is not NULL.", "every"), "a boolean", one(BoolAnd, Bool)},
		{aggAbout("bool_or", "bool_or(condition) → boolean", "Whether the condition is TRUE in some row."), "a boolean", one(BoolOr, Bool)},
		{aggAbout("approx_count_distinct", "approx_count_distinct(a) → bigint", "About the number of different values: exact up to 256, then with a standard error of 1.6 % (HyperLogLog).", "approx_distinct"),
			"one value that can be compared", one(ApproxCountDistinct, String)},
		{aggAbout("approx_quantile", "approx_quantile(number, fraction) → double", "The value that a fraction of the values is below, at most 1 % beside it (DDSketch).", "approx_percentile", "percentile_approx"),
			"a number and a constant fraction", quantile(ApproxQuantile)},
		{aggAbout("quantile_cont", "quantile_cont(number, fraction) → double", "The quantile, between two values where it lies between them. Keeps every different value: approx_quantile is smaller.", "percentile", "percentile_cont"),
			"a number and a constant fraction", quantile(QuantileCont)},
		{aggAbout("quantile_disc", "quantile_disc(a, fraction) → type of a", "The first value that at least the fraction of the values is not above. Keeps every different value.", "percentile_disc", "quantile"),
			"a value that has an order and a constant fraction", quantile(QuantileDisc)},
		{aggAbout("median", "median(number) → double", "quantile_cont(number, 0.5)."), number, resolveMedian},
		{aggAbout("mode", "mode(a) → type of a", "The value that comes most often; of several the least. Keeps every different value."), "one value that has an order", one(Mode, String)},
		{aggAbout("string_agg", "string_agg(a [, separator] [ORDER BY …]) → string", "The values as one text, ordered by the keys and then by themselves; the separator is a comma if none is given.", "group_concat", "listagg"),
			"a text, or what can be cast to one, and a constant separator", resolveStringAgg},
		{aggAbout("array_agg", "array_agg(a [ORDER BY …]) → array", "The values as an array, ordered by the keys and then by themselves; NULLs are kept, NULL for no rows.", "list"),
			"a value that has an order", resolveArrayAgg},
		{aggAbout("collect_list", "collect_list(a [ORDER BY …]) → array", "array_agg without NULLs."), "a value that has an order", resolveCollect(false)},
		{aggAbout("collect_set", "collect_set(a) → array", "array_agg(DISTINCT a) without NULLs."), "a value that has an order", resolveCollect(true)},
		{aggAbout("stddev_samp", "stddev_samp(number) → double", "The standard deviation of a sample, from exact sums; NULL for one value.", "stddev"), number, doubles(StddevSamp)},
		{aggAbout("stddev_pop", "stddev_pop(number) → double", "The standard deviation of all values, from exact sums."), number, doubles(StddevPop)},
		{aggAbout("var_samp", "var_samp(number) → double", "The variance of a sample, from exact sums; NULL for one value.", "variance"), number, doubles(VarSamp)},
		{aggAbout("var_pop", "var_pop(number) → double", "The variance of all values, from exact sums."), number, doubles(VarPop)},
	}
}

func aggAbout(name, signature, doc string, aliases ...string) Function {
	return Function{Name: name, Signature: signature, Doc: doc, Family: aggregateFamily, Aliases: aliases}
}

// aggregateCalls are the aggregates by name and alias. They are filled once, at start.
var aggregateCalls = map[string]*aggFunction{}

func init() {
	for _, fn := range aggregateList() {
		for _, name := range append([]string{fn.Name}, fn.Aliases...) {
			aggregateCalls[name] = fn
		}
	}
}

// AggregateFunctions lists the aggregates in the order of the documents. Examples of each stand in testdata/aggregates.
func AggregateFunctions() []Function {
	var out []Function
	for _, fn := range aggregateList() {
		out = append(out, fn.Function)
	}
	return out
}

// IsAggregate reports whether name, in any case, is an aggregate, an alias of one, or the name of one that other systems
// have and [Session.ResolveAgg] refuses with a hint.
func IsAggregate(name string) bool {
	name = strings.ToLower(name)
	_, refused := refusedAggregates[name]
	return refused || aggregateCalls[name] != nil
}

// refusedAggregates exist elsewhere; with what to write instead.
var refusedAggregates = map[string]string{}

func init() {
	for _, name := range []string{"bit_and", "bit_or", "bit_xor", "product", "kurtosis", "skewness", "histogram", "json_agg", "jsonb_agg", "json_object_agg",
		"json_group_array", "map_agg", "xmlagg", "grouping", "approx_top_k", "geomean", "entropy"} {
		refusedAggregates[name] = "there is no such aggregate in this version"
	}
	const moments = "write it with avg(x * y), avg(x), avg(y) and the standard deviations"
	for _, name := range []string{"corr", "covar_pop", "covar_samp", "regr_slope", "regr_intercept", "regr_r2", "regr_count", "regr_avgx", "regr_avgy", "regr_sxx", "regr_syy", "regr_sxy"} {
		refusedAggregates[name] = moments
	}
}

func findAggregate(name string) (*aggFunction, error) {
	name = strings.ToLower(name)
	if fn := aggregateCalls[name]; fn != nil {
		return fn, nil
	}
	if hint, ok := refusedAggregates[name]; ok {
		return nil, fmt.Errorf("%s() is not supported: %s", name, hint)
	}
	return nil, fmt.Errorf("aggregate %s does not exist", name)
}

// one resolves functions of one value; a bare NULL gets the type null.
func one(fn AggFunc, null Kind) func(*aggBinder) error {
	return func(b *aggBinder) error { return b.args(fn, 1, null) }
}

// two resolves functions of a value and a key.
func two(fn AggFunc) func(*aggBinder) error {
	return func(b *aggBinder) error { return b.args(fn, 2, String) }
}

// doubles resolves functions of one number that compute with doubles.
func doubles(fn AggFunc) func(*aggBinder) error {
	return func(b *aggBinder) error {
		if err := b.args(fn, 1, Float64); err != nil {
			return err
		}
		return b.cast(0, Type{Kind: Float64})
	}
}

// resolveCount turns the count of a constant into that of the rows.
func resolveCount(b *aggBinder) error {
	filter, args := b.call.Filter, b.call.Args
	rows := b.call.Star || len(args) == 1 && args[0].Op == "const" && !args[0].Value.Null && !b.call.Distinct
	switch {
	case rows && b.call.Distinct:
		return fmt.Errorf("count(DISTINCT *) does not exist; name the column whose values are to be counted")
	case rows && filter != nil:
		return b.countTrue(filter)
	case rows:
		b.out.Func = CountStar
		return nil
	}
	return b.args(Count, 1, String)
}

func resolveCountIf(b *aggBinder) error {
	if err := b.args(Count, 1, Bool); err != nil {
		return err
	}
	if err := b.cast(0, Type{Kind: Bool}); err != nil {
		return err
	}
	return b.countTrue(b.out.Args[0])
}

// countTrue counts the rows in which cond is TRUE.
func (b *aggBinder) countTrue(cond *Expr) error {
	e, err := b.where(cond, Const(Type{Kind: Bool}, Value{I: 1}))
	b.out.Func, b.out.Args = Count, []*Expr{e}
	return err
}

// first resolves first and last: fn by the key of the ORDER BY, or else by event time.
func first(fn AggFunc) func(*aggBinder) error {
	return func(b *aggBinder) error {
		key, fn := b.call.Time, fn
		switch {
		case len(b.call.OrderBy) > 1:
			return fmt.Errorf("%s takes one ORDER BY key, not %d", b.fn.Name, len(b.call.OrderBy))
		case len(b.call.OrderBy) == 1:
			key = b.call.OrderBy[0].Expr
			if b.call.OrderBy[0].Desc {
				fn = map[AggFunc]AggFunc{ArgMin: ArgMax, ArgMax: ArgMin}[fn]
			}
		case key == nil:
			return fmt.Errorf("%s goes by event time, which these rows do not have; write %s(a ORDER BY key)", b.fn.Name, b.fn.Name)
		}
		if len(b.call.Args) != 1 {
			return b.noSuch()
		}
		b.call.Args = append(slices.Clone(b.call.Args), key)
		return b.args(fn, 2, String)
	}
}

func resolveAny(b *aggBinder) error {
	if b.call.Time == nil && len(b.call.OrderBy) == 0 {
		return b.args(Min, 1, String)
	}
	return first(ArgMin)(b)
}

func resolveArrayAgg(b *aggBinder) error {
	if err := b.args(ArrayAgg, 1, String); err != nil {
		return err
	}
	b.out.Where = b.call.Filter
	return b.order()
}

// resolveCollect resolves the names that leave NULLs out, and with them what a FILTER drops.
func resolveCollect(distinct bool) func(*aggBinder) error {
	return func(b *aggBinder) error {
		if err := resolveArrayAgg(b); err != nil {
			return err
		}
		b.call.Distinct = b.call.Distinct || distinct
		var err error
		b.out.Where, err = b.session.Call("is not null", b.out.Args[0])
		return err
	}
}

// resolveStringAgg casts values to text; the separator is a constant.
func resolveStringAgg(b *aggBinder) error {
	separator := Const(Type{Kind: String}, Value{S: ","})
	if len(b.call.Args) == 2 {
		separator = b.call.Args[1]
		b.call.Args = b.call.Args[:1]
	}
	if separator.Op != "const" || separator.Type.Kind != String || separator.Value.Null {
		return fmt.Errorf("the separator of %s must be a constant text, such as ', '", b.fn.Name)
	}
	if err := b.args(StringAgg, 1, String); err != nil {
		return err
	}
	text, err := b.session.Cast(b.out.Args[0], Type{Kind: String})
	if err != nil {
		return b.noSuch()
	}
	if text.Op == "cast" {
		text.Text = b.out.Args[0].describe()
	}
	b.out.Args[0] = text
	b.out.Params = []AggParam{{Type: separator.Type, Value: separator.Value}}
	return b.order()
}

// quantile resolves functions of a value and a constant fraction.
func quantile(fn AggFunc) func(*aggBinder) error {
	return func(b *aggBinder) error {
		if len(b.call.Args) != 2 {
			return b.noSuch()
		}
		f, ok := constantFraction(b.call.Args[1])
		if !ok {
			return fmt.Errorf("the fraction of %s must be a constant from 0 to 1", b.fn.Name)
		}
		b.call.Args = b.call.Args[:1]
		return b.quantile(fn, f)
	}
}

func (b *aggBinder) quantile(fn AggFunc, fraction float64) error {
	b.out.Params = []AggParam{{Type: Type{Kind: Float64}, Value: Value{F: fraction}}}
	if fn == QuantileDisc {
		return b.args(fn, 1, String)
	}
	return doubles(fn)(b)
}

func resolveMedian(b *aggBinder) error { return b.quantile(QuantileCont, 0.5) }

// constantFraction reads a constant number from 0 to 1.
func constantFraction(e *Expr) (f float64, ok bool) {
	if e.Op != "const" || e.Value.Null {
		return 0, false
	}
	switch {
	case e.Type.Integer():
		f = float64(e.Value.I)
	case e.Type.Float():
		f = e.Value.F
	case e.Type.Kind == Decimal:
		f = decimalFloat(Int128{Lo: uint64(e.Value.I), Hi: e.Value.Hi}, int(e.Type.Scale), 64)
	default:
		return 0, false
	}
	return f + 0, f >= 0 && f <= 1 // never −0
}
