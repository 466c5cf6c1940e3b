package parquettable

import (
	"errors"
	"fmt"
	"io"

	"github.com/parquet-go/parquet-go"

	"github.com/millrace/millrace/columnar"
)

// cursor walks the values of one leaf column in one row group.
type cursor struct {
	node   *node
	leaf   leaf
	pages  parquet.Pages
	page   parquet.Page
	values parquet.ValueReader
	buf    []parquet.Value
	at, n  int
	left   int64 // values that the metadata still promises
}

// cursorValues is how many values are taken from a page at once.
const cursorValues = 256

// open begins with a row group.
func (c *cursor) open(t *table, group int) error {
	chunk := &t.file.Metadata().RowGroups[group].Columns[c.node.Index()]
	if err := checkPages(t.data, chunk); err != nil {
		return fmt.Errorf("column %s in row group %d: %w", c.node.Name(), group, err)
	}
	if c.buf == nil {
		c.buf = make([]parquet.Value, cursorValues)
	}
	c.left, c.at, c.n = chunk.MetaData.NumValues, 0, 0
	c.pages, c.page, c.values = t.file.RowGroups()[group].ColumnChunks()[c.node.Index()].Pages(), nil, nil
	return nil
}

// peek is the next value, nil behind the last one.
func (c *cursor) peek() (*parquet.Value, error) {
	for c.at == c.n {
		if c.left == 0 {
			return nil, nil
		}
		if err := c.fill(); err != nil {
			return nil, err
		}
	}
	return &c.buf[c.at], nil
}

// skip steps over the value that peek has shown.
func (c *cursor) skip() { c.at++ }

// fill takes the next values of the page, or the next page.
func (c *cursor) fill() error {
	if c.values == nil {
		page, err := c.pages.ReadPage()
		if errors.Is(err, io.EOF) {
			return fmt.Errorf("%w: column %s lacks %d values", errDamaged, c.node.Name(), c.left)
		}
		if err != nil {
			return fmt.Errorf("%w: column %s: %w", errDamaged, c.node.Name(), err)
		}
		c.page, c.values = page, page.Values()
	}
	n, err := c.values.ReadValues(c.buf)
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: column %s: %w", errDamaged, c.node.Name(), err)
	}
	if n == 0 {
		parquet.Release(c.page)
		c.page, c.values = nil, nil
	}
	c.at, c.n = 0, n
	if c.left -= int64(n); c.left < 0 {
		return fmt.Errorf("%w: column %s has more values than it says", errDamaged, c.node.Name())
	}
	return nil
}

func (c *cursor) close() error {
	if c.page != nil {
		parquet.Release(c.page)
	}
	c.page, c.values = nil, nil
	return c.pages.Close()
}

// assembler puts values of a column together, as in Melnik and others, "Dremel: Interactive Analysis of Web-Scale Datasets"
// (2010): the levels of the first leaf say how much of the path to it is there, and where lists begin.
type assembler struct {
	typ    columnar.Type
	def    int // from this definition level on the value is not NULL
	first  *cursor
	leaves []*cursor
	kids   []*assembler

	elemDef int // of lists and maps: from this definition level on there is an element
	rep     int // the repetition level of another element
	store   store

	keys    map[string]bool // of maps: the keys of the one under way
	notNull bool            // of keys
}

// append appends the next value.
func (a *assembler) append(b *columnar.Builder) error {
	v, err := a.first.peek()
	switch {
	case err != nil:
		return err
	case v == nil:
		return fmt.Errorf("%w: column %s has too few values", errDamaged, a.first.node.Name())
	case v.DefinitionLevel() < a.def && a.notNull:
		return errors.New("NULL is the key of a map")
	case v.DefinitionLevel() < a.def:
		b.AppendNull()
		return a.skip()
	case a.store != nil:
		return a.appendLeaf(b, v)
	case a.elemDef > 0:
		return a.appendList(b, v)
	}
	return a.appendParts(b)
}

// appendParts appends the fields of a struct.
func (a *assembler) appendParts(b *columnar.Builder) error {
	for i, kid := range a.kids {
		if err := kid.append(b.Kid(i)); err != nil {
			return err
		}
	}
	b.AppendNested()
	return nil
}

// skip steps over one value of every leaf: that of a NULL or an empty list.
func (a *assembler) skip() error {
	for _, c := range a.leaves {
		switch v, err := c.peek(); {
		case err != nil:
			return err
		case v == nil:
			return fmt.Errorf("%w: column %s has too few values", errDamaged, c.node.Name())
		}
		c.skip()
	}
	return nil
}

func (a *assembler) appendLeaf(b *columnar.Builder, v *parquet.Value) error {
	var d datum
	l := &a.first.leaf
	if v.IsNull() || v.Kind() != l.kind {
		return fmt.Errorf("%w: column %s has a value of another type", errDamaged, a.first.node.Name())
	}
	if !l.read(v, &d) {
		return fmt.Errorf("the value %s is out of range", v)
	}
	if fault := a.store(b, &d); fault != "" {
		return faultError(&d, l.typ, a.typ, fault)
	}
	a.first.skip()
	return nil
}

// appendList appends an array or a map with all its elements.
func (a *assembler) appendList(b *columnar.Builder, v *parquet.Value) error {
	if v.DefinitionLevel() < a.elemDef {
		b.AppendNested()
		return a.skip()
	}
	for clear(a.keys); ; {
		for i, kid := range a.kids {
			if err := kid.append(b.Kid(i)); err != nil {
				return err
			}
		}
		next, err := a.first.peek()
		if err != nil {
			return err
		}
		if next == nil || next.RepetitionLevel() < a.rep {
			b.AppendNested()
			return nil
		}
	}
}
