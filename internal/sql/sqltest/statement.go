package sqltest

import (
	"fmt"
	"strings"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/internal/sql"
)

// Exec runs a statement that fills or sets the database:
//
//	CREATE TABLE name (column type, …, EVENT TIME column)
//	INSERT INTO name VALUES (expression, …), …
//	DROP TABLE name
//	SET TIME ZONE 'name'
func (db *Database) Exec(text string) error {
	text = strings.TrimSuffix(strings.TrimSpace(text), ";")
	words := strings.Fields(text)
	if len(words) < 3 {
		return fmt.Errorf("unknown statement %q", text)
	}
	switch strings.ToUpper(words[0] + " " + words[1]) {
	case "CREATE TABLE":
		return db.create(text)
	case "INSERT INTO":
		return db.insert(words[2], text)
	case "DROP TABLE":
		if !db.Drop(words[2]) {
			return fmt.Errorf("unknown table %q", words[2])
		}
		return nil
	case "SET TIME":
		db.Zone = strings.Trim(words[len(words)-1], "'")
		_, err := columnar.LoadZone(db.Zone)
		return err
	}
	return fmt.Errorf("unknown statement %q", text)
}

func (db *Database) create(text string) error {
	open := strings.IndexByte(text, '(')
	if open < 0 || !strings.HasSuffix(text, ")") {
		return fmt.Errorf("CREATE TABLE needs (column type, …): %q", text)
	}
	t := &table{name: strings.Fields(text[:open])[2], partitions: make([][]string, 1)}
	if db.find(t.name) != nil {
		return fmt.Errorf("table %q exists", t.name)
	}
	columns := text[open+1 : len(text)-1]
	if head, column, ok := strings.Cut(columns, "EVENT TIME "); ok {
		columns, t.eventTime = strings.TrimSuffix(strings.TrimSpace(head), ","), strings.TrimSpace(column)
	}
	var err error
	if t.fields, err = Fields(columns); err != nil {
		return err
	}
	db.tables = append(db.tables, t)
	return nil
}

// Fields reads a list of columns, "name type, …".
func Fields(list string) ([]columnar.DecodeField, error) {
	var out []columnar.DecodeField
	for _, part := range split(list, ',') {
		name, typ, _ := strings.Cut(strings.TrimSpace(part), " ")
		kind, unit, err := sql.ParseType(typ)
		if err != nil {
			return nil, fmt.Errorf("column %s: %w", name, err)
		}
		out = append(out, columnar.DecodeField{Field: columnar.Field{Name: name, Type: kind}, Unit: unit})
	}
	return out, nil
}

// insert evaluates each row as a query of its own over a table of one row.
func (db *Database) insert(name, text string) error {
	t := db.find(name)
	at := strings.Index(strings.ToUpper(text), "VALUES")
	if t == nil || at < 0 {
		return fmt.Errorf("unknown table %q, or no VALUES", name)
	}
	for _, row := range split(text[at+len("VALUES"):], ',') {
		row = strings.TrimSpace(row)
		if !strings.HasPrefix(row, "(") || !strings.HasSuffix(row, ")") {
			return fmt.Errorf("a row stands in parentheses: %q", row)
		}
		record, err := db.record(t, split(row[1:len(row)-1], ','))
		if err != nil {
			return fmt.Errorf("row %s: %w", row, err)
		}
		t.partitions[0] = append(t.partitions[0], record)
	}
	return nil
}

func (db *Database) record(t *table, values []string) (string, error) {
	if len(values) != len(t.fields) {
		return "", fmt.Errorf("%d values for %d columns", len(values), len(t.fields))
	}
	list := make([]string, len(values))
	for i, v := range values {
		list[i] = fmt.Sprintf("CAST((%s) AS %s) AS %q", v, t.fields[i].Type, t.fields[i].Name)
	}
	one := Database{Zone: db.Zone}
	one.AddTable("one_row", []columnar.DecodeField{{Field: columnar.Field{Name: "n", Type: columnar.Type{Kind: columnar.Int64}}}}, "", []string{`{"n":1}`})
	r, err := one.Query("SELECT " + strings.Join(list, ", ") + " FROM one_row")
	if err != nil {
		return "", err
	}
	records, err := r.Records()
	if err != nil {
		return "", err
	}
	return records[0], nil
}

// split cuts at a separator that stands outside of quotes and brackets.
func split(text string, sep byte) []string {
	var out []string
	depth, from, quote := 0, 0, byte(0)
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '\'' || c == '"':
			quote = c
		case c == '(' || c == '[' || c == '{' || c == '<':
			depth++
		case c == ')' || c == ']' || c == '}' || c == '>':
			depth--
		case c == sep && depth == 0:
			out = append(out, text[from:i])
			from = i + 1
		}
	}
	return append(out, text[from:])
}
