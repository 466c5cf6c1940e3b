package arrowtest

import (
	"bytes"
	"encoding/binary"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/millrace/millrace/integration/pylib"
)

const version = "25.0.1"

var install = sync.OnceValues(pylib.Library{Name: "pyarrow-" + version, Packages: []string{"pyarrow==" + version},
	Version: version, Show: "import pyarrow; print(pyarrow.__version__)"}.Install)

// script validates streams, each with its length in front, and prints the number of rows of each.
const script = `
import sys, struct, pyarrow.ipc
while head := sys.stdin.buffer.read(8):
    data = sys.stdin.buffer.read(struct.unpack("<Q", head)[0])
    rows = 0
    for batch in pyarrow.ipc.open_stream(data):
        batch.validate(full=True)
        rows += batch.num_rows
    print(rows)
`

// Need returns when Arrow can be used, else it skips or fails the test.
func Need(t testing.TB) {
	t.Helper()
	if _, err := install(); err != nil {
		if os.Getenv("MILLRACE_REQUIRE_ARROW") == "1" {
			t.Fatalf("pyarrow is required: %v", err)
		}
		t.Skipf("skipped: no pyarrow: %v", err)
	}
}

// Validate reads Arrow IPC streams and validates every array in them in full, and returns how many rows each stream has, or what
// Arrow says is wrong with one.
func Validate(t testing.TB, streams [][]byte) (rows []int, complaint string) {
	t.Helper()
	Need(t)
	lib, err := install()
	if err != nil {
		t.Fatal(err)
	}
	var in, stderr bytes.Buffer
	for _, s := range streams {
		in.Write(binary.LittleEndian.AppendUint64(nil, uint64(len(s))))
		in.Write(s)
	}
	cmd := exec.Command("python3", "-c", script)
	cmd.Env = append(os.Environ(), "PYTHONPATH="+lib)
	cmd.Stdin, cmd.Stderr = &in, &stderr
	out, err := cmd.Output()
	for line := range strings.FieldsSeq(string(out)) {
		n, err := strconv.Atoi(line)
		if err != nil {
			t.Fatalf("Arrow answers %q", line)
		}
		rows = append(rows, n)
	}
	if err != nil {
		return rows, err.Error() + "\n" + stderr.String()
	}
	return rows, ""
}
