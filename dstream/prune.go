package dstream

import "github.com/millrace/millrace/columnar"

// paths are the parts of a struct that something uses: all of it, or some of its fields.
type paths struct {
	whole  bool
	fields map[string]*paths // by name
}

func (p *paths) field(name string) *paths {
	if p.fields == nil {
		p.fields = map[string]*paths{}
	}
	if p.fields[name] == nil {
		p.fields[name] = &paths{}
	}
	return p.fields[name]
}

// narrow is the struct without the fields that nothing uses.
func (p *paths) narrow(t columnar.Type) columnar.Type {
	if p.whole || t.Kind != columnar.Struct {
		return t
	}
	var fields []columnar.Field
	for _, f := range t.Fields() {
		if used := p.fields[f.Name]; used != nil {
			fields = append(fields, columnar.Field{Name: f.Name, Type: used.narrow(f.Type)})
		}
	}
	return columnar.StructOf(fields...)
}

// pruneFields takes those fields off the structs of the sources that no expression reads, so that they are not even
// decoded. A struct that is used as a whole stays as it is.
func (x *expansion) pruneFields() {
	p := pruner{columns: &x.columns, used: map[int]*paths{}}
	for _, root := range x.roots {
		p.operator(root)
		p.timeOf(root)
	}
	for _, c := range x.columns.list {
		if c.def != nil {
			p.expr(c.def)
		}
	}
	for id, used := range p.used {
		c := x.columns.list[id]
		c.typ = used.narrow(c.typ)
	}
}

// pruner finds the paths in use of the columns of sources.
type pruner struct {
	columns *columnSet
	used    map[int]*paths
}

func (p *pruner) operator(o *operator) {
	switch {
	case o.filter != nil:
		p.expr(o.filter)
	case o.join != nil:
		for _, id := range o.join.left {
			p.column(id)
		}
	case o.unnest != nil:
		p.column(o.unnest.list)
	case o.mapped != nil:
		for _, id := range o.mapped.in {
			p.column(id)
		}
	}
	for _, c := range o.behind {
		if c.next != nil {
			p.operator(c.next)
			continue
		}
		for _, out := range c.end.outs {
			p.column(out.column.id)
		}
	}
}

// timeOf notes what the computed event time of a source needs. A column that nothing else uses is decoded whole.
func (p *pruner) timeOf(root *operator) {
	if root.source == nil || root.source.timeExpr == nil {
		return
	}
	fields := allFields(root.source).Fields
	p.expr(substitute(root.source.timeExpr, func(c *columnar.Expr) *columnar.Expr {
		out := *c
		out.Col = -1
		for _, known := range root.columns {
			if known.field == fields[c.Col].Name {
				out.Col = known.id
			}
		}
		return &out
	}))
}

// column notes the use of a whole column.
func (p *pruner) column(id int) {
	if used := p.of(id); used != nil {
		used.whole = true
	}
}

// of is what is used of a column, nil when it is not a source's, or −1.
func (p *pruner) of(id int) *paths {
	if id < 0 || p.columns.list[id].source == nil {
		return nil
	}
	if p.used[id] == nil {
		p.used[id] = &paths{}
	}
	return p.used[id]
}

func (p *pruner) expr(e *columnar.Expr) {
	if used := p.path(e); used != nil {
		used.whole = true
		return
	}
	for _, a := range e.Args {
		p.expr(a)
	}
}

// path is the part of a column that e is: the column, or a field of a field of it. It is nil for everything else.
func (p *pruner) path(e *columnar.Expr) *paths {
	switch e.Op {
	case "col":
		return p.of(e.Col)
	case "field":
		if used := p.path(e.Args[0]); used != nil {
			return used.field(e.Args[1].Value.S)
		}
	}
	return nil
}
