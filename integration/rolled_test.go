package integration

import (
	"fmt"
	"maps"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/millrace/millrace/integration/duckdbtest"
	"github.com/millrace/millrace/integration/s3test"
	"github.com/millrace/millrace/internal/prooftest"
	"github.com/millrace/millrace/internal/store/s3"
	"github.com/millrace/millrace/output"
)

// rolls makes the files of a job roll over batches.
func rolls(job string, rows int) string {
	return strings.ReplaceAll(job, `"}}`, fmt.Sprintf(`", file: {max_age: 1h, max_rows: %d}}}`, rows))
}

// rolledSteps are points by which a batch of such a job comes while files are open: its rows wait, are kept, are read for their
// file, become visible, are not needed any more.
var rolledSteps = []string{"driver/planned", "source/fetch", "pending/load", "driver/publish", "parquet/file", "store/linked", "driver/next-sink",
	"pending/keep", "driver/commit", "driver/committed", "driver/told", "pending/remove"}

// killedRolling kills a job at these, in turn, and returns in how many lives rows waited for their file then.
func (p *program) killedRolling(t *testing.T, kills int, steps []string, waiting func() bool, args ...string) (open int) {
	t.Helper()
	dir := t.TempDir()
	for i := range kills {
		at := 1 + (i+i/len(steps))%2
		if steps[i%len(steps)] == "store/linked" {
			at = 12 + i%7 // behind those of lock and log
		}
		v := p.victim(t, filepath.Join(dir, strconv.Itoa(i)), fmt.Sprintf("%s=stop@%d", steps[i%len(steps)], at), args...)
		v.stops()
		v.kill()
		if waiting() {
			open++
		}
	}
	return open
}

// waits reports whether rows wait for their file, by the log.
func (p *program) waits(t *testing.T) bool {
	t.Helper()
	return len(p.inspect(t).History.Pending) > 0
}

// spans is how many files have rows of several batches.
func spans(names map[string]string, job string) (n int) {
	for name := range names {
		if first, last, ok := output.BatchesOf(name, job); ok && first < last {
			n++
		}
	}
	return n
}

// TestRolledKafkaKilled kills the program on a real broker while files are open whose rows are of several batches: a reader who lists the
// files all the while sees no row twice and no file go; DuckDB finds all rows in the end; verify finds no difference, and a replay
// makes the same bytes.
func TestRolledKafkaKilled(t *testing.T) {
	duckdbtest.Need(t)
	c := &crasher{t: t, p: newKafkaProgram(t, rolls(crashJob, 350), 3)}
	c.fill(3000)
	rows := readAlong(t, filepath.Join(c.p.lake, "rows"), "id", "", 0)
	kills := len(rolledSteps)
	open := c.p.killedRolling(t, kills, rolledSteps, func() bool { return c.p.waits(t) }, c.p.job, "--available-now")
	c.p.must("run", c.p.job, "--available-now", "--flush-windows", "--set", "limits.rows=20000")
	if faults := rows.end("id"); len(faults) > 0 {
		t.Errorf("faults: %.10q", faults)
	}
	checkCrashTopic(t, c.p.visible(t, c.records))
	c.p.checkCrashFiles(t, c.records)
	if c.p.waits(t) {
		t.Error("rows wait for their file behind the end")
	}
	x := placedFiles(t, c.p.lake)
	if out := c.p.must("verify", c.p.job); !strings.Contains(out, "no difference") {
		t.Error(out)
	}
	into := t.TempDir()
	if out := c.p.must("replay", c.p.job, "--quiet", "--into", into); !strings.Contains(out, "all as published") {
		t.Error(out)
	}
	wantSameObjects(t, x, placedFiles(t, into))
	n := spans(x, crashName)
	if open < kills/2 || n < 3 {
		t.Errorf("rows waited in %d of %d kills; %d files span batches", open, kills, n)
	}
	prooftest.Figure(t, "rolled files: kill -9 on Kafka", "%d kills, %d while rows wait for their file, %d files with rows of several batches: 0 lost, 0 doubled", kills, open, n)
}

// placedFiles are the files below a directory.
func placedFiles(t *testing.T, dir string) map[string]string {
	t.Helper()
	return (&placed{t: t, store: output.Dir(dir)}).objects("")
}

// TestRolledS3 kills the program while checkpoint, open files and output are in a bucket, and reads back, verifies and replays into another
// one what is there in the end.
func TestRolledS3(t *testing.T) {
	x := inBucket(t, rolls(placeJob, 90))
	g := s3test.Start(t)
	x.fill(600)
	steps := []string{"pending/keep", "s3/created", "driver/commit", "pending/load", "parquet/file", "pending/remove"}
	held := func() bool { return len(x.objects("cp/pending/")) > 0 }
	open := x.killedRolling(t, len(steps), steps, held, append(x.args("")[1:], "--take-over")...)
	if out := x.must(x.args("verify")...); !strings.Contains(out, "are in no file yet") {
		t.Error(out)
	}
	x.must(x.args("run", "--take-over", "--flush-windows")...)
	if n := len(x.rowIDs()); n != x.records {
		t.Errorf("%d rows, want %d", n, x.records)
	}
	if held() {
		t.Error("the checkpoint still has rows that are in files")
	}
	if out := x.must(x.args("verify", "--deep")...); !strings.Contains(out, "no difference") {
		t.Error(out)
	}
	want := x.outputs()
	bucket := g.Bucket(t)
	again := &placed{t: t, store: s3Client(t, g.URL, s3.Options{}).Bucket(bucket, "again")}
	before := x.objects("")
	if out := x.must(x.args("replay", "--quiet", "--into", s3.Scheme+bucket+"/again")...); !strings.Contains(out, "all as published") {
		t.Error(out)
	}
	wantSameObjects(t, want, again.outputs())
	if !maps.Equal(before, x.objects("")) {
		t.Error("the replay has changed the job's place")
	}
	n := spans(want, "places")
	if open == 0 || n < 3 {
		t.Errorf("rows waited in %d of %d kills; %d files span batches", open, len(steps), n)
	}
	prooftest.Figure(t, "rolled files in a bucket: kill -9", "%d kills, %d while rows wait for their file, %d files with rows of several batches: replayed byte for byte", len(steps), open, n)
}
