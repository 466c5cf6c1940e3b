package jobspec

// Names are names of columns: one, or a list.
type Names []string

const mostNames = 100

// read takes a list of names, or a single one.
func (s *Names) read(_ *decoder, t *tree, where string) (*tree, error) {
	items := t.items
	switch {
	case t.kind == scalarTree:
		items = []*tree{t}
	case t.kind != listTree:
		return nil, fail(t.pos, "write a column, or [a, b]", "%s is %s, want a list", where, t.kind)
	case len(items) == 0:
		return nil, fail(t.pos, "write a column, or [a, b]", "%s is empty", where)
	case len(items) > mostNames:
		return nil, fail(items[mostNames].pos, "", "%s: more than %d", where, mostNames)
	}
	for _, item := range items {
		if item.kind != scalarTree || item.scalar == "" {
			return nil, fail(item.pos, "write a column, or [a, b]", "%s: want the name of a column", where)
		}
		*s = append(*s, item.scalar)
	}
	return t, nil
}

func (*Names) schema() object {
	name := object{{"type", "string"}}
	return anyOf(name, object{{"type", "array"}, {"minItems", 1}, {"maxItems", mostNames}, {"items", name}})
}
