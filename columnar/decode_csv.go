package columnar

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// DecodeCSV reads a static table: CSV by RFC 4180 whose first line names the columns. Fields are found by
// [DecodeField.JSONPath], which has one step, exact case first, then any case; other columns of the file are ignored. The types take the
// same texts as in JSON, see [JSONDecoder]; there are no nested ones. An empty field without quotes is NULL, "" is the
// empty string. zone reads the texts of timestamp columns that name no zone; nil is UTC.
//
// name stands in errors, which give line and character: airports.csv:17:5: column "latitude": "x" is not a double. What
// cannot be read as declared is a [ColumnError], because of a [NoColumnError] where the file has no such name. The batch owns its memory and has no Origin.
func DecodeCSV(name string, data []byte, fields []DecodeField, zone *Zone) (*Batch, error) {
	t, err := openCSV(name, data, fields, zone)
	if err != nil {
		return nil, err
	}
	for {
		row, err := t.reader.Read()
		if errors.Is(err, io.EOF) {
			return t.batch(), nil
		}
		if err != nil {
			return nil, t.readError(err)
		}
		for i := range t.cols {
			if err := t.appendField(&t.cols[i], row); err != nil {
				return nil, err
			}
		}
	}
}

// csvTable is a table under way.
type csvTable struct {
	name   string
	data   []byte
	reader *csv.Reader
	lines  []int // where each line begins in data
	zone   *Zone
	header []string
	cols   []csvColumn
	text   []byte // the field under way, with Slack
}

type csvColumn struct {
	*Builder
	field DecodeField
	rules textRules
	at    int // position in the line
}

// openCSV reads the header and finds the columns.
func openCSV(name string, data []byte, fields []DecodeField, zone *Zone) (*csvTable, error) {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	t := &csvTable{name: name, data: data, reader: csv.NewReader(bytes.NewReader(data)), lines: lineStarts(data), zone: zone}
	t.reader.ReuseRecord = true
	header, err := t.reader.Read()
	if errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: the file is empty, want a line with the column names", name)
	}
	if err != nil {
		return nil, t.readError(err)
	}
	t.header = append(t.header, header...)
	for _, f := range fields {
		if err := t.addColumn(f); err != nil {
			return nil, fmt.Errorf("%s: %w", name, &ColumnError{Column: f.Name, Err: err})
		}
	}
	return t, nil
}

func (t *csvTable) addColumn(f DecodeField) error {
	if _, ok := Metadata(f.Name); ok {
		return errors.New("a CSV file has no metadata columns")
	}
	if err := checkCSVField(f); err != nil {
		return err
	}
	at, err := headerIndex(t.header, f.JSONPath()[0].Key)
	if err != nil {
		return err
	}
	t.cols = append(t.cols, csvColumn{Builder: NewBuilder(f.Type), field: f, rules: textRules{unit: f.Unit, zone: t.zone}, at: at})
	return nil
}

// checkCSVField refuses what a field of a line cannot hold.
func checkCSVField(f DecodeField) error {
	path := f.JSONPath()
	switch {
	case f.Type.IsNested():
		return fmt.Errorf("a field of a CSV file holds no %s; declare it string, or keep the table in Parquet", f.Type)
	case len(path) > 1 || path[0].IsIndex:
		return fmt.Errorf("a line of a CSV file has no path %s; its fields are not nested", path)
	}
	if err := checkUnit(f.Type, f.Unit); err != nil {
		return err
	}
	return checkScalar(f.Type)
}

// headerIndex finds the one column with that name, or else the one with it in another case.
func headerIndex(header []string, name string) (int, error) {
	for _, same := range []func(string) bool{
		func(h string) bool { return h == name },
		func(h string) bool { return strings.EqualFold(h, name) },
	} {
		at := -1
		for i, h := range header {
			if !same(h) {
				continue
			}
			if at >= 0 {
				return 0, fmt.Errorf("%q is there twice, as columns %d and %d", name, at+1, i+1)
			}
			at = i
		}
		if at >= 0 {
			return at, nil
		}
	}
	return 0, &NoColumnError{Name: name, Columns: header}
}

// appendField appends the column's field of a line.
func (t *csvTable) appendField(c *csvColumn, row []string) error {
	line, col := t.reader.FieldPos(c.at)
	text := row[c.at]
	place := func() string { return fmt.Sprintf("%s:%d:%d: column %q", t.name, line, col, c.field.Name) }
	if text == "" && !t.quoted(line, col) {
		if c.field.Required {
			return fmt.Errorf("%s: empty, but it is required", place())
		}
		c.AppendNull()
		return nil
	}
	if !utf8.ValidString(text) {
		return fmt.Errorf("%s: %q is not UTF-8", place(), shown([]byte(text)))
	}
	t.text = append(append(t.text[:0], text...), make([]byte, Slack)...)
	if fault := c.appendText(t.text, 0, len(text), &c.rules); fault != textOK {
		return fmt.Errorf("%s: %s", place(), fault.describe(fmt.Sprintf("%q", shown([]byte(text))), c.field.Type, c.field.Unit))
	}
	return nil
}

// quoted reports whether the field that begins at line and col, both from 1, is in quotes. encoding/csv does not tell.
func (t *csvTable) quoted(line, col int) bool {
	at := t.lines[line-1] + col - 1
	return at < len(t.data) && t.data[at] == '"'
}

// lineStarts lists the positions where lines begin.
func lineStarts(data []byte) []int {
	starts := []int{0}
	for i, c := range data {
		if c == '\n' {
			starts = append(starts, i+1)
		}
	}
	return starts
}

// readError gives the errors of encoding/csv the file's name and plain words.
func (t *csvTable) readError(err error) error {
	var parse *csv.ParseError
	if !errors.As(err, &parse) {
		return fmt.Errorf("read %s: %w", t.name, err)
	}
	if errors.Is(err, csv.ErrFieldCount) {
		return fmt.Errorf("%s:%d: the line has another number of fields than the %d columns of the header", t.name, parse.Line, len(t.header))
	}
	return fmt.Errorf("%s:%d:%d: %w", t.name, parse.Line, parse.Column, parse.Err)
}

// batch is the finished table.
func (t *csvTable) batch() *Batch {
	b := &Batch{Schema: &Schema{}}
	for _, c := range t.cols {
		b.Schema.Fields = append(b.Schema.Fields, c.field.Field)
		b.Cols = append(b.Cols, c.Vector())
		b.Rows = c.Len()
	}
	return b
}
