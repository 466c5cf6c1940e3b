package parquettable

import (
	"fmt"

	"github.com/millrace/millrace/columnar"
)

// assembler plans how the column becomes one of type to, or says why it does not.
func (n *node) assembler(to columnar.Type, unit columnar.TimeUnit, depth int) (*assembler, error) {
	is, err := n.shape()
	a := &assembler{typ: to, def: n.MaxDefinitionLevel()}
	switch {
	case err != nil:
		return nil, err
	case depth > maxDepth:
		return nil, fmt.Errorf("nested more than %d deep", maxDepth)
	case is == shapeLeaf:
		return a, a.planLeaf(n, unit)
	case is == shapeList && to.Kind == columnar.Array:
		return a, a.planList(n, unit, depth)
	case is == shapeMap && to.Kind == columnar.Map:
		return a, a.planMap(n, unit, depth)
	case is == shapeStruct && to.Kind == columnar.Struct:
		return a, a.planStruct(n, unit, depth)
	}
	return nil, fmt.Errorf("the file has %s there, which becomes no %s",
		map[shape]string{shapeList: "a list", shapeMap: "a map", shapeStruct: "a struct"}[is], to)
}

func (a *assembler) planLeaf(n *node, unit columnar.TimeUnit) error {
	l, err := n.leaf()
	if err != nil {
		return err
	}
	if a.store, err = converter(l.typ, a.typ, unit); err != nil {
		return err
	}
	a.first = &cursor{node: n, leaf: l}
	a.leaves = []*cursor{a.first}
	return nil
}

// add plans a part of the value.
func (a *assembler) add(n *node, to columnar.Type, unit columnar.TimeUnit, depth int) error {
	kid, err := n.assembler(to, unit, depth+1)
	if err != nil {
		return err
	}
	if a.first == nil {
		a.first = kid.first
	}
	a.kids, a.leaves = append(a.kids, kid), append(a.leaves, kid.leaves...)
	return nil
}

func (a *assembler) planList(n *node, unit columnar.TimeUnit, depth int) error {
	repeated := n.repeated()
	a.def, a.elemDef, a.rep = repeated.MaxDefinitionLevel()-1, repeated.MaxDefinitionLevel(), repeated.MaxRepetitionLevel()
	return a.add(n.one(), a.typ.Elem(), unit, depth)
}

func (a *assembler) planMap(n *node, unit columnar.TimeUnit, depth int) error {
	pairs := n.repeated()
	a.elemDef, a.rep = pairs.MaxDefinitionLevel(), pairs.MaxRepetitionLevel()
	if err := a.add(pairs.kids[0], a.typ.KeyType(), unit, depth); err != nil {
		return fmt.Errorf("key: %w", err)
	}
	if a.kids[0].store == nil {
		return fmt.Errorf("keys of type %s", a.typ.KeyType())
	}
	a.keys = map[string]bool{}
	a.kids[0].distinct(a.keys)
	if err := a.add(pairs.kids[1], a.typ.Elem(), unit, depth); err != nil {
		return fmt.Errorf("value: %w", err)
	}
	return nil
}

// distinct refuses values of a leaf that are in the set already, and NULL.
func (a *assembler) distinct(seen map[string]bool) {
	put, from := a.store, a.first.leaf.typ
	a.notNull = true
	a.store = func(b *columnar.Builder, d *datum) string {
		key := d.key(from)
		if seen[key] {
			return "is twice a key, of type %s, in one map"
		}
		seen[key] = true
		return put(b, d)
	}
}

// planStruct reads the declared fields; the file may have more.
func (a *assembler) planStruct(n *node, unit columnar.TimeUnit, depth int) error {
	for _, f := range a.typ.Fields() {
		kid, err := n.kid(f.Name)
		if err == nil {
			err = a.add(kid, f.Type, unit, depth)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", f.Name, err)
		}
	}
	return nil
}
