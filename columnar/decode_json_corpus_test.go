package columnar

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// corpusModule has the files of the JSON Parsing Test Suite (github.com/nst/JSONTestSuite) among its tests: each is a text of which
// the name says whether a parser must take it (y), must not (n), or may do either (i).
const (
	corpusModule = "github.com/aws/smithy-go"
	corpusFiles  = "transport/http/protocol/internal/json/testdata/test_parsing/*.json"
)

// TestJSONCorpus gives decoders every text of the suite, between two good records: as a record, and as the value of a column, of one
// that is wanted and of one that is not. What the suite leaves open is as the oracle has it.
func TestJSONCorpus(t *testing.T) {
	files := corpus(t)
	counts := map[byte]int{}
	for _, path := range files {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		name, text := filepath.Base(path), string(data)
		counts[name[0]]++
		object := strings.HasPrefix(strings.TrimLeft(text, " \t\r\n"), "{")
		good := object && (name[0] == 'y' || name[0] == 'i' && oracleValid(data))
		for _, careful := range []bool{false, true} {
			checkCorpusRecord(t, name, text, good, careful)
			inside := `{"a":` + text + `,"z":"two"}`
			checkCorpusRecord(t, name+", as a value", inside, oracleValid([]byte(inside)), careful)
		}
	}
	t.Logf("%d texts of the suite that are JSON, %d that are not, %d that it leaves open", counts['y'], counts['n'], counts['i'])
	if counts['y'] < 95 || counts['n'] < 187 || counts['i'] < 35 {
		t.Errorf("the suite has had more: %v", counts)
	}
}

func corpus(t *testing.T) []string {
	t.Helper()
	out, err := exec.Command("go", "mod", "download", "-json", corpusModule).Output()
	var module struct{ Dir string }
	if err != nil || json.Unmarshal(out, &module) != nil {
		t.Skipf("skipped: %s is not there: %v", corpusModule, err)
	}
	files, err := filepath.Glob(filepath.Join(module.Dir, filepath.FromSlash(corpusFiles)))
	if err != nil || len(files) == 0 {
		t.Fatalf("%s has no %s: %v", corpusModule, corpusFiles, err)
	}
	return files
}

func checkCorpusRecord(t *testing.T, name, record string, good, careful bool) {
	t.Helper()
	for _, names := range [][]string{{"z"}, {"z", "a"}} {
		d := newDecoder(t, ysbFields(names...))
		d.careful = careful
		b, bad := appendFlush(d, recordsOf(`{"a":"before","z":"one"}`, record, `{"a":"behind","z":"three"}`))
		rows := 2
		if good {
			rows = 3
		}
		first, last := string(b.Cols[0].Str(0)), string(b.Cols[0].Str(b.Rows-1))
		if b.Rows != rows || len(bad) != 3-rows || first != "one" || last != "three" {
			t.Errorf("%s, columns %v, careful %v: %d rows, want %d, from %q to %q, bad %v", name, fmt.Sprint(names), careful, b.Rows, rows, first, last, bad)
		}
	}
}
