package output

import (
	"fmt"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/internal/parquetfile"
)

// Layout says how rows become files: Columns, positions in Schema, are the columns of a file in their order;
// Partitions compute the directory, outermost first. A partition is not a column of the file too: readers get it from
// the directory's name.
type Layout struct {
	Schema     *columnar.Schema // of the rows that a sink is given
	Columns    []int
	Partitions []PartitionExpr
	Changelog  *Changelog // nil: the rows are never taken back
}

// PartitionExpr is one level of directories, Name=value.
type PartitionExpr struct {
	Name string
	Expr *columnar.Expr // over Layout.Schema; boolean, int, bigint, string, date or timestamp
}

// File is the schema of one file.
func (l Layout) File() *columnar.Schema {
	out := &columnar.Schema{}
	for _, c := range l.Columns {
		out.Fields = append(out.Fields, l.Schema.Fields[c])
	}
	return out
}

// check refuses layouts that no reader could make sense of.
func (l Layout) check() error {
	if len(l.Columns) == 0 {
		return fmt.Errorf("no column is left for the files")
	}
	seen := map[string]bool{}
	for _, f := range l.File().Fields {
		if seen[f.Name] {
			return fmt.Errorf("two columns are named %q", f.Name)
		}
		seen[f.Name] = true
		if err := parquetfile.Check(f.Type); err != nil {
			return fmt.Errorf("column %q: %w", f.Name, err)
		}
	}
	if err := l.Changelog.check(l); err != nil {
		return err
	}
	for _, p := range l.Partitions {
		if err := p.check(seen); err != nil {
			return err
		}
	}
	return nil
}

func (p PartitionExpr) check(seen map[string]bool) error {
	if p.Name == "" {
		return fmt.Errorf("a partition column has no name")
	}
	if seen[p.Name] {
		return fmt.Errorf("partition column %q: another column has that name", p.Name)
	}
	seen[p.Name] = true
	switch p.Expr.Type.Kind {
	case columnar.Bool, columnar.Int32, columnar.Int64, columnar.String, columnar.Date, columnar.Timestamp:
		return nil
	}
	return fmt.Errorf("partition column %q: %s cannot name a directory; cast it to string", p.Name, p.Expr.Type.Article())
}
