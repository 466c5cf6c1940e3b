package batch

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"math"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/apache/arrow/go/v17/parquet/file"
	"github.com/apache/arrow/go/v17/parquet/pqarrow"

	"github.com/millrace/millrace/output"
)

// simRow is a row as text, apart from its doubles, which depend in their last bits on how the input was cut.
type simRow struct {
	text    string // name=value of each column, by name
	doubles []float64
}

// newSimRow makes a row of pairs of name and value.
func newSimRow(pairs ...any) simRow {
	type column struct {
		name  string
		value any
	}
	var cols []column
	for i := 0; i < len(pairs); i += 2 {
		cols = append(cols, column{pairs[i].(string), pairs[i+1]})
	}
	slices.SortFunc(cols, func(a, b column) int { return strings.Compare(a.name, b.name) })
	var r simRow
	for _, c := range cols {
		if x, ok := c.value.(float64); ok {
			r.doubles = append(r.doubles, x)
			continue
		}
		r.text += fmt.Sprintf("%s=%v ", c.name, c.value)
	}
	return r
}

// int is the value of one of the row's integers.
func (r simRow) int(t testing.TB, column string) int64 {
	t.Helper()
	for _, cell := range strings.Fields(r.text) {
		if name, value, _ := strings.Cut(cell, "="); name == column {
			n, err := strconv.ParseInt(value, 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
	}
	t.Fatalf("row %s has no column %s", r.text, column)
	return 0
}

func compareSimRows(a, b simRow) int {
	return cmp.Or(strings.Compare(a.text, b.text), slices.Compare(a.doubles, b.doubles))
}

// equalRows compares rows of jobs that were cut in different ways: doubles may differ by rounding.
func equalRows(a, b simRow) bool {
	return a.text == b.text && slices.EqualFunc(a.doubles, b.doubles, func(x, y float64) bool {
		return math.Abs(x-y) <= 1e-11*math.Max(math.Abs(x), math.Abs(y))
	})
}

// exactRows compares rows to the bit.
func exactRows(a, b simRow) bool {
	return a.text == b.text && slices.EqualFunc(a.doubles, b.doubles, func(x, y float64) bool { return math.Float64bits(x) == math.Float64bits(y) })
}

// expected is what the query means for all events of the world.
func (w *world) expected(q simQuery) []simRow {
	ads := map[string]string{}
	for _, line := range strings.Split(strings.TrimSpace(w.ads), "\n")[1:] {
		ad, campaign, _ := strings.Cut(line, ",")
		ads[ad] = campaign
	}
	var rows []simRow
	if q.late != "" {
		rows = w.expectedLate(q, ads)
	} else {
		rows = q.oracle(w.events, ads)
	}
	if q.aside != "" {
		rows = append(rows, w.dead...)
	}
	slices.SortFunc(rows, compareSimRows)
	return rows
}

// wantRows checks that a reader of the output sees these rows, each once.
func (w *world) wantRows(what string, want []simRow, equal func(a, b simRow) bool) {
	w.t.Helper()
	got := w.rows()
	if slices.EqualFunc(got, want, equal) {
		return
	}
	w.t.Fatalf("%s: %s", what, firstDifference(got, want, equal))
}

func firstDifference(got, want []simRow, equal func(a, b simRow) bool) string {
	for i := range min(len(got), len(want)) {
		if !equal(got[i], want[i]) {
			return fmt.Sprintf("%d rows, want %d; row %d is %s %v, want %s %v", len(got), len(want), i, got[i].text, got[i].doubles, want[i].text, want[i].doubles)
		}
	}
	return fmt.Sprintf("%d rows, want %d", len(got), len(want))
}

// files are the data files that a reader sees who looks for *.parquet, temporary ones included if their names let him.
func (w *world) files() map[string][]byte {
	w.t.Helper()
	if w.objects != nil {
		return w.objectFiles()
	}
	out := map[string][]byte{}
	w.walk(simOutput, out)
	return out
}

func (w *world) walk(dir string, out map[string][]byte) {
	entries, err := w.disk.ReadDir(dir)
	if err != nil {
		return // no output yet
	}
	for _, e := range entries {
		name := path.Join(dir, e.Name())
		if e.IsDir() {
			w.walk(name, out)
			continue
		}
		if strings.HasSuffix(name, ".parquet") {
			data, err := w.disk.ReadFile(name)
			if err != nil {
				w.t.Fatal(err)
			}
			out[strings.TrimPrefix(name, simOutput+"/")] = data
		}
	}
}

// simFile is a file that was read already.
type simFile struct {
	data []byte
	rows []simRow
}

// rows are all rows that a reader sees, sorted.
func (w *world) rows() []simRow {
	w.t.Helper()
	var out []simRow
	for name, data := range w.files() {
		known, ok := w.read[name]
		if !ok || !bytes.Equal(known.data, data) {
			rows, err := parquetRows(name, data)
			if err != nil {
				w.t.Fatalf("a reader can't read %s: %v", name, err)
			}
			known = simFile{data, rows}
			w.read[name] = known
		}
		out = append(out, known.rows...)
	}
	if w.kafka != nil {
		out = append(out, w.topicRows()...)
	}
	if w.printed != nil {
		out = append(out, w.printedRows()...)
	}
	slices.SortFunc(out, compareSimRows)
	return out
}

// parquetRows reads a file with Arrow's reader, and the partition columns from its directories.
func parquetRows(name string, data []byte) ([]simRow, error) {
	f, err := file.NewParquetReader(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	r, err := pqarrow.NewFileReader(f, pqarrow.ArrowReadProperties{BatchSize: 1000}, memory.DefaultAllocator)
	if err != nil {
		return nil, err
	}
	table, err := r.ReadTable(context.Background())
	if err != nil {
		return nil, err
	}
	defer table.Release()
	pairs := make([][]any, table.NumRows())
	for i := range pairs {
		for _, dir := range strings.Split(path.Dir(name), "/") {
			if key, value, ok := strings.Cut(dir, "="); ok {
				pairs[i] = append(pairs[i], key, value)
			} else if dir != "." {
				pairs[i] = append(pairs[i], "sink", dir)
			}
		}
	}
	for c := range int(table.NumCols()) {
		if table.Schema().Field(c).Name == "batch" { // of dead letters: it depends on the cuts
			if err := inBatch(name, table.Column(c)); err != nil {
				return nil, err
			}
			continue
		}
		i := 0
		for _, chunk := range table.Column(c).Data().Chunks() {
			for j := range chunk.Len() {
				pairs[i] = append(pairs[i], table.Schema().Field(c).Name, arrowCell(chunk, j))
				i++
			}
		}
	}
	rows := make([]simRow, len(pairs))
	for i, p := range pairs {
		rows[i] = newSimRow(p...)
	}
	return rows, nil
}

// inBatch checks that a column holds batches of its file.
func inBatch(name string, c *arrow.Column) error {
	first, last, ok := output.BatchesOf(name, "sim")
	for _, chunk := range c.Data().Chunks() {
		for i := range chunk.Len() {
			if got := chunk.(*array.Int64).Value(i); got < first || got > last || !ok {
				return fmt.Errorf("a row of batch %d", got)
			}
		}
	}
	return nil
}

func arrowCell(a arrow.Array, i int) any {
	if a.IsNull(i) {
		return "NULL"
	}
	switch a := a.(type) {
	case *array.Int64:
		return a.Value(i)
	case *array.Float64:
		return a.Value(i)
	case *array.String:
		return simReason(strings.Clone(a.Value(i)))
	case *array.Timestamp:
		return int64(a.Value(i))
	}
	return a.ValueStr(i)
}

// wantText checks that an error says all of parts.
func wantText(t testing.TB, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want one that says %q", parts)
	}
	for _, p := range parts {
		if !strings.Contains(err.Error(), p) {
			t.Errorf("error %q does not say %q", err, p)
		}
	}
}
