package sqltest

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

// Tally counts the queries of a file.
type Tally struct {
	Passed, Failed int
	Skipped        map[string]int // by reason
}

// record is one entry of a file.
type record struct {
	line   int
	kind   string // statement, query, skip
	expect string // statement: ok or error; query: its column letters
	sort   string // nosort, rowsort
	label  string
	text   string
	want   []string // lines behind ----
}

// File runs a file of statements and queries in db, an empty database; failures go to t. Entries are separated by blank lines:
//
//	statement ok | statement error
//	CREATE TABLE …
//	[---- and a piece of the error's text]
//
//	query III [nosort|rowsort]
//	SELECT …
//	----
//	values of a row, separated by tabs
//
//	skip <reason>          the next entry is not run, and counted under the reason
//
// A query has a letter for each column, which is only counted: T text, I integer, R real, B boolean, and so on. Rows are
// compared in any order unless nosort is given. NULL is NULL, the empty text (empty). Lines that begin with # are
// comments.
func File(t *testing.T, path string, db Database) Tally {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	records, err := parse(string(data))
	if err != nil {
		t.Fatalf("%s:%v", path, err)
	}
	tally := Tally{Skipped: map[string]int{}}
	reason := ""
	for _, r := range records {
		switch {
		case r.kind == "skip":
			reason = r.text
			continue
		case reason != "":
			tally.Skipped[reason]++
			reason = ""
			continue
		}
		fault := r.run(&db)
		if fault != "" {
			t.Errorf("%s:%d: %s\n%s", path, r.line, r.text, fault)
		}
		switch {
		case fault != "":
			tally.Failed++
		case r.kind == "query" || r.expect == "error":
			tally.Passed++
		}
	}
	return tally
}

func parse(text string) ([]record, error) {
	var out []record
	lines := strings.Split(text, "\n")
	for i := 0; i < len(lines); i++ {
		head := strings.Fields(lines[i])
		if len(head) == 0 || strings.HasPrefix(head[0], "#") {
			continue
		}
		r := record{line: i + 1, kind: head[0], sort: "rowsort"}
		switch {
		case r.kind == "skip":
			r.text = strings.TrimSpace(strings.TrimPrefix(lines[i], "skip"))
			out = append(out, r)
			continue
		case r.kind != "statement" && r.kind != "query" || len(head) < 2:
			return nil, fmt.Errorf("%d: statement ok, statement error, query or skip, not %q", i+1, lines[i])
		}
		r.expect = head[1]
		if len(head) > 2 {
			r.sort = head[2]
		}
		var body []string
		for i++; i < len(lines) && strings.TrimSpace(lines[i]) != ""; i++ {
			body = append(body, lines[i])
		}
		if k := slices.Index(body, "----"); k >= 0 {
			r.want, body = body[k+1:], body[:k]
		}
		r.text = strings.Join(body, "\n")
		out = append(out, r)
	}
	return out, nil
}

// run returns what is wrong, "" for nothing.
func (r *record) run(db *Database) string {
	if r.kind == "query" {
		return r.query(db)
	}
	var err error
	if isStatement(r.text) {
		err = db.Exec(r.text)
	} else {
		_, err = db.Query(r.text)
	}
	switch {
	case r.expect == "ok" && err != nil:
		return "error: " + err.Error()
	case r.expect == "error" && err == nil:
		return "no error"
	case r.expect == "error" && len(r.want) > 0 && !strings.Contains(err.Error(), r.want[0]):
		return "error: " + err.Error() + "\nwant: " + r.want[0]
	}
	return ""
}

// isStatement tells what [Database.Exec] runs from queries, also broken ones.
func isStatement(text string) bool {
	word, _, _ := strings.Cut(strings.ToUpper(text), " ")
	return slices.Contains([]string{"CREATE", "INSERT", "DROP", "SET"}, word)
}

func (r *record) query(db *Database) string {
	result, err := db.Query(r.text)
	if err != nil {
		return "error: " + err.Error()
	}
	if n := len(result.Schema.Fields); n != len(r.expect) {
		return fmt.Sprintf("%d columns, want %d", n, len(r.expect))
	}
	rows, err := result.Text()
	if err != nil {
		return "error: " + err.Error()
	}
	var got []string
	for _, row := range rows {
		for i := range row {
			if row[i] == "" {
				row[i] = "(empty)"
			}
		}
		got = append(got, strings.Join(row, "\t"))
	}
	want := slices.Clone(r.want)
	if r.sort != "nosort" {
		slices.Sort(got)
		slices.Sort(want)
	}
	if !slices.Equal(got, want) {
		return "got\n" + strings.Join(got, "\n") + "\nwant\n" + strings.Join(want, "\n")
	}
	return ""
}
