package prooftest

import (
	"fmt"
	"testing"
)

// recorder is a test that keeps its log.
type recorder struct {
	testing.TB
	failed bool
	log    string
}

func (r *recorder) Helper()         {}
func (r *recorder) Failed() bool    { return r.failed }
func (r *recorder) Log(args ...any) { r.log += fmt.Sprint(args...) }

func TestFigure(t *testing.T) {
	for _, test := range []struct {
		failed bool
		want   string
	}{
		{false, "proof: kills of a job | 500 kills, 0 lost"},
		{true, "proof: kills of a job | FAILED: 500 kills, 0 lost"},
	} {
		r := &recorder{TB: t, failed: test.failed}
		Figure(r, "kills of\na job", "%d kills,\n\t%d lost", 500, 0)
		if r.log != test.want {
			t.Errorf("%q, want %q", r.log, test.want)
		}
	}
}
