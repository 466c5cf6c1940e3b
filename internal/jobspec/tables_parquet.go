package jobspec

import (
	"errors"
	"fmt"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/dstream"
	"github.com/millrace/millrace/internal/parquettable"
)

// readColumns declares the columns of Parquet tables that declare none: those of their files. They become part of the
// job, so that a recorded job does not depend on what the file has become.
func (s *Spec) readColumns() error {
	for i := range s.Tables {
		t := &s.Tables[i]
		if t.Parquet == "" || len(t.Columns) > 0 {
			continue
		}
		data, err := s.stores.read(string(t.Parquet))
		if err != nil {
			return fail(t.ParquetPos, "", "tables.%s: %v", t.Name, err)
		}
		schema, err := parquettable.Schema(string(t.Parquet), data)
		if err != nil {
			return fail(t.ParquetPos, "", "tables.%s: %v", t.Name, err)
		}
		s.declare(t, schema)
	}
	return nil
}

// declare gives the table columns, also in the job's normal form.
func (s *Spec) declare(t *Table, schema *columnar.Schema) {
	columns := &tree{kind: mapTree, pos: t.Pos}
	for _, f := range schema.Fields {
		typ := f.Type.String()
		t.Columns = append(t.Columns, Column{Name: f.Name, Pos: t.Pos, Type: typ, TypePos: t.Pos})
		val := &tree{kind: scalarTree, scalar: typ, expanded: true, pos: t.Pos}
		columns.entries = append(columns.entries, entry{key: f.Name, pos: t.Pos, val: val})
	}
	table := s.normal.get("tables").get(t.Name)
	table.entries, table.index = append(table.entries, entry{key: "columns", pos: t.Pos, val: columns}), nil
}

// decode reads the content of the table's file.
func (t Table) decode(path string, data []byte, zone *columnar.Zone) (*columnar.Batch, error) {
	fields, err := decodeFields(t.Columns)
	if err != nil {
		return nil, err
	}
	var b *columnar.Batch
	if t.Parquet != "" {
		b, err = parquettable.Decode(path, data, fields)
	} else {
		b, err = columnar.DecodeCSV(path, data, fields, zone)
	}
	return b, err
}

// tableError blames the table, as a job file would be, and says which column was meant.
func tableError(err error) *dstream.Error {
	out := &dstream.Error{Msg: err.Error()}
	var missing *columnar.NoColumnError
	if errors.As(err, &missing) {
		if near := dstream.Nearest(missing.Name, missing.Columns); near != "" {
			out.Hint = fmt.Sprintf("did you mean %q?", near)
		}
	}
	return out
}
