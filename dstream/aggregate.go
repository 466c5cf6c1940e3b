package dstream

import (
	"slices"
	"strings"

	"github.com/millrace/millrace/columnar"
)

// Count is count(*): rows.
func Count() Expr { return Fn("count", Star()) }

// CountOf counts the rows in which e is not NULL.
func CountOf(e Expr) Expr { return Fn("count", e) }

// Sum adds up e. The sum of integers is a bigint, and an error when it overflows.
func Sum(e Expr) Expr { return Fn("sum", e) }

// Min is the least e that is not NULL.
func Min(e Expr) Expr { return Fn("min", e) }

// Max is the greatest e that is not NULL.
func Max(e Expr) Expr { return Fn("max", e) }

// Avg is the mean of e, always a double.
func Avg(e Expr) Expr { return Fn("avg", e) }

// IsAggregate reports whether name, in any case, is an aggregate function.
func IsAggregate(name string) bool {
	_, ok := aggFunc(name)
	return ok
}

// aggFuncs are the aggregates by the names that a job calls them.
var aggFuncs = []columnar.AggFunc{columnar.Count, columnar.Sum, columnar.Min, columnar.Max, columnar.Avg}

func aggFunc(name string) (columnar.AggFunc, bool) {
	f := columnar.AggFunc(strings.ToLower(name))
	return f, slices.Contains(aggFuncs, f)
}
