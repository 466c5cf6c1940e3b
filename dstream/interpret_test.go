package dstream

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/windows"
)

// This file computes jobs row by row, slowly and obviously: plans by position, and the steps of the builder, as they
// were written, by column id.

// value is NULL, a number (also a boolean, a time or an interval), a string, or a list: the elements of an array or the
// fields of a struct.
type value struct {
	null bool
	i    int64
	s    string
	list *list
}

// list is the elements of an array, or the fields of a struct and their names.
type list struct {
	values []value
	names  []string
}

func (v value) String() string {
	switch {
	case v.null:
		return "∅"
	case v.list != nil:
		return fmt.Sprint(v.list.values)
	}
	return fmt.Sprintf("%d%s", v.i, v.s)
}

func truth(b bool) value {
	if b {
		return value{i: 1}
	}
	return value{}
}

// evaluate computes e; column gives the value of a column.
func evaluate(e *columnar.Expr, column func(int) value) value {
	switch e.Op {
	case "col":
		return column(e.Col)
	case "const":
		return value{null: e.Value.Null, i: e.Value.I, s: e.Value.S}
	}
	args := make([]value, len(e.Args))
	anyNull := false
	for i, a := range e.Args {
		args[i] = evaluate(a, column)
		anyNull = anyNull || args[i].null
	}
	switch e.Op {
	case "and":
		return both(args, 0)
	case "or":
		return both(args, 1)
	case "isnull":
		return truth(anyNull)
	}
	switch {
	case e.Op == "case":
		return whichCase(args)
	case anyNull:
		return value{null: true}
	case e.Op == "field":
		return args[0].list.values[slices.Index(args[0].list.names, args[1].s)]
	}
	return strictly(e.Op, args)
}

// whichCase is CASE over conditions and values in turn, and the ELSE value.
func whichCase(args []value) value {
	for i := 0; i+1 < len(args); i += 2 {
		if args[i] == truth(true) {
			return args[i+1]
		}
	}
	return args[len(args)-1]
}

// both is three-valued AND (decisive = 0) or OR (1).
func both(args []value, decisive int64) value {
	out := value{i: 1 - decisive}
	for _, a := range args {
		switch {
		case a.null && out.i != decisive:
			out.null = true
		case !a.null && a.i == decisive:
			out = value{i: decisive}
		}
	}
	return out
}

func strictly(op string, a []value) value {
	switch op {
	case "+":
		return value{i: a[0].i + a[1].i}
	case "*":
		return value{i: a[0].i * a[1].i}
	case "cast":
		return a[0] // of numbers only
	case "concat":
		return value{s: a[0].s + a[1].s}
	case "upper":
		return value{s: strings.ToUpper(a[0].s)}
	case "=":
		return truth(a[0] == a[1])
	case ">":
		return truth(compareValues(a[0], a[1]) > 0)
	case "tumble_start":
		return value{i: startOf(a[0].i, windows.Window{Kind: windows.Tumbling, Size: a[1].i, Offset: a[2].i})}
	}
	panic("no function " + op)
}

func compareValues(a, b value) int {
	return cmp.Or(cmp.Compare(a.i, b.i), strings.Compare(a.s, b.s))
}

func startOf(t int64, w windows.Window) int64 {
	if w.Size == 0 {
		return 0
	}
	start := w.Offset
	for start > t {
		start -= w.Size
	}
	for start+w.Size <= t {
		start += w.Size
	}
	return start
}

// dataset is what the relations of a test hold: by relation, rows by column name.
type dataset map[string][]map[string]value

// runPlan gives the rows that each sink takes, without the columns that only partitions use.
func runPlan(p *Plan, data dataset) map[string][][]value {
	outs := make([][][]value, len(p.Stages))
	sinks := map[string][][]value{}
	for i := range p.Stages {
		s := &p.Stages[i]
		rows := runInput(p, s.From, outs, data)
		for _, op := range s.Ops {
			rows = runOp(p, op, rows, data)
		}
		outs[i] = rows
		for _, name := range s.Sinks {
			sinks[name] = append(sinks[name], rows...)
		}
	}
	for _, k := range p.Sinks {
		for i, row := range sinks[k.Name] {
			var file []value
			for _, c := range k.Columns {
				file = append(file, row[c])
			}
			sinks[k.Name][i] = file
		}
	}
	return sinks
}

// runInput gives the rows that a stage begins with.
func runInput(p *Plan, in Input, outs [][][]value, data dataset) [][]value {
	var rows [][]value
	switch {
	case in.Stage >= 0:
		return outs[in.Stage]
	case in.Exchange >= 0:
		for _, s := range p.Senders(in.Exchange) {
			rows = append(rows, outs[s]...)
		}
		return runExchange(&p.Exchanges[in.Exchange], rows)
	}
	src := &p.Sources[in.Source]
	for _, r := range data[src.Name] {
		var row []value
		for _, f := range src.Fields {
			row = append(row, r[f.Name])
		}
		rows = append(rows, row)
	}
	return rows
}

func runOp(p *Plan, op Op, rows [][]value, data dataset) [][]value {
	var out [][]value
	for _, row := range rows {
		at := func(i int) value { return row[i] }
		switch {
		case op.Filter != nil:
			if evaluate(op.Filter, at) == truth(true) {
				out = append(out, row)
			}
		case op.Project != nil:
			var next []value
			for _, e := range op.Project.Exprs {
				next = append(next, evaluate(e, at))
			}
			out = append(out, next)
		case op.Join != nil:
			out = append(out, runJoin(p, op.Join, row, data)...)
		default:
			for _, added := range elements(row[op.Unnest.Column], op.Unnest.Left, op.Unnest.Ordinality) {
				var kept []value
				for _, k := range op.Unnest.Keep {
					kept = append(kept, row[k])
				}
				out = append(out, slices.Concat(kept, added))
			}
		}
	}
	return out
}

// elements are the columns that come out of an array.
func elements(array value, left, ordered bool) [][]value {
	var out [][]value
	if !array.null {
		for i, v := range array.list.values {
			out = append(out, []value{v, {i: int64(i + 1)}})
		}
	}
	if len(out) == 0 && left {
		out = append(out, []value{{null: true}, {null: true}})
	}
	if !ordered {
		for i := range out {
			out[i] = out[i][:1]
		}
	}
	return out
}

func runJoin(p *Plan, j *Join, row []value, data dataset) [][]value {
	i := slices.IndexFunc(p.Tables, func(t TablePlan) bool { return t.Name == j.Table })
	fields := p.Tables[i].Schema.Names()
	var out [][]value
	for _, t := range data[j.Table] {
		match := true
		for k, l := range j.LeftKeys {
			match = match && !row[l].null && row[l] == t[fields[j.RightKeys[k]]]
		}
		if match {
			out = append(out, slices.Concat(row, pick(t, fields)))
		}
	}
	if len(out) == 0 && j.Left {
		out = append(out, slices.Concat(row, pick(nil, fields)))
	}
	return out
}

// pick lists the values of the fields, NULLs when there is no row.
func pick(row map[string]value, fields []string) []value {
	var out []value
	for _, f := range fields {
		v, ok := row[f]
		v.null = v.null || !ok
		out = append(out, v)
	}
	return out
}

func runExchange(x *Exchange, rows [][]value) [][]value {
	var order []string
	groups := map[string][][]value{}
	for _, row := range rows {
		start := int64(0)
		if !x.Unwindowed() {
			start = startOf(row[x.TimeColumn].i, x.Window)
		}
		row = append(slices.Clone(row), value{i: start})
		var key strings.Builder
		for _, k := range x.Spec.Keys {
			fmt.Fprintf(&key, "%v|", row[k])
		}
		if groups[key.String()] == nil {
			order = append(order, key.String())
		}
		groups[key.String()] = append(groups[key.String()], row)
	}
	if x.Unwindowed() && len(x.Spec.Keys) == 1 && len(rows) == 0 {
		order = []string{"the one group"}
	}
	var out [][]value
	for _, key := range order {
		var final []value
		for _, k := range x.Spec.Keys {
			if len(groups[key]) > 0 {
				final = append(final, groups[key][0][k])
			} else {
				final = append(final, value{})
			}
		}
		for _, a := range x.Spec.Aggs {
			columns := []int{a.Arg}
			for _, m := range a.More {
				columns = append(columns, m.Col)
			}
			var args [][]value
			for _, row := range groups[key] {
				var of []value
				for _, c := range columns {
					if c >= 0 {
						of = append(of, row[c])
					}
				}
				args = append(args, of)
			}
			final = append(final, fold(a.Func, a.Distinct, args))
		}
		out = append(out, final)
	}
	return out
}

// fold is the aggregate over the arguments of all rows of a group.
func fold(fn columnar.AggFunc, distinct bool, rows [][]value) value {
	var args [][]value
	for _, r := range rows {
		null := slices.ContainsFunc(r, func(v value) bool { return v.null })
		again := distinct && slices.ContainsFunc(args, func(o []value) bool { return o[0] == r[0] })
		if !null && !again {
			args = append(args, r)
		}
	}
	byKey := func(sign int) func(a, b []value) int {
		return func(a, b []value) int { return sign * cmp.Or(compareValues(a[1], b[1]), compareValues(a[0], b[0])) }
	}
	switch {
	case fn == columnar.Count || fn == columnar.CountStar:
		return value{i: int64(len(args))}
	case len(args) == 0:
		return value{null: true}
	case fn == columnar.ArgMin:
		return slices.MinFunc(args, byKey(1))[0]
	case fn == columnar.ArgMax:
		return slices.MinFunc(args, byKey(-1))[0]
	case fn == columnar.Min:
		return slices.MinFunc(args, func(a, b []value) int { return compareValues(a[0], b[0]) })[0]
	case fn == columnar.Max:
		return slices.MaxFunc(args, func(a, b []value) int { return compareValues(a[0], b[0]) })[0]
	case fn == columnar.Sum:
		var sum int64
		for _, v := range args {
			sum += v[0].i
		}
		return value{i: sum}
	}
	panic("no aggregate " + fn)
}
