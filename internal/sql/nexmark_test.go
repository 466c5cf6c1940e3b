package sql_test

import (
	"encoding/csv"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/internal/sql/sqltest"
)

// The Nexmark suite: rows and results that nobody here wrote (testdata/nexmark/data/README.md says whose they are), and
// its queries in our SQL. A query begins with comments: "-- static: table" makes a table static, "-- refused: word" says
// that the query is refused and which word the message has.

// nexmarkData is where the rows lie. A checkout of the suite beside the project wins over the copy.
func nexmarkData(t *testing.T) string {
	const suite, kept = "../../../shared/suites/nexmark", "testdata/nexmark/data"
	if _, err := os.Stat(filepath.Join(suite, "bid.jsonl")); err == nil {
		t.Log("rows and results of", suite)
		return suite
	}
	t.Logf("%s is absent: rows and results of the copy in %s", suite, kept)
	return kept
}

var nexmarkColumns = map[string]string{
	"person":  "id bigint, name string, email_address string, credit_card string, city string, state string, date_time timestamp, extra string",
	"auction": "id bigint, item_name string, description string, initial_bid bigint, reserve bigint, date_time timestamp, expires timestamp, seller bigint, category bigint, extra string",
	"bid":     "auction bigint, bidder bigint, price bigint, channel string, url string, date_time timestamp, extra string",
}

// nexmark is a database of the three tables, each as a topic unless it is named static.
func nexmark(t *testing.T, data, static string) *sqltest.Database {
	db := &sqltest.Database{}
	for name, columns := range nexmarkColumns {
		fields, err := sqltest.Fields(columns)
		if err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(filepath.Join(data, name+".jsonl"))
		if err != nil {
			t.Fatal(err)
		}
		records := strings.Split(strings.TrimSpace(string(text)), "\n")
		if name == static {
			db.AddStatic(name, fields, records)
		} else {
			db.AddTable(name, fields, "date_time", records)
		}
	}
	return db
}

func TestNexmark(t *testing.T) {
	data := nexmarkData(t)
	files, err := filepath.Glob("testdata/nexmark/q*.sql")
	if err != nil || len(files) < 26 {
		t.Fatalf("%d queries, %v", len(files), err)
	}
	var passed, refused []string
	for _, path := range files {
		name := strings.TrimSuffix(filepath.Base(path), ".sql")
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		ok := t.Run(name, func(t *testing.T) {
			if word := marked(string(text), "refused"); word != "" {
				checkRefused(t, nexmark(t, data, ""), string(text), word)
				refused = append(refused, name)
				return
			}
			checkNexmark(t, nexmark(t, data, marked(string(text), "static")), string(text), filepath.Join(data, "expected", name+".csv"))
			passed = append(passed, name)
		})
		if !ok {
			t.Logf("%s failed", name)
		}
	}
	t.Logf("%d queries give the suite's rows: %s", len(passed), strings.Join(passed, " "))
	t.Logf("%d are refused by name: %s", len(refused), strings.Join(refused, " "))
	for _, must := range strings.Fields("q0 q1 q2 q5 q14 q15 q16 q17 q21 q22 q101 q102 q103 q104 q105 q106") {
		if !slices.Contains(passed, must) {
			t.Errorf("%s must pass", must)
		}
	}
}

// marked is what stands behind "-- key: " in the comments of a query.
func marked(text, key string) string {
	for _, line := range strings.Split(text, "\n") {
		if value, ok := strings.CutPrefix(line, "-- "+key+": "); ok {
			return value
		}
	}
	return ""
}

func checkRefused(t *testing.T, db *sqltest.Database, text, word string) {
	_, err := db.Query(text)
	if err == nil || !strings.Contains(strings.ToLower(err.Error()), strings.ToLower(word)) {
		t.Errorf("%v; want a refusal that names %s", err, word)
		return
	}
	t.Logf("refused: %v", err)
}

// checkNexmark compares the rows as bags, with one batch, and cut into batches of seven rows.
func checkNexmark(t *testing.T, db *sqltest.Database, text, expected string) {
	want, err := readCSV(expected)
	if err != nil {
		t.Fatal(err)
	}
	for _, cut := range []int64{0, 7} {
		db.Cut = cut
		r, err := db.Query(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(r.Schema.Names(), ","); got != strings.Join(want[0], ",") {
			t.Errorf("columns %s, want %s", got, strings.Join(want[0], ","))
		}
		rows, err := r.Text()
		if err != nil {
			t.Fatal(err)
		}
		got, wanted := nexmarkRows(rows, r.Schema), nexmarkRows(want[1:], r.Schema)
		if !slices.Equal(got, wanted) {
			t.Errorf("batches of %d rows: got\n%s\nwant\n%s", cut, strings.Join(got, "\n"), strings.Join(wanted, "\n"))
		}
	}
	t.Logf("%d rows", len(want)-1)
}

func readCSV(path string) ([][]string, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return csv.NewReader(f).ReadAll()
}

// nexmarkRows writes the rows in one spelling, sorted: runs of blanks are one, times have all digits, numbers are cut to
// twelve digits.
func nexmarkRows(rows [][]string, s *columnar.Schema) []string {
	out := make([]string, len(rows))
	for i, row := range rows {
		cells := make([]string, len(row))
		for c, v := range row {
			cells[c] = nexmarkCell(v, s.Fields[c].Type)
		}
		out[i] = strings.Join(cells, ",")
	}
	slices.Sort(out)
	return out
}

func nexmarkCell(v string, t columnar.Type) string {
	switch {
	case v == "NULL":
		return v
	case t.Kind == columnar.Timestamp:
		at, err := time.Parse("2006-01-02 15:04:05.999999", strings.TrimSuffix(v, "+00"))
		if err != nil {
			return err.Error()
		}
		return at.Format("2006-01-02 15:04:05.000")
	case t.Numeric():
		x, ok := new(big.Float).SetPrec(200).SetString(v)
		if !ok {
			return "no number: " + v
		}
		return fmt.Sprintf("%.12g", x)
	}
	return strings.Join(strings.Fields(v), " ")
}
