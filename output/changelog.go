package output

import (
	"fmt"
	"slices"
	"strings"

	"github.com/millrace/millrace/columnar"
)

// Changelog says what makes rows the changes of a result. Files and lines have the operation as a column,
// [OpColumn]; files also have the batch, [RevisionColumn]. Records go by their key: a delete is a tombstone, and the old
// half of an update is not written.
type Changelog struct {
	Op  int   // column of Layout.Schema: the operation, one of columnar.OpInsert and so on
	Key []int // columns of Layout.Schema: no two rows of the result have the same
}

// Columns that a changelog has beside those of the result.
const (
	OpColumn       = "_op"
	RevisionColumn = "_revision" // batch id, bigint
)

// check refuses what no reader could make sense of.
func (c *Changelog) check(l Layout) error {
	if c == nil {
		return nil
	}
	if len(c.Key) == 0 {
		return fmt.Errorf("a changelog without a key")
	}
	if t := l.Schema.Fields[c.Op].Type; t.Kind != columnar.String {
		return fmt.Errorf("the operations of a changelog are %s", t.Article())
	}
	for _, f := range l.File().Fields {
		if name := strings.ToLower(f.Name); name == OpColumn || name == RevisionColumn {
			return fmt.Errorf("the changelog has a column %q of its own; give the column of the query another name", f.Name)
		}
	}
	return nil
}

// withOps is the layout whose rows have their operation behind the other columns. Without a changelog it is l.
func (l Layout) withOps() Layout {
	if l.Changelog == nil {
		return l
	}
	l.Schema = &columnar.Schema{Fields: slices.Clone(l.Schema.Fields)}
	l.Schema.Fields[l.Changelog.Op].Name = OpColumn
	l.Columns = append(slices.Clone(l.Columns), l.Changelog.Op)
	return l
}

// withRevisions is withOps with the revision behind that: the last column of batches made by revised.
func (l Layout) withRevisions() Layout {
	if l.Changelog == nil {
		return l
	}
	l = l.withOps()
	l.Columns = append(l.Columns, len(l.Schema.Fields))
	l.Schema.Fields = append(l.Schema.Fields, columnar.Field{Name: RevisionColumn, Type: columnar.Type{Kind: columnar.Int64}})
	return l
}

// revised adds the revision to all rows.
func revised(shards []Shard, schema *columnar.Schema, batch int64) []Shard {
	rows := 0
	for _, s := range shards {
		for _, b := range s.Rows {
			rows = max(rows, b.Rows)
		}
	}
	ids := slices.Repeat([]int64{batch}, rows)
	out := make([]Shard, len(shards))
	for i, s := range shards {
		out[i].ID = s.ID
		for _, b := range s.Rows {
			with := *b
			with.Schema = schema
			with.Cols = append(slices.Clone(b.Cols), &columnar.Vector{Type: columnar.Type{Kind: columnar.Int64}, N: b.Rows, I64: ids[:b.Rows]})
			out[i].Rows = append(out[i].Rows, &with)
		}
	}
	return out
}

// View is the query of a reader who wants the rows of the result: of each key what the latest revision says. It is for
// DuckDB and others that have QUALIFY. path is the sink's directory.
func (l Layout) View(path string) string {
	key := make([]string, len(l.Changelog.Key))
	for i, c := range l.Changelog.Key {
		key[i] = quoteName(l.Schema.Fields[c].Name)
	}
	files, hive := path+"/*.parquet", ""
	if len(l.Partitions) > 0 {
		files, hive = path+"/**/*.parquet", ", hive_partitioning = true"
	}
	return fmt.Sprintf(`SELECT * EXCLUDE (%[1]s, %[2]s)
FROM read_parquet('%[3]s'%[4]s)
WHERE %[1]s <> '%[5]s'
QUALIFY row_number() OVER (PARTITION BY %[6]s ORDER BY %[2]s DESC) = 1 AND %[1]s <> '%[7]s'
`, OpColumn, RevisionColumn, strings.ReplaceAll(files, "'", "''"), hive, columnar.OpUpdateBefore, strings.Join(key, ", "), columnar.OpDelete)
}

// quoteName is a name as SQL has it.
func quoteName(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }
