package integration

import (
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/batch"
	"github.com/millrace/millrace/internal/jobspec"
	"github.com/millrace/millrace/internal/prooftest"
)

// shiftedClock is ahead of the machine's.
type shiftedClock struct {
	batch.Clock
	ahead time.Duration
}

// Now implements batch.Clock.
func (c shiftedClock) Now() time.Time { return c.Clock.Now().Add(c.ahead) }

// runAhead is a run of the job, in this process and its environment, on a machine whose clock is ahead of this one's, or behind it.
func (x *placed) runAhead(ahead time.Duration) {
	x.t.Helper()
	spec, err := jobspec.Load(x.job, jobspec.Options{Set: setOptions(x.options)})
	if err != nil {
		x.t.Fatal(err)
	}
	job, _, err := spec.Job()
	if err != nil {
		x.t.Fatal(err)
	}
	env := spec.Env(batch.SystemEnv())
	env.Clock = shiftedClock{env.Clock, ahead}
	if err := batch.Run(x.t.Context(), batch.Options{Job: job, Resolve: spec.Resolve, Env: env, Version: "test"}); err != nil {
		x.t.Fatal(err)
	}
}

// setOptions are the values of --set.
func setOptions(args []string) (set []string) {
	for i := 1; i < len(args); i += 2 {
		set = append(set, args[i])
	}
	return set
}

// TestClockJumpsBetweenRuns sets the clock back by an hour and by a year, and forwards by a year, between a job's runs, of which the later ones are
// the program's: no row is lost or doubled, and where the clock is behind the log it is said, once.
func TestClockJumpsBetweenRuns(t *testing.T) {
	const year = 365 * 24 * time.Hour
	for _, test := range []struct {
		name  string
		ahead time.Duration // of the first run
		said  string
	}{
		{"back by an hour", time.Hour, "1h0m before the last batch"},
		{"back by a year", year, "365 days before the last batch"},
		{"forwards by a year", -year, ""},
	} {
		for kind, place := range map[string]func(*testing.T, string) *placed{"directory": inDirectory, "bucket": inBucket} {
			t.Run(test.name+", "+kind, func(t *testing.T) {
				x := place(t, placeJob)
				setEnv(t, x.env)
				x.fill(90)
				x.runAhead(test.ahead)
				x.fill(90)
				for _, more := range [][]string{nil, {"--flush-windows"}} {
					code, stderr := x.fails(x.args("run", more...)...)
					if n := strings.Count(stderr, "the clock says "); code != 0 || n > 1 || (n == 1) != (test.said != "") || !strings.Contains(stderr, test.said) {
						t.Errorf("exit %d: %s", code, stderr)
					}
				}
				if out := x.must(x.args("verify", "--deep")...); !strings.Contains(out, "places: no difference") {
					t.Error(out)
				}
				if n := len(x.rowIDs()); n != 180 {
					t.Errorf("%d rows, want 180", n)
				}
			})
		}
	}
	prooftest.Figure(t, "clock an hour or a year back, a year forwards, between runs", "6 jobs, 0 rows lost, 0 doubled, said once")
}
