package jobspec

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/millrace/millrace/dstream"
)

// No text makes the parser panic or take long, and every mistake has a place in the text.
func FuzzLoad(f *testing.F) {
	for _, file := range []string{"testdata/jobs/good", "testdata/jobs/explain", "testdata/jobs/broken", "testdata/jobs/broken_more"} {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		for part := range strings.SplitSeq(string(text), "\n\n") {
			_, part, _ = strings.Cut(part, "\n") // behind the command
			input, _, _ := strings.Cut(part, "\n----")
			f.Add(input)
		}
	}
	f.Add(viewsJob)
	f.Add("a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\nd: &d [*c, *c]\ne: [*d, *d]\n")
	f.Add("a: {<<: [&a {b: 1}, *a]}\n")
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 4096 {
			return
		}
		var err error
		best := leastTime(t, func() {
			var s *Spec
			if s, err = parse(dir+"/job.yaml", []byte(text), Options{Env: lookup}); err == nil {
				_, _, err = s.Job()
			}
		})
		if best > slowest {
			t.Errorf("took %s", best)
		}
		checkPlace(t, text, err)
	})
}

func checkPlace(t *testing.T, text string, err error) {
	if err == nil {
		return
	}
	var e *dstream.Error
	if !errors.As(err, &e) {
		t.Fatalf("not an error of the job file: %v", err)
	}
	if last := strings.Count(text, "\n") + 1; e.Pos.Line > last {
		t.Errorf("line %d of %d: %v", e.Pos.Line, last, err)
	}
}
