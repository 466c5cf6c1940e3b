package output

import (
	"encoding/json"
	"slices"
	"testing"
)

// FuzzMerged: whatever is said to be a merged manifest is refused, or has batches of its span, in order, each once; and is written the
// same again. Names are read if they are those that are written.
func FuzzMerged(f *testing.F) {
	f.Add("_millrace/manifest/000000000004-000000000001.json", []byte(`{"format":2,"job":"j","checkpoint_id":"c","first_batch":1,"last_batch":4,"batches":[
{"batch":1,"files":[{"path":"a.parquet","rows":1,"bytes":2,"rows_sha256":"x"}]},
{"batch":4,"files":[]}]}`))
	f.Add("_millrace/manifest/999999999999.json", []byte(`{"format":2,"files":"merged"}`))
	f.Add("_millrace/manifest/000000000001-000000000004.json", []byte(`{"format":3}`))
	f.Fuzz(func(t *testing.T, name string, data []byte) {
		s, ok := mergedSpan(name)
		if ok && (s.name() != name || s.first < 1 || s.first > s.last || manifestBatch(name) != 0 || newestIn(name) != s.last) {
			t.Fatalf("%q is read as %+v", name, s)
		}
		if !ok {
			s = span{1, 4}
		}
		_ = checkMark(data)
		m, err := decodeMerged(data, s)
		if err != nil {
			return
		}
		var lines [][]byte
		for i, e := range m.Batches {
			if !s.holds(e.Batch) || i > 0 && e.Batch <= m.Batches[i-1].Batch {
				t.Fatalf("batch %d at place %d of %+v", e.Batch, i, s)
			}
			line, err := json.Marshal(e)
			if err != nil {
				t.Fatal(err)
			}
			lines = append(lines, line)
		}
		again, err := encodeMerged(m.Owner, s, lines)
		if err != nil {
			t.Fatal(err)
		}
		have, err := decodeMerged(again, s)
		if err != nil || have.Owner != m.Owner || !slices.EqualFunc(have.Batches, m.Batches, func(a, b entries) bool { return a.Batch == b.Batch && slices.Equal(a.Files, b.Files) }) {
			t.Fatalf("%v: %q, behind %q", err, again, data)
		}
	})
}
