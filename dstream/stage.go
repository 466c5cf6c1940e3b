package dstream

import (
	"slices"

	"github.com/millrace/millrace/columnar"
)

// stageBuilder makes the operators of one stage.
//
// Columns with a definition are put into the expression that uses them, unless there are several such places: then a
// Project right before the first computes them once. Filters run as early as the operators that bring their columns allow.
type stageBuilder struct {
	columns *columnSet
	tables  map[*Table][]bool // which fields are in use
	segment *segment
	brings  []*operator // those of the segment that bring columns: joins, unnests and functions
	given   wants       // columns that the rows begin with
	uses    map[int]int // column id → number of places, for the columns that something needs

	layout []int // ids of the columns of the current rows, −1 = not used
	schema *columnar.Schema
	ops    []Op
}

// count finds what the segment uses.
func (b *stageBuilder) count() {
	b.given, b.uses = wants{}, map[int]int{}
	b.given.add(b.layout...)
	for _, op := range b.segment.ops {
		switch {
		case op.filter != nil:
			b.use(op.filter)
			if c := op.op(); c != nil {
				b.use(c.expr())
			}
			continue
		case op.join != nil:
			for _, id := range op.join.left {
				b.use(b.columns.list[id].expr())
			}
		case op.mapped != nil:
			for _, id := range op.mapped.in {
				b.use(b.columns.list[id].expr())
			}
		default:
			b.use(b.columns.list[op.unnest.list].expr())
		}
		b.brings = append(b.brings, op)
	}
	for _, o := range b.segment.outs {
		b.use(o.column.expr())
	}
}

// use counts the columns in e, and those in the definitions that it is the first to need.
func (b *stageBuilder) use(e *columnar.Expr) {
	if e.Op != "col" {
		for _, a := range e.Args {
			b.use(a)
		}
		return
	}
	b.uses[e.Col]++
	if b.uses[e.Col] > 1 {
		return
	}
	if def := b.definition(b.columns.list[e.Col]); def != nil {
		b.use(def)
	}
}

// definition is how the stage computes the column, nil when its rows begin with it or an operator brings it.
func (b *stageBuilder) definition(c *column) *columnar.Expr {
	if b.given[c.id] {
		return nil
	}
	return c.def
}

// level is how many of the operators that bring columns must have run before e can be computed.
func (b *stageBuilder) level(e *columnar.Expr) int {
	most := 0
	for _, c := range b.columns.leaves(e, b.definition) {
		most = max(most, slices.Index(b.brings, c.op)+1)
	}
	return most
}

// build makes the operators for rows of schema in.
func (b *stageBuilder) build(in *columnar.Schema) ([]Op, *columnar.Schema) {
	b.count()
	b.schema = in
	for level := 0; ; level++ {
		for _, op := range b.segment.ops {
			if op.filter != nil {
				b.addFilter(op, level)
			}
		}
		if level == len(b.brings) {
			break
		}
		if op := b.brings[level]; op.join != nil {
			b.addJoin(op)
		} else if op.mapped != nil {
			b.addMap(op)
		} else {
			b.addUnnest(op, level)
		}
	}
	b.finish()
	return b.ops, b.schema
}

// addFilter adds the operands of the AND that the condition is which belong to the level.
func (b *stageBuilder) addFilter(o *operator, level int) {
	var here *columnar.Expr
	for _, e := range operands(o.filter, nil) {
		switch {
		case b.level(e) != level:
		case here == nil:
			here = e
		default:
			here = &columnar.Expr{Op: "and", Type: e.Type, Args: []*columnar.Expr{here, e}}
		}
	}
	if here != nil {
		b.ready([]*columnar.Expr{here})
		op := Op{Filter: b.positioned(here), Out: b.schema}
		if c := o.op(); c != nil {
			op.Ops = 1 + slices.Index(b.layout, c.id)
		}
		b.ops = append(b.ops, op)
	}
}

// operands appends the operands of nested ANDs to out.
func operands(e *columnar.Expr, out []*columnar.Expr) []*columnar.Expr {
	if e.Op == "and" {
		for _, a := range e.Args {
			out = operands(a, out)
		}
		return out
	}
	return append(out, e)
}

func (b *stageBuilder) addJoin(o *operator) {
	j := o.join
	b.compute(j.left)
	op := &Join{Table: j.table.Name, Left: j.kind == LeftOuter}
	fields := tableFields(j.table, b.tables[j.table])
	for i, id := range j.left {
		op.LeftKeys = append(op.LeftKeys, slices.Index(b.layout, id))
		op.RightKeys = append(op.RightKeys, slices.Index(fields, j.right[i]))
	}
	schema := &columnar.Schema{Fields: slices.Clone(b.schema.Fields)}
	for _, f := range fields {
		schema.Fields = append(schema.Fields, j.table.Schema.Fields[f])
		b.layout = append(b.layout, o.columns[f].id)
	}
	b.schema = schema
	b.ops = append(b.ops, Op{Join: op, Out: schema})
}

// addUnnest keeps what something behind it needs: every column that stays is copied once for each element.
func (b *stageBuilder) addUnnest(o *operator, level int) {
	b.compute([]int{o.unnest.list})
	op := &Unnest{Column: slices.Index(b.layout, o.unnest.list), Ordinality: o.unnest.ordered, Left: o.unnest.left}
	needed := b.neededBehind(level)
	schema, layout := &columnar.Schema{}, []int{}
	for i, id := range b.layout {
		if needed[id] {
			op.Keep, layout, schema.Fields = append(op.Keep, i), append(layout, id), append(schema.Fields, b.schema.Fields[i])
		}
	}
	for _, c := range o.columns {
		op.Names, layout = append(op.Names, c.name), append(layout, c.id)
		schema.Fields = append(schema.Fields, columnar.Field{Name: c.name, Type: c.typ})
	}
	b.schema, b.layout = schema, layout
	b.ops = append(b.ops, Op{Unnest: op, Out: schema})
}

// neededBehind is which columns of the current rows are needed behind the level-th operator that brings columns.
func (b *stageBuilder) neededBehind(level int) wants {
	needed := wants{}
	var need func(id int)
	need = func(id int) {
		if needed[id] {
			return
		}
		needed[id] = true
		if def := b.definition(b.columns.list[id]); def != nil && !slices.Contains(b.layout, id) {
			for _, of := range references(def, nil) {
				need(of)
			}
		}
	}
	for _, op := range b.segment.ops {
		switch {
		case op.filter != nil:
			for _, e := range operands(op.filter, nil) {
				if b.level(e) > level {
					for _, id := range references(e, nil) {
						need(id)
					}
				}
			}
		case slices.Index(b.brings, op) <= level:
		case op.join != nil:
			for _, id := range op.join.left {
				need(id)
			}
		case op.mapped != nil:
			for _, id := range op.mapped.in {
				need(id)
			}
		default:
			need(op.unnest.list)
		}
	}
	for _, o := range b.segment.outs {
		need(o.column.id)
	}
	return needed
}

// ready computes the columns that must stand in the rows before the expressions can be written down.
func (b *stageBuilder) ready(exprs []*columnar.Expr) {
	var shared []int
	for _, e := range exprs {
		shared = b.shared(e, shared)
	}
	b.compute(shared)
}

// shared appends the columns in e that several places use and that do not stand in the rows yet.
func (b *stageBuilder) shared(e *columnar.Expr, out []int) []int {
	for _, id := range references(e, nil) {
		def := b.inline(id)
		switch {
		case slices.Contains(b.layout, id):
		case def != nil:
			out = b.shared(def, out)
		case !slices.Contains(out, id):
			out = append(out, id)
		}
	}
	return out
}

// inline is the definition to put in the place of a column, nil when the column must stand in the rows. No column can have a type that
// is not known.
func (b *stageBuilder) inline(id int) *columnar.Expr {
	def := b.definition(b.columns.list[id])
	if def != nil && (b.uses[id] == 1 || def.Op == "const" || def.Type.Untyped()) {
		return def
	}
	return nil
}

// compute adds those of the columns to the rows that are missing there.
func (b *stageBuilder) compute(ids []int) {
	var defs []*columnar.Expr
	for _, id := range b.missing(ids) {
		defs = append(defs, b.definition(b.columns.list[id]))
	}
	if len(defs) == 0 {
		return
	}
	b.ready(defs)
	p, ids := b.keep(), b.missing(ids)
	for _, id := range ids {
		c := b.columns.list[id]
		p.Exprs = append(p.Exprs, b.positioned(b.definition(c)))
		p.Names = append(p.Names, c.name)
	}
	if len(ids) > 0 {
		b.layout = append(b.layout, ids...)
		b.project(p)
	}
}

func (b *stageBuilder) missing(ids []int) []int {
	var out []int
	for _, id := range ids {
		if !slices.Contains(b.layout, id) && !slices.Contains(out, id) {
			out = append(out, id)
		}
	}
	return out
}

// keep is the projection that changes nothing.
func (b *stageBuilder) keep() *Projection {
	p := &Projection{Names: b.schema.Names()}
	for i := range b.schema.Fields {
		p.Exprs = append(p.Exprs, columnar.Col(b.schema, i))
	}
	return p
}

func (b *stageBuilder) project(p *Projection) {
	b.schema = p.schema()
	b.ops = append(b.ops, Op{Project: p, Out: b.schema})
}

func (p *Projection) schema() *columnar.Schema {
	out := &columnar.Schema{}
	for i, e := range p.Exprs {
		out.Fields = append(out.Fields, columnar.Field{Name: p.Names[i], Type: e.Type})
	}
	return out
}

// positioned turns column ids into positions in the current rows.
func (b *stageBuilder) positioned(e *columnar.Expr) *columnar.Expr {
	return substitute(e, func(c *columnar.Expr) *columnar.Expr {
		if i := slices.Index(b.layout, c.Col); i >= 0 {
			return columnar.Col(b.schema, i)
		}
		return b.positioned(b.definition(b.columns.list[c.Col]))
	})
}

// finish yields the outs, and nothing else.
func (b *stageBuilder) finish() {
	p := &Projection{}
	var exprs []*columnar.Expr
	for _, o := range b.segment.outs {
		exprs = append(exprs, o.column.expr())
	}
	b.ready(exprs)
	for i, e := range exprs {
		p.Exprs = append(p.Exprs, b.positioned(e))
		p.Names = append(p.Names, b.segment.outs[i].name)
	}
	if !b.isCurrent(p) {
		b.project(p)
	}
	if b.segment.changes() {
		b.ops = append(b.ops, Op{Changed: true, Ops: len(b.schema.Fields), Out: b.schema}) // the operations come last
	}
}

// isCurrent reports whether p yields the current rows as they are.
func (b *stageBuilder) isCurrent(p *Projection) bool {
	if len(p.Exprs) != len(b.schema.Fields) {
		return false
	}
	for i, e := range p.Exprs {
		if e.Op != "col" || e.Col != i || p.Names[i] != b.schema.Fields[i].Name {
			return false
		}
	}
	return true
}
