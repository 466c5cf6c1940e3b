package output

import "github.com/millrace/millrace/columnar"

// JSONRows renders rows as [Stdout] prints them, each as an object of its own.
type JSONRows struct {
	row jsonRow
	all selector
}

// NewJSONRows renders these columns of a schema, in this order.
func NewJSONRows(schema *columnar.Schema, columns []int) *JSONRows {
	return &JSONRows{row: newJSONRow(Layout{Schema: schema, Columns: columns})}
}

// Each calls f with every selected row of b. The text is valid until the next call.
func (j *JSONRows) Each(b *columnar.Batch, f func(row int, text []byte) error) error {
	var text []byte
	for _, r := range j.all.of(b) {
		var err error
		if text, err = j.row.append(text[:0], b, int(r)); err != nil {
			return err
		}
		if err := f(int(r), text); err != nil {
			return err
		}
	}
	return nil
}

// Append appends one row to dst.
func (j *JSONRows) Append(dst []byte, b *columnar.Batch, row int) ([]byte, error) {
	return j.row.append(dst, b, row)
}
