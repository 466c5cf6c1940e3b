package columnar

import "slices"

// CastRule says what becomes of the values of one kind that are cast to another, for documents.
type CastRule struct {
	From, To Kind
	Implicit bool // done without CAST where types have to agree
	Fails    bool // some values do not convert
	Zone     bool // the result depends on the session's time zone
}

// CastKinds are the kinds in the order of documents.
func CastKinds() []Kind {
	return []Kind{Bool, Int8, Int16, Int32, Int64, Decimal, Float32, Float64, String, Binary, Date, LocalTimestamp, Timestamp, Interval, Array, Struct, Map}
}

// CastRules are all casts between the kinds of [CastKinds]. Those from a kind to itself are between decimals of other
// sizes, and between nested types of other parts.
func CastRules() []CastRule {
	var out []CastRule
	kinds := CastKinds()
	for pair, rule := range castTable {
		if pair.from != Null {
			implicit := implicitCost(pair.from, pair.to) > 0 || pair.from == pair.to
			out = append(out, CastRule{pair.from, pair.to, implicit, rule.fails, rule.zone})
		}
	}
	slices.SortFunc(out, func(a, b CastRule) int {
		return (slices.Index(kinds, a.From)-slices.Index(kinds, b.From))*len(kinds) + slices.Index(kinds, a.To) - slices.Index(kinds, b.To)
	})
	return out
}
