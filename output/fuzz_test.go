package output_test

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/integration/duckdbtest"
	"github.com/millrace/millrace/output/outputtest"
)

// bytesRow reads a row off data, and returns what is left. Behind its end everything is NULL.
func bytesRow(s *columnar.Schema, data []byte) (outputtest.Row, []byte) {
	row := make(outputtest.Row, len(s.Fields))
	take := func(n int) []byte {
		n = min(n, len(data))
		b := data[:n]
		data = data[n:]
		return b
	}
	for i, f := range s.Fields {
		head := take(1)
		if len(head) == 0 || head[0]%5 == 0 {
			continue
		}
		word := binary.LittleEndian.Uint64(append(take(int(head[0])%9), make([]byte, 8)...))
		switch f.Type.Kind {
		case columnar.Bool:
			row[i] = word%2 == 1
		case columnar.Int32, columnar.Date:
			row[i] = int64(int32(word))
		case columnar.Int64, columnar.Timestamp:
			row[i] = int64(word)
		case columnar.Float64:
			row[i] = math.Float64frombits(word)
		case columnar.Binary:
			row[i] = append([]byte{}, take(int(head[0]))...)
		default:
			row[i] = strings.ToValidUTF8(string(take(int(head[0]))), "\ufffd")
		}
	}
	return row, data
}

// duckValue is SQL that makes a text of a column, and duckText the text of its value.
func duckValue(column string, k columnar.Kind) string {
	switch k {
	case columnar.String:
		return fmt.Sprintf("hex(encode(%s))", column)
	case columnar.Binary:
		return fmt.Sprintf("hex(%s)", column)
	case columnar.Timestamp: // two values mean infinity there
		return fmt.Sprintf("CASE WHEN isfinite(%[1]s) THEN epoch_us(%[1]s)::VARCHAR ELSE %[1]s::VARCHAR END", column)
	case columnar.Date:
		return fmt.Sprintf("CASE WHEN isfinite(%[1]s) THEN datediff('day', DATE '1970-01-01', %[1]s)::VARCHAR ELSE %[1]s::VARCHAR END", column)
	}
	return column + "::VARCHAR"
}

func duckText(k columnar.Kind, v any) string {
	switch v := v.(type) {
	case nil:
		return `\N`
	case string:
		return fmt.Sprintf("%X", v)
	case []byte:
		return fmt.Sprintf("%X", v)
	case int64:
		for _, end := range map[columnar.Kind][]int64{columnar.Timestamp: {math.MaxInt64}, columnar.Date: {math.MaxInt32}}[k] {
			if v == end {
				return "infinity"
			}
			if v == -end {
				return "-infinity"
			}
		}
	}
	return fmt.Sprint(v)
}

// wantDuckRows compares what DuckDB reads in the file.
func wantDuckRows(t *testing.T, s *columnar.Schema, file []byte, rows []outputtest.Row) {
	t.Helper()
	name := filepath.ToSlash(filepath.Join(t.TempDir(), "rows.parquet"))
	if err := os.WriteFile(name, file, 0o600); err != nil {
		t.Fatal(err)
	}
	var values []string
	for _, f := range s.Fields {
		values = append(values, duckValue(fmt.Sprintf("%q", f.Name), f.Type.Kind))
	}
	got := duckdbtest.Query(t, fmt.Sprintf("SELECT %s FROM '%s'", strings.Join(values, ", "), name))
	if len(got) != len(rows) {
		t.Fatalf("DuckDB reads %d rows, want %d", len(got), len(rows))
	}
	for i, row := range rows {
		for c, v := range row {
			want, text := duckText(s.Fields[c].Type.Kind, v), got[i][c]
			if x, err := strconv.ParseFloat(text, 64); s.Fields[c].Type.Kind == columnar.Float64 && err == nil {
				text = fmt.Sprint(x)
			}
			if text != want {
				t.Fatalf("DuckDB reads %s in row %d, column %s, want %s", text, i, s.Fields[c].Name, want)
			}
		}
	}
}

// FuzzParquet writes rows and reads them back with Arrow, and every eighth time with DuckDB too, which has to be started for it. Rows come off the bytes, again and again, as often as count says,
// so that dictionaries and pages of every size are met; cut is where they are parted into batches.
func FuzzParquet(f *testing.F) {
	rng := rand.New(rand.NewPCG(3, 3))
	for n := range 6 {
		data := make([]byte, 8<<n)
		for i := range data {
			data[i] = byte(rng.Uint32())
		}
		f.Add(data, uint16(1<<(2*n)), uint16(rng.Uint32()), []uint8{0, 7, 1, 15, 2, 23}[n]) // half of them for DuckDB
	}
	f.Fuzz(func(t *testing.T, data []byte, count, cut uint16, compression uint8) {
		var rows []outputtest.Row
		for rest := data; len(rest) > 0 && len(rows) < 200; {
			var row outputtest.Row
			row, rest = bytesRow(allKinds, rest)
			rows = append(rows, row)
		}
		if len(rows) == 0 {
			return
		}
		for i := 0; len(rows) < int(count)%3000; i++ {
			rows = append(rows, rows[i])
		}
		at := int(cut) % len(rows)
		var in []*columnar.Batch
		for _, part := range [][]outputtest.Row{rows[:at], rows[at:]} {
			if len(part) > 0 {
				in = append(in, outputtest.Batch(allKinds, part...))
			}
		}
		l := newLake(t)
		cfg := l.config(flat(allKinds))
		cfg.Compression = []string{"zstd", "snappy", "none"}[compression%3]
		pr := l.write(cfg, in...)
		if len(pr.Files) != 1 || pr.Rows != int64(len(rows)) {
			t.Fatalf("%d rows in files %+v", len(rows), pr.Files)
		}
		file := l.get(pr.Files[0].Path)
		wantRows(t, readArrow(t, file).rows, rows)
		if compression%8 == 7 {
			wantDuckRows(t, allKinds, file, rows)
		}
	})
}
