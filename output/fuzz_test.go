package output_test

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/millrace/millrace/columnar"
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

// FuzzParquet writes rows and reads them back with Arrow. Rows come off the bytes, again and again, as often as count says,
// so that dictionaries and pages of every size are met; cut is where they are parted into batches.
func FuzzParquet(f *testing.F) {
	rng := rand.New(rand.NewPCG(3, 3))
	for n := range 6 {
		data := make([]byte, 8<<n)
		for i := range data {
			data[i] = byte(rng.Uint32())
		}
		f.Add(data, uint16(1<<(2*n)), uint16(rng.Uint32()), uint8(n))
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
		wantRows(t, readArrow(t, l.get(pr.Files[0].Path)).rows, rows)
	})
}
