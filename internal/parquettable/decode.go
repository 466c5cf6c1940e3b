package parquettable

import (
	"errors"
	"fmt"
	"strings"

	"github.com/millrace/millrace/columnar"
)

// Schema is the columns of a file, each of the type that holds all its values. The error says which column has no such
// type; a job that does not need it declares those that it needs. name stands in errors.
func Schema(name string, data []byte) (*columnar.Schema, error) {
	var out *columnar.Schema
	err := guarded(func() error {
		t, err := open(name, data)
		if err == nil {
			out, err = t.schema()
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return out, nil
}

func (t *table) schema() (*columnar.Schema, error) {
	out := &columnar.Schema{}
	for i, n := range t.root.kids {
		typ, err := n.natural(1)
		if err != nil {
			return nil, fmt.Errorf("column %q: %w; declare the columns that are needed", n.Name(), err)
		}
		for _, f := range out.Fields[:i] {
			if f.Name == n.Name() {
				return nil, fmt.Errorf("the file has two columns %q", f.Name)
			}
		}
		out.Fields = append(out.Fields, columnar.Field{Name: n.Name(), Type: typ})
	}
	return out, nil
}

// Decode reads the columns from a file: by [columnar.DecodeField.JSONPath], a column or a field of a struct, exact case
// first, then any case. Without fields it reads those of [Schema]. name stands in errors, which give row and column:
// ads.parquet: row 17: column "ad_id": 300 is out of range of tinyint. What cannot be read as
// declared is a [columnar.ColumnError], because of a [columnar.NoColumnError] where the file has no such name.
// The batch owns its memory and has no Origin.
func Decode(name string, data []byte, fields []columnar.DecodeField) (*columnar.Batch, error) {
	var out *columnar.Batch
	err := guarded(func() error {
		t, err := open(name, data)
		if err == nil {
			out, err = t.decode(fields)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return out, nil
}

// column is one column of the batch.
type column struct {
	*columnar.Builder
	*assembler
	field columnar.DecodeField
}

func (t *table) decode(fields []columnar.DecodeField) (*columnar.Batch, error) {
	if fields == nil {
		s, err := t.schema()
		if err != nil {
			return nil, err
		}
		for _, f := range s.Fields {
			fields = append(fields, columnar.DecodeField{Field: f, Path: columnar.Path{{Key: f.Name}}})
		}
	}
	b := &columnar.Batch{Schema: &columnar.Schema{}}
	for _, f := range fields {
		c, err := t.column(f)
		if err != nil {
			return nil, &columnar.ColumnError{Column: f.Name, Err: err}
		}
		rows, err := t.read(c)
		if err != nil {
			return nil, err
		}
		b.Rows = rows
		b.Schema.Fields = append(b.Schema.Fields, f.Field)
		b.Cols = append(b.Cols, c.Vector())
	}
	return b, nil
}

// column finds the column of a field and plans how to read it.
func (t *table) column(f columnar.DecodeField) (*column, error) {
	if _, ok := columnar.Metadata(f.Name); ok {
		return nil, fmt.Errorf("a Parquet file has no metadata columns")
	}
	n := t.root
	for i, step := range f.JSONPath() {
		is, err := shapeStruct, error(nil)
		if i > 0 {
			is, err = n.shape()
		}
		switch {
		case err != nil:
			return nil, err
		case step.IsIndex || is != shapeStruct:
			return nil, fmt.Errorf("path %s: %s is no struct", f.JSONPath(), f.JSONPath()[:i])
		}
		if n, err = n.kid(step.Key); err != nil {
			return nil, err
		}
	}
	a, err := n.assembler(f.Type, f.Unit, 1)
	if err != nil {
		return nil, err
	}
	return &column{Builder: columnar.NewBuilder(f.Type), assembler: a, field: f}, nil
}

// read appends all rows of the file.
func (t *table) read(c *column) (rows int, err error) {
	for g := range t.file.RowGroups() {
		if err := t.readGroup(c, g); err != nil {
			return 0, err
		}
	}
	return c.Len(), nil
}

// readGroup appends the rows of a row group, and checks that they are all its values.
func (t *table) readGroup(c *column, group int) error {
	for _, l := range c.leaves {
		if err := l.open(t, group); err != nil {
			return err
		}
		defer l.close()
	}
	for range t.file.RowGroups()[group].NumRows() {
		if err := c.appendRow(); err != nil {
			return fmt.Errorf("row %d: column %q: %w", c.Len()+1, c.field.Name, err)
		}
	}
	for _, l := range c.leaves {
		switch v, err := l.peek(); {
		case err != nil:
			return err
		case v != nil:
			return fmt.Errorf("%w: column %s has more values than rows", errDamaged, strings.Join(l.node.Path(), "."))
		}
	}
	return nil
}

func (c *column) appendRow() error {
	if c.field.Required {
		if v, err := c.first.peek(); err == nil && v != nil && v.DefinitionLevel() < c.def {
			return errors.New("NULL, but it is required")
		}
	}
	return c.append(c.Builder)
}
