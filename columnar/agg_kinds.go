package columnar

// aggKind is what the engine computes for an [AggFunc].
type aggKind struct {
	out   func(a Agg) Type // the zero Type: there is no such aggregate
	state func(a Agg) aggState
	// repeats says that a value counts no more when it comes twice, so that DISTINCT changes nothing.
	repeats bool
	nulls   bool   // NULL is a value as any other
	keeps   string // for [Agg.Keeps]; "" = a few numbers
}

// Keeps says what the aggregate holds for a group until the group is finished, for explanations of a plan.
func (a Agg) Keeps() string {
	kind := aggKinds[a.Func]
	switch {
	case a.Distinct:
		return everyDifferent
	case kind.keeps != "":
		return kind.keeps
	case kind.repeats && a.In.Kind.Storage() > StoredWide:
		return "one value"
	}
	return "a few numbers"
}

const everyValue, everyDifferent = "every value", "every different value"

// takesDistinct reports whether DISTINCT has a meaning: it is about one value that can be compared.
func (k *aggKind) takesDistinct(a Agg) bool {
	for _, o := range a.Order {
		if o.Col != a.Arg {
			return false
		}
	}
	return a.Func != CountStar && len(a.More) == 0 && a.In.CheckKey() == nil
}

var aggKinds = map[AggFunc]*aggKind{
	CountStar:  {out: fixedType(Int64), state: newCounts},
	Count:      {out: fixedType(Int64), state: newCounts},
	Sum:        {out: sumType, state: newSum},
	Avg:        {out: avgType, state: newAvg},
	Min:        {out: orderedType, state: newExtreme, repeats: true},
	Max:        {out: orderedType, state: newExtreme, repeats: true},
	BoolAnd:    {out: boolType, state: newExtreme, repeats: true},
	BoolOr:     {out: boolType, state: newExtreme, repeats: true},
	ArgMin:     {out: argBestType, state: newArgBest, repeats: true},
	ArgMax:     {out: argBestType, state: newArgBest, repeats: true},
	StddevSamp: {out: varianceType, state: newVariance},
	StddevPop:  {out: varianceType, state: newVariance},
	VarSamp:    {out: varianceType, state: newVariance},
	VarPop:     {out: varianceType, state: newVariance},
	StringAgg:  {out: stringAggType, state: newStringAgg, keeps: everyValue},
	ArrayAgg:   {out: arrayAggType, state: newArrayAgg, nulls: true, keeps: everyValue},

	ApproxCountDistinct: {out: approxDistinctType, state: newApproxDistinct, repeats: true, keeps: "at most 4 KiB"},
	ApproxQuantile:      {out: quantileContType, state: newApproxQuantile, keeps: "a counter for each bucket of 2 % in use"},
	QuantileCont:        {out: quantileContType, state: newQuantileCont, keeps: everyDifferent},
	QuantileDisc:        {out: quantileDiscType, state: newQuantileDisc, keeps: everyDifferent},
	Mode:                {out: orderedType, state: newMode, keeps: everyDifferent},
}

func fixedType(k Kind) func(Agg) Type { return func(Agg) Type { return Type{Kind: k} } }

func sumType(a Agg) Type {
	switch {
	case a.In.Integer():
		return Type{Kind: Int64}
	case a.In.Float():
		return Type{Kind: Float64}
	case a.In.Kind == Decimal:
		return DecimalOf(MaxPrecision, int(a.In.Scale))
	case a.In.Kind == Interval && !a.Distinct: // equal ones may have different parts
		return a.In
	}
	return Type{}
}

func newSum(a Agg) aggState {
	switch {
	case a.In.Integer():
		return &intSum{}
	case a.In.Kind == Decimal:
		return &decimalSum{decimalSums: newDecimalSums(a.In.Scale)}
	case a.In.Kind == Interval:
		return &intervalSum{}
	}
	return &doubleSum{doubleSums: newDoubleSums()}
}

func avgType(a Agg) Type {
	switch {
	case a.In.Integer() || a.In.Float():
		return Type{Kind: Float64}
	case a.In.Kind == Decimal:
		return newDecimalAvg(a.In).out
	}
	return Type{}
}

func newAvg(a Agg) aggState {
	switch {
	case a.In.Integer():
		return &intAvg{}
	case a.In.Kind == Decimal:
		return newDecimalAvg(a.In)
	}
	return &doubleAvg{doubleSums: newDoubleSums()}
}

func orderedType(a Agg) Type {
	if newBest(a.In, false) == nil {
		return Type{}
	}
	return a.In
}

func boolType(a Agg) Type {
	if a.In.Kind == Bool {
		return a.In
	}
	return Type{}
}

func argBestType(a Agg) Type {
	if len(a.More) != 1 || newBest(a.More[0].Type, false) == nil {
		return Type{}
	}
	return orderedType(a)
}

func varianceType(a Agg) Type {
	if a.In.Kind == Float64 {
		return a.In
	}
	return Type{}
}

func approxDistinctType(a Agg) Type {
	if a.In.CheckKey() != nil {
		return Type{}
	}
	return Type{Kind: Int64}
}
