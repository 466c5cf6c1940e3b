package prooftest

import (
	"fmt"
	"testing"
)

// recorder is a test that keeps its log.
type recorder struct {
	testing.TB
	name   string
	failed bool
	log    string
}

func (r *recorder) Helper()         {}
func (r *recorder) Name() string    { return r.name }
func (r *recorder) Failed() bool    { return r.failed }
func (r *recorder) Log(args ...any) { r.log += fmt.Sprint(args...) }
func (r *recorder) Errorf(f string, a ...any) {
	r.failed, r.log = true, r.log+fmt.Sprintf(f+"; ", a...)
}

func TestFigure(t *testing.T) {
	for _, test := range []struct {
		name   string
		failed bool
		want   string
	}{
		{"TestWholeJobs", false, "proof: kills of a job | 500 kills, 0 lost"},
		{"TestWholeJobs/part/of it", false, "proof: kills of a job | 500 kills, 0 lost"},
		{"TestWholeJobs", true, "proof: kills of a job | FAILED: 500 kills, 0 lost"},
		{"TestWholeJobsToo", false, "TestWholeJobsToo prints a figure: it belongs into prooftest.Proofs; proof: kills of a job | FAILED: 500 kills, 0 lost"},
	} {
		r := &recorder{TB: t, name: test.name, failed: test.failed}
		Figure(r, "kills of\na job", "%d kills,\n\t%d lost", 500, 0)
		if r.log != test.want {
			t.Errorf("%q, want %q", r.log, test.want)
		}
	}
}
