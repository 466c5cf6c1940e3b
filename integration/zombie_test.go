package integration

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/millrace/millrace/integration/duckdbtest"
	"github.com/millrace/millrace/integration/s3test"
	"github.com/millrace/millrace/internal/prooftest"
	"github.com/millrace/millrace/internal/store/s3"
)

// moments are where a job is to be stopped: each point that it comes by in its second batch, once for each phase in which it
// does, and those of its start at which it has taken the job. They are learned from a life of the job.
func (p *program) moments(t *testing.T, dir string, args ...string) []hit {
	t.Helper()
	v := p.victim(t, dir, "driver/told=stop@3", args...)
	v.stops()
	v.kill()
	type place struct {
		phase phase
		point string
	}
	seen := map[place]bool{}
	var out []hit
	var w walk
	for _, h := range v.hits() {
		w.next(h)
		at := place{w.phase, h.point}
		starting := w.batch == 0 && w.phase == recovering && h.n == 1 && h.point != "log/lock" && !strings.HasPrefix(h.point, "store/")
		if (w.batch == 2 || starting) && !seen[at] {
			out = append(out, h)
			seen[at] = true
		}
	}
	if len(out) < 20 {
		t.Fatalf("%d moments only: %v", len(out), out)
	}
	return out
}

// zombies stops one driver after the other, each at another moment. The next one takes the job over, works until it is stopped
// itself, and then the one before wakes up: it must end with exit code 5, and say who has taken over. The last driver comes to
// the end while the one before sleeps. Everything is looked at before and behind each wake-up.
func (p *program) zombies(t *testing.T, l *lookout, dir string, moments []hit, args ...string) {
	t.Helper()
	args = append(args, "--take-over")
	var asleep *victim
	for i, m := range moments {
		v := p.victim(t, filepath.Join(dir, strconv.Itoa(i)), fmt.Sprintf("%s=stop@%d", m.point, m.n), args...)
		v.stops()
		if asleep != nil {
			asleep.wake(l, v, moments[i-1])
		}
		asleep = v
	}
	last := p.victim(t, filepath.Join(dir, "last"), "", append(args, "--flush-windows")...)
	if code := last.exit(); code != 0 {
		t.Fatalf("the last driver: exit %d\n%s", code, last.said())
	}
	asleep.wake(l, last, moments[len(moments)-1])
}

// wake lets a process go on whose job another one has taken. That one sleeps, so that whatever is seen to change is the work of this one.
func (v *victim) wake(l *lookout, taker *victim, from hit) {
	v.t.Helper()
	before := l.look()
	v.signal(syscall.SIGCONT)
	code, said := v.exit(), v.said()
	after := l.look()
	by := fmt.Sprintf("process %d on ", taker.cmd.Process.Pid)
	_, rest, found := strings.Cut(said, "another run has taken this job over from epoch ")
	if code != 5 || !found || !strings.Contains(said, by) {
		v.t.Errorf("stopped at %s, hit %d: exit %d, want 5 and %q\n%s", from.point, from.n, code, by, said)
	}
	digits, _, _ := strings.Cut(rest, ":")
	epoch, _ := strconv.ParseUint(digits, 10, 64) // 0: it has not said so, and may write nothing
	if foreign := l.compare(before, after, epoch); len(foreign) > 0 {
		v.t.Errorf("stopped at %s, hit %d, and woken behind the take-over: %q", from.point, from.n, foreign)
	}
}

// TestKafkaExactlyOnceZombies stops drivers of a job with a topic and files, of one whose results change, and of one in a bucket.
func TestKafkaExactlyOnceZombies(t *testing.T) {
	duckdbtest.Need(t)
	t.Parallel() // as the kills
	t.Run("topic and files", func(t *testing.T) {
		p := newKafkaProgram(t, crashJob, 3)
		c := &crasher{t: t, p: p}
		c.fill(16_000)
		w, rows := p.watch(t), readAlong(t, filepath.Join(p.lake, "rows"), "id", p.checkpoint, crashRows)
		l := p.lookout(t)
		n := p.zombiesOfJob(t, l)
		all := p.visible(t, c.records)
		w.cancel()
		<-w.end
		if faults := append(w.faultsSoFar(), rows.end("id")...); len(faults) > 0 || len(all) != c.records {
			t.Errorf("%d records visible, want %d; faults: %.10q", len(all), c.records, faults)
		}
		checkCrashTopic(t, all)
		p.checkCrashFiles(t, c.records)
		t.Log(lastLine(p.must("verify", p.job)))
		prooftest.Figure(t, "zombies: SIGSTOP, take-over, SIGCONT; topic, files, log", "%d drivers stopped at as many moments, all ended with exit 5; %s", n, l)
	})
	t.Run("changelogs", func(t *testing.T) {
		p := newKafkaProgram(t, changelogJob, 3)
		want := p.fillTotals(t, rand.New(rand.NewPCG(1, 1)), 40_000)
		l := p.lookout(t)
		n := p.zombiesOfJob(t, l)
		view, _, _ := p.lastOfEachKey(t)
		if files := p.viewOfFiles(t); !maps.Equal(view, want) || !maps.Equal(files, want) {
			t.Errorf("the topic differs by %s, the files by %s", differing(view, want), differing(files, want))
		}
		t.Log(lastLine(p.must("verify", p.job)))
		prooftest.Figure(t, "zombies of changelogs to a topic and files", "%d drivers stopped, all ended with exit 5; %s", n, l)
	})
	t.Run("bucket", func(t *testing.T) {
		g := s3test.Start(t)
		bucket := g.Bucket(t)
		p := newKafkaProgram(t, crashJob+"s3: {endpoint: \""+g.URL+"\", path_style: true}\n", 3)
		p.env = append(append(p.env, s3test.Env()...), "LAKE=s3://"+bucket+"/lake", "CHECKPOINT=s3://"+bucket+"/cp")
		c := &crasher{t: t, p: p}
		c.fill(16_000)
		l := p.lookout(t).inBucket(g, bucket)
		n := p.zombiesOfJob(t, l)
		checkCrashTopic(t, p.visible(t, c.records))
		download(t, s3Client(t, g.URL, s3.Options{}).Bucket(bucket, "lake"), p.lake)
		p.checkCrashFiles(t, c.records)
		t.Log(lastLine(p.must("verify", p.job)))
		p.must("verify", p.job, "--deep")
		prooftest.Figure(t, "zombies of a job whose log and files are on S3", "%d drivers stopped, all ended with exit 5; %s", n, l)
	})
}

// zombiesOfJob returns how many drivers were stopped.
func (p *kafkaProgram) zombiesOfJob(t *testing.T, l *lookout) int {
	t.Helper()
	dir := filepath.Dir(p.job)
	moments := p.moments(t, filepath.Join(dir, "first"), p.job, "--available-now")
	p.zombies(t, l, filepath.Join(dir, "zombies"), moments, p.job, "--available-now")
	t.Logf("%s spent on looking", l.spent.Round(time.Millisecond))
	return len(moments)
}
