package jobspec

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
)

// workDir is a directory with what the test files name, and the current one while the test runs, so that messages have
// short paths.
func workDir(t testing.TB) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"ads.csv":      "ad_id,campaign_id\na,c\n",
		"secret":       "kafka-from-file:9092\n",
		"password":     "hunter2\n",
		"ad_views.sql": "SELECT ad_id\nFROM events\nWHERE prise > 1\n",
	} {
		write(t, filepath.Join(dir, name), text)
	}
	t.Chdir(dir)
	return dir
}

func write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

var testEnv = map[string]string{"TOPIC": "ad-events", "EMPTY": "", "LEVEL": "7", "TYPE": "view", "TWO_LINES": "a\nname: b"}

func lookup(name string) (string, bool) {
	v, ok := testEnv[name]
	return v, ok
}

// load goes all the way that validate goes.
func load(t testing.TB, text string, sets ...string) (*Spec, error) {
	t.Helper()
	write(t, "job.yaml", text)
	s, err := Load("job.yaml", Options{Env: lookup, Set: sets})
	if err != nil {
		return nil, err
	}
	_, _, err = s.Job()
	return s, err
}

// edited is base with the lines behind "-" replaced by those behind "+" that follow them.
func edited(t testing.TB, base, edit string) string {
	t.Helper()
	var old, now []string
	apply := func() {
		if len(old) == 0 {
			return
		}
		from := strings.Join(old, "\n") + "\n"
		if strings.Count(base, from) != 1 {
			t.Fatalf("the base holds %d times:\n%s", strings.Count(base, from), from)
		}
		base = strings.Replace(base, from, strings.Join(append(now, ""), "\n"), 1)
		old, now = nil, nil
	}
	for line := range strings.SplitSeq(edit, "\n") {
		switch {
		case strings.HasPrefix(line, "-"):
			if len(now) > 0 {
				apply()
			}
			old = append(old, line[1:])
		case strings.HasPrefix(line, "+"):
			now = append(now, line[1:])
		default:
			t.Fatalf("line %q begins with neither - nor +", line)
		}
	}
	apply()
	return base
}

// Commands, all of which go the way of validate and print the error as the command line does, or:
//
//	spec   reads a whole file and prints it as it counts;
//	base   reads a whole file and keeps it for
//	edit   which changes lines of it, and
//	set    which passes each line as --set; both print what then differs.
//
// What is read is read again: from what it is printed as, and from what a checkpoint records of it.
//
//	explain  reads a whole file and says what the job does, with warnings.
//
// In edit, \t stands for a tab and \xff for the byte.
func TestJobFiles(t *testing.T) {
	datadriven.Walk(t, testdata(t, "jobs"), func(t *testing.T, path string) {
		dir := workDir(t)
		base, baseOut := "", ""
		editor := &verdicts{t: t, schema: compiledSchema(t)}
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			text := d.Input + "\n"
			var sets []string
			switch d.Cmd {
			case "base", "spec", "explain":
			case "edit":
				text = strings.NewReplacer(`\t`, "\t", `\xff`, "\xff").Replace(edited(t, base, d.Input))
			case "set":
				text, sets = base, strings.Split(d.Input, "\n")
			default:
				d.Fatalf(t, "unknown command %q", d.Cmd)
			}
			s, err := load(t, text, sets...)
			if len(sets) == 0 {
				editor.see(text, err)
			}
			if err != nil {
				return strings.ReplaceAll(Explain(err), dir, "$DIR") + "\n"
			}
			readAgain(t, s)
			out := strings.ReplaceAll(s.Resolved(), dir, "$DIR")
			switch d.Cmd {
			case "spec":
				return out
			case "explain":
				return strings.ReplaceAll(whatItDoes(t, s), dir, "$DIR")
			case "base":
				base, baseOut = text, out
				return "ok\n"
			}
			return "ok\n" + difference(baseOut, out)
		})
		t.Logf("the schema refuses %d of %d broken files", editor.underlined, editor.broken)
		if editor.underlined < editor.broken/3 && editor.broken > 10 {
			t.Error("it should refuse a third of them at least")
		}
	})
}

// whatItDoes is what explain says of a job.
func whatItDoes(t testing.TB, s *Spec) string {
	t.Helper()
	plan, warnings, err := s.Plan()
	if err != nil {
		t.Fatal(err)
	}
	text, err := s.Describe(plan)
	if err != nil {
		t.Fatal(err)
	}
	more, err := s.Warnings(plan)
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range append(warnings, more...) {
		text += w.String() + "\n"
	}
	return text
}

// testdata is the absolute path of what the test files hold: the current directory changes.
func testdata(t testing.TB, name string) string {
	t.Helper()
	dir, err := filepath.Abs(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// difference is the lines of b that are not in a.
func difference(a, b string) string {
	have := map[string]bool{}
	for line := range strings.Lines(a) {
		have[line] = true
	}
	var out strings.Builder
	for line := range strings.Lines(b) {
		if !have[line] {
			out.WriteString(line)
		}
	}
	return out.String()
}

// readAgain reads what a job is printed as, and what is recorded of it, and wants the same job.
func readAgain(t testing.TB, s *Spec) {
	t.Helper()
	job, _, err := s.Job()
	if err != nil {
		t.Fatal(err)
	}
	if old, err := s.readRecord(job.Recorded); err != nil || old.Resolved() != s.Resolved() {
		t.Errorf("%v: recorded as\n%s\nnot\n%s", err, old.Resolved(), s.Resolved())
	}
	resolved, err := s.Resolve(job.Recorded)
	if err != nil {
		t.Fatalf("%v in\n%s", err, job.Recorded)
	}
	if resolved.Hash != job.Hash || resolved.Plan.String() != job.Plan.String() {
		t.Errorf("recorded as\n%s\nnot\n%s", resolved.Plan, job.Plan)
	}
	if strings.Contains(s.Resolved(), "***") {
		return
	}
	again, err := parse("resolved.yaml", []byte(s.Resolved()), Options{Env: lookup})
	if err != nil {
		t.Fatalf("%v in\n%s", err, s.Resolved())
	}
	if again.Resolved() != s.Resolved() {
		t.Errorf("read again it is\n%s\nnot\n%s", again.Resolved(), s.Resolved())
	}
}
