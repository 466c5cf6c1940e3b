package output_test

import (
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/output"
	"github.com/millrace/millrace/output/outputtest"
)

// TestFilesInPieces: a large file is kept in pieces, a row group each, and is the same however its rows are cut into batches; it is
// found there when it comes again.
func TestFilesInPieces(t *testing.T) {
	var want []byte
	for _, cut := range []int{1, 700, 1024, 5000} {
		dir := t.TempDir()
		l := output.Layout{Schema: outputtest.Layout().Schema, Columns: []int{0, 1}}
		sink, err := output.OpenParquet(t.Context(), output.ParquetConfig{Sink: "out", Store: &store.Local{Root: dir}, Owner: outputtest.Me, Layout: l})
		if err != nil {
			t.Fatal(err)
		}
		var rows []*columnar.Batch
		for i := 0; i < 5000; {
			var some []outputtest.Row
			for ; len(some) < cut && i < 5000; i++ {
				some = append(some, outputtest.Row{fmt.Sprint(i) + noise(i), int64(i)})
			}
			rows = append(rows, outputtest.Batch(l.Schema, some...))
			if cut == 1 && i >= 50 { // the rest in one
				cut = 5000
			}
		}
		kept := 0
		i := info(1)
		i.Keep = func(data []byte) ([]byte, error) { kept++; return data, nil }
		for range 2 {
			p, err := sink.Prepare(t.Context(), i, []output.Shard{{Rows: rows}}, nil)
			if err == nil {
				err = sink.Publish(t.Context(), p)
			}
			if err != nil || len(p.Files) != 1 {
				t.Fatalf("%d files, %v", len(p.Files), err)
			}
			got, err := os.ReadFile(filepath.Join(dir, p.Files[0].Path))
			if err != nil || int64(len(got)) != p.Files[0].Bytes {
				t.Fatalf("%d bytes, %v, the manifest has %d", len(got), err, p.Files[0].Bytes)
			}
			if want == nil {
				want = got
			}
			if string(got) != string(want) {
				t.Errorf("batches of %d rows: another file", cut)
			}
		}
		if kept < 6 {
			t.Errorf("%d pieces of two files", kept)
		}
	}
}

// noise does not compress.
func noise(seed int) string {
	rng := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8)})
	text := make([]byte, 7_500)
	_, _ = rng.Read(text)
	return base64.StdEncoding.EncodeToString(text)
}
