package batch

import "testing"

// TestReplayApart keeps a replay out of what the job wrote to when it planned the batches, whatever it writes to by now.
func TestReplayApart(t *testing.T) {
	w := newWorld(t, 1)
	w.generate(40)
	w.mustRun(w.job(stateless))
	moved := w.job(stateless)
	moved.Sinks[0].Place = "/moved"
	for _, into := range []string{"/", simOutput, simOutput + "/below"} {
		_, _, err := w.replay(moved, func(o *ReplayOptions) { o.Into = into })
		wantError[*RefusedError](t, err, "replay batch 1: "+into+" overlaps with "+simOutput+", which sink lake of the job wrote to then")
	}
	if out, _, err := w.replay(moved, func(o *ReplayOptions) { o.Into = simOutput + "-beside" }); err != nil || out.Differences > 0 {
		t.Errorf("beside the output: %+v, %v", out, err)
	}
	for _, test := range []struct {
		a, b string
		want bool
	}{
		{"s3://lake/a", "s3://lake/a", true},
		{"s3://lake", "s3://lake/a", true},
		{"s3://lake/a/b", "s3://lake/a", true},
		{"s3://lake/ab", "s3://lake/a", false},
		{"s3://lake2/a", "s3://lake", false},
		{"/lake/a", "s3://lake/a", false},
	} {
		if got := Overlap(test.a, test.b); got != test.want {
			t.Errorf("%s and %s: %t", test.a, test.b, got)
		}
	}
}
