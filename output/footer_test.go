package output

import (
	"bytes"
	"testing"

	"github.com/parquet-go/parquet-go"
)

// FuzzReadFooter reads what stands under a name that should be ours: anything at all.
func FuzzReadFooter(f *testing.F) {
	var file bytes.Buffer
	w := parquet.NewGenericWriter[struct{ A int64 }](&file, parquet.KeyValueMetadata(keyRows, "abc"))
	if _, err := w.Write([]struct{ A int64 }{{1}, {2}}); err != nil {
		f.Fatal(err)
	}
	if err := w.Close(); err != nil {
		f.Fatal(err)
	}
	if rows, sum, err := readFooter(file.Bytes()); rows != 2 || sum != "abc" || err != nil {
		f.Fatalf("readFooter = %d, %q, %v", rows, sum, err)
	}
	f.Add(file.Bytes())
	f.Add([]byte("PAR1PAR1"))
	f.Add([]byte{})
	f.Fuzz(func(_ *testing.T, data []byte) {
		_, _, _ = readFooter(data) // must come back
	})
}
