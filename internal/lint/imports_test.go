package lint

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/millrace/millrace/"

// allowed is the import graph: types flow with the data, only batch looks both ways. A package may import what lies
// upstream of it in the data path, never downstream.
var allowed = map[string][]string{
	"internal/cgroup":       {},
	"internal/failpoint":    {},
	"internal/kafka":        {},
	"internal/store":        {"internal/failpoint"},
	"internal/store/s3":     {"internal/failpoint", "internal/store"},
	"internal/yaml":         {},
	"internal/wal":          {"internal/failpoint", "internal/store"},
	"offsets":               {"internal/kafka"},
	"columnar":              {"offsets"},
	"internal/state":        {"offsets", "columnar"},
	"windows":               {"columnar", "internal/state"},
	"output":                {"internal/failpoint", "internal/kafka", "internal/parquetfile", "internal/store", "offsets", "columnar"},
	"dstream":               {"offsets", "columnar", "windows", "output"},
	"internal/sql":          {"dstream", "columnar", "windows"},
	"batch":                 {"internal/failpoint", "internal/kafka", "internal/store", "internal/wal", "internal/state", "offsets", "columnar", "windows", "output", "dstream"},
	"internal/parquettable": {"columnar"},
	"internal/deadletter":   {"internal/store", "internal/parquettable", "offsets", "columnar", "output", "dstream"},
	"internal/jobspec":      {"internal/store", "internal/store/s3", "internal/kafka", "internal/yaml", "internal/parquettable", "internal/deadletter", "internal/sql", "offsets", "columnar", "windows", "output", "dstream", "batch"},
	"cmd/millrace":          {"internal/failpoint", "internal/store", "internal/cgroup", "internal/kafka", "internal/sql", "internal/jobspec", "internal/wal", "offsets", "windows", "output", "dstream", "batch"},
	"internal/parquetfile":  {"columnar"},
	"internal/lint":         {},
	"internal/mutants":      {},
}

// outside are folders whose packages may import anything: nothing imports them.
var outside = []string{"bench", "integration", "examples"}

// source is one Go file with what the rules look at.
type source struct {
	path    string // slash-separated, from the root
	pkg     string // its folder
	test    bool
	imports []string
	text    string
}

// root is the folder of the module, from this one.
var root = filepath.Join("..", "..")

func sources(t *testing.T) []source {
	t.Helper()
	var out []source
	for _, path := range files(t, ".go") {
		s, err := load(path)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, s)
	}
	if len(out) < 50 {
		t.Fatalf("found %d Go files only", len(out))
	}
	return out
}

// files returns the paths, from this folder, of all files of the project whose names have the extension.
func files(t *testing.T, ext string) []string {
	t.Helper()
	var out []string
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && path != root && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" || d.Name() == "bin") {
			return filepath.SkipDir
		}
		if !d.IsDir() && filepath.Ext(path) == ext {
			out = append(out, path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// load parses a file in this process, so that the test cache notices every change.
func load(path string) (source, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return source{}, err
	}
	rel, err := filepath.Rel(root, path)
	if err != nil {
		return source{}, err
	}
	s := source{path: filepath.ToSlash(rel), test: strings.HasSuffix(path, "_test.go"), text: string(text)}
	s.pkg = filepath.ToSlash(filepath.Dir(rel))
	f, err := parser.ParseFile(token.NewFileSet(), path, text, parser.ImportsOnly)
	if err != nil {
		return s, err
	}
	for _, i := range f.Imports {
		name, err := strconv.Unquote(i.Path.Value)
		if err != nil {
			return s, err
		}
		s.imports = append(s.imports, name)
	}
	return s, nil
}

func (s source) isOutside() bool {
	return slices.ContainsFunc(outside, func(o string) bool { return s.pkg == o || strings.HasPrefix(s.pkg, o+"/") })
}

// doubles are packages for tests beside the package that they double, such as offsets/offsetstest.
func (s source) isDouble() bool {
	return strings.HasSuffix(s.pkg, "test") && strings.Contains(s.pkg, "/")
}

func TestImportGraph(t *testing.T) {
	seen := map[string]bool{}
	for _, s := range sources(t) {
		seen[s.pkg] = true
		if s.test || s.isOutside() || s.isDouble() {
			continue
		}
		may, known := allowed[s.pkg]
		if !known {
			t.Errorf("%s: package %s is not in the import graph; add it to allowed with what it may import", s.path, s.pkg)
			continue
		}
		for _, i := range s.imports {
			if own, ok := strings.CutPrefix(i, module); ok && !slices.Contains(may, own) {
				t.Errorf("%s: %s must not import %s", s.path, s.pkg, own)
			}
		}
	}
	for pkg := range allowed {
		if !seen[pkg] {
			t.Errorf("the import graph has a package %s, which does not exist", pkg)
		}
	}
}

// pure packages have no clock, randomness, I/O or goroutines of their own.
var pure = []string{"columnar", "windows", "internal/state"}

var impure = map[string]string{
	"os": "take bytes", "net": "take bytes", "net/http": "take bytes", "math/rand": "take values", "math/rand/v2": "take values",
	"crypto/rand": "take values", "sync": "package batch has the goroutines", "sync/atomic": "package batch has the goroutines",
	"io/ioutil": "take bytes", "context": "there is nothing to cancel",
}

// sharedValues is the one pure file that may lock: it shares immutable values between goroutines.
const sharedValues = "columnar/intern.go"

func TestPurePackages(t *testing.T) {
	for _, s := range sources(t) {
		if s.test || !slices.Contains(pure, s.pkg) {
			continue
		}
		for _, i := range s.imports {
			if instead, bad := impure[i]; bad && s.path != sharedValues {
				t.Errorf("%s: imports %s; %s", s.path, i, instead)
			}
		}
		for _, call := range []string{"time.Now(", "time.Since(", "time.After(", "time.NewTimer(", "\tgo "} {
			if strings.Contains(s.text, call) {
				t.Errorf("%s: uses %s; a pure package gets time from the plan and goroutines from package batch", s.path, strings.TrimSpace(call))
			}
		}
	}
}

// bans name what must not be used, where, and what to use instead.
var bans = []struct {
	text    string
	in      func(source) bool
	instead string
}{
	{"kafka.NewReader(", engine, "internal/kafka: Reader delivers aborted and control records"},
	{"kafka.Writer{", engine, "internal/kafka: Writer allocates for every record and cannot be transactional"},
	{"kafka.ReaderConfig", engine, "internal/kafka"},
	{"franz-go/pkg/kgo", engine, "internal/kafka; franz-go is the oracle of the tests"},
	{"TO" + "DO", all, "do it, or refuse it with a clear error"},
	{"FIX" + "ME", all, "fix it"},
	{"time.Sl" + "eep(", func(s source) bool { return s.test }, "a step, a condition or a fake clock"},
	{"RecordBuilder", engine, "columnar.Builder: the library's allocates for every value"},
	{"array.NewStringBuilder", engine, "columnar.Builder"},
	{"compute.FilterRecordBatch", engine, "a selection vector: the library's is quadratic on strings"},
}

func all(source) bool { return true }

func engine(s source) bool {
	return !s.test && !s.isOutside() && !s.isDouble() && s.pkg != "cmd/millrace"
}

func TestBans(t *testing.T) {
	for _, s := range sources(t) {
		for _, b := range bans {
			if s.pkg != "internal/lint" && b.in(s) && strings.Contains(s.text, b.text) {
				t.Errorf("%s: %s is banned; use %s", s.path, b.text, b.instead)
			}
		}
	}
}

func TestEveryPackageHasDoc(t *testing.T) {
	has := map[string]bool{}
	for _, s := range sources(t) {
		has[s.pkg] = has[s.pkg] || strings.HasSuffix(s.path, "/doc.go")
	}
	for pkg, ok := range has {
		if !ok {
			t.Errorf("%s has no doc.go: its job in a sentence, how to use it, its law", pkg)
		}
	}
}

// fileLinesMax is where a file has become two things.
const fileLinesMax = 500

func TestFilesStaySmall(t *testing.T) {
	for _, s := range sources(t) {
		if n := strings.Count(s.text, "\n"); n > fileLinesMax {
			t.Errorf("%s has %d lines, more than %d: split it by what it does", s.path, n, fileLinesMax)
		}
	}
}
