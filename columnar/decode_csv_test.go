package columnar

import (
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
)

// TestDecodeCSV runs testdata/decode_csv. The input begins with the columns, then a line of dashes, then the file.
func TestDecodeCSV(t *testing.T) {
	datadriven.RunTest(t, "testdata/decode_csv", func(t *testing.T, d *datadriven.TestData) string {
		columns, file, _ := strings.Cut(d.Input+"\n", "\n--\n")
		file = strings.NewReplacer(`\r`, "\r", `\xff`, "\xff", `\ufeff`, "\ufeff").Replace(file)
		b, err := DecodeCSV("airports.csv", []byte(file), parseFields(t, columns), nil)
		if err != nil {
			return "error: " + err.Error() + "\n"
		}
		return showBatch(b)
	})
}

func TestDecodeCSVWithoutColumnsHasNoRows(t *testing.T) {
	b, err := DecodeCSV("t.csv", []byte("a\n1\n"), nil, nil)
	if err != nil || b.Rows != 0 || len(b.Cols) != 0 {
		t.Fatalf("got %d rows, %d columns, %v", b.Rows, len(b.Cols), err)
	}
}
