package integration

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/millrace/millrace/internal/prooftest"
)

// badPlace is something wrong with a place where a job has been before.
type badPlace struct {
	name  string
	spoil func(*placed)
	args  []string
	code  int
	want  []string
	news  string // below which the run may leave new objects: a checkpoint of its own
}

// restore makes the place what it was.
func (x *placed) restore(was map[string]string) {
	x.t.Helper()
	for name, data := range x.objects("") {
		if was[name] != data {
			x.remove(name)
		}
	}
	now := x.objects("")
	for name, data := range was {
		if _, ok := now[name]; !ok {
			x.put(name, data)
		}
	}
}

// edit replaces text in an object.
func (x *placed) edit(name, from, to string) {
	x.t.Helper()
	text := x.objects(name)[name]
	if !strings.Contains(text, from) {
		x.t.Fatalf("%s has no %s: %s", name, from, text)
	}
	x.put(name, strings.Replace(text, from, to, 1))
}

// newest are the names below a prefix of the log's newest chain, in order.
func (x *placed) newestChain() []string {
	x.t.Helper()
	names := slices.Sorted(maps.Keys(x.objects("cp/wal/")))
	last := names[len(names)-1]
	epoch := last[:len("cp/wal/")+10]
	return slices.DeleteFunc(names, func(name string) bool { return !strings.HasPrefix(name, epoch) })
}

// badPlaces are what can be wrong with a place of any kind. In the place the job has run twice, and its last batch is open.
var badPlaces = []badPlace{
	{name: "checkpoint of another job", args: []string{"--set", "name=other"}, code: 3, want: []string{`checkpoint PLACE/cp belongs to job "places", not to "other"`, "choose another directory"}},
	{name: "no checkpoint at all", spoil: func(x *placed) { x.remove("cp/"); x.put("cp/letter.txt", "Dear all") }, code: 3,
		want: []string{"PLACE/cp holds letter.txt but no millrace.json", "it is not a checkpoint, or only part of one", "choose another directory"}},
	{name: "newer checkpoint", spoil: func(x *placed) { x.edit("cp/millrace.json", `"format":1`, `"format":2`) }, code: 3,
		want: []string{"checkpoint PLACE/cp has format 2, this program reads format 1: a newer millrace wrote it"}},
	{name: "newer output", spoil: func(x *placed) { x.edit("rows/_millrace/owner", `"format":1`, `"format":2`) }, code: 3,
		want: []string{"PLACE/rows/_millrace/owner", "has format 2, this version knows 1"}},
	{name: "damaged marker", spoil: func(x *placed) { x.edit("cp/millrace.json", `"format":1`, `"format":`) }, code: 3, want: []string{"PLACE/cp/millrace.json is damaged"}},
	{name: "half a copy: no marker", spoil: func(x *placed) { x.remove("cp/millrace.json") }, code: 3, want: []string{"PLACE/cp holds", "but no millrace.json", "only part of one"}},
	{name: "half a copy: no epochs", spoil: func(x *placed) { x.remove("cp/epochs/") }, code: 3,
		want: []string{"no lock file of it in PLACE/cp/epochs", "restore the whole from a copy"}},
	{name: "half a copy: no log", spoil: func(x *placed) { x.remove("cp/wal/") }, code: 3, want: []string{"has committed batch", "but the log of this checkpoint is empty"}},
	{name: "half a copy: the newest part of the log is missing", spoil: func(x *placed) { x.remove(x.newestChain()...) }, code: 3, want: []string{"has committed batch", "but the log ends with batch"}},
	{name: "half a copy: a hole in the log", spoil: func(x *placed) {
		names := x.newestChain()
		if len(names) > 2 { // an object for each record
			x.remove(names[len(names)/2])
			return
		}
		data := []byte(x.objects(names[0])[names[0]])
		clear(data[600:1000]) // a block that was not copied
		x.put(names[0], string(data))
	}, code: 3, want: []string{"restore the checkpoint from a copy"}},
	{name: "half a copy: no blobs", spoil: func(x *placed) { x.remove("cp/blobs/") }, args: []string{"--set", "queries.rows=SELECT id, k, at FROM events WHERE id >= 0"}, code: 3, news: "cp/blobs/",
		want: []string{"read the job of batch 6", "the checkpoint is incomplete or damaged; restore it from a copy, nothing was changed"}},
	{name: "checkpoint deleted, output there", spoil: func(x *placed) { x.remove("cp/") }, code: 3,
		want: []string{`sink rows: PLACE/rows belongs to job "places" with checkpoint`, "was the checkpoint deleted or moved? put it back, or choose another path"}},
	{name: "output deleted, checkpoint there", spoil: func(x *placed) { x.remove("rows/") }, code: 3, want: []string{"PLACE/rows", "has no _millrace/owner although the log has committed rows to this sink"}},
	{name: "output of another job", args: []string{"--set", "name=other", "--set", "checkpoint=PLACE/cp2"}, code: 3,
		want: []string{`sink rows: PLACE/rows belongs to job "places" with checkpoint`, `not to job "other"`}},
	{name: "output around that of another job", spoil: func(x *placed) {
		x.put("deep/inner/_millrace/owner", x.objects("rows/_millrace/owner")["rows/_millrace/owner"])
	},
		args: []string{"--set", "name=other", "--set", "checkpoint=PLACE/cp2", "--set", "sinks.rows.parquet.path=PLACE/deep"}, code: 3,
		want: []string{"PLACE/deep/inner/_millrace/owner", "is in the way", "choose an empty or new path"}},
	{name: "output inside that of another job",
		args: []string{"--set", "name=other", "--set", "checkpoint=PLACE/cp2", "--set", "sinks.rows.parquet.path=PLACE/rows/more/inner"}, code: 3,
		want: []string{`sink rows: PLACE/rows/more/inner: lies in PLACE/rows, which belongs to job "places" with checkpoint`, "choose a path outside of it"}},
	{name: "somebody's files where output is to be", spoil: func(x *placed) { x.put("free/part-1.parquet", "somebody's") },
		args: []string{"--set", "name=other", "--set", "checkpoint=PLACE/cp2", "--set", "sinks.rows.parquet.path=PLACE/free"}, code: 3,
		want: []string{"PLACE/free/part-1.parquet", "is in the way", "choose an empty or new path"}},
}

// TestBadPlaces spoils a job's place, a directory and a bucket, in every way that comes to mind: each is one clear error, through the
// program, and nothing of what is there is changed. Put right, the job goes on.
func TestBadPlaces(t *testing.T) {
	for name, place := range map[string]func(*testing.T, string) *placed{"directory": inDirectory, "bucket": inBucket} {
		t.Run(name, func(t *testing.T) {
			x := place(t, placeJob)
			x.fill(150)
			x.must(x.args("run")...)
			x.fill(100)
			x.env = append(x.env, "MILLRACE_FAILPOINTS=driver/commit=crash@2") // files of a batch are there, its commit is not
			if code, stderr := x.fails(x.args("run")...); code == 0 {
				t.Fatalf("it did not crash: %s", stderr)
			}
			x.env = x.env[:len(x.env)-1]
			was := x.objects("")
			for _, bad := range badPlaces {
				t.Run(bad.name, func(t *testing.T) {
					x.t, x.program.t = t, t
					x.meets(bad)
					x.restore(was)
				})
			}
			x.t, x.program.t = t, t
			x.must(x.args("run", "--flush-windows", "--take-over")...)
			t.Log(lastLine(x.must(x.args("verify", "--deep")...)))
			prooftest.Figure(t, "bad checkpoints and outputs in a "+name, "%d, each one clear error, 0 objects changed", len(badPlaces))
		})
	}
}

// meets runs the job in a place that something is wrong with.
func (x *placed) meets(bad badPlace) {
	x.t.Helper()
	if bad.spoil != nil {
		bad.spoil(x)
	}
	before := x.objects("")
	here := func(text string) string { return strings.ReplaceAll(text, "PLACE", x.address) }
	args := x.args("run", "--take-over")
	for _, arg := range bad.args {
		args = append(args, here(arg))
	}
	code, stderr := x.fails(args...)
	x.t.Log(strings.TrimSpace(stderr))
	var want []string
	for _, part := range bad.want {
		want = append(want, here(part))
	}
	wantExit(x.t, code, stderr, bad.code, want...)
	if strings.Count(stderr, "millrace: ")-strings.Count(stderr, "millrace: warning: ") != 1 {
		x.t.Errorf("not one error: %s", stderr)
	}
	if bad.news != "" {
		x.remove(bad.news)
		maps.DeleteFunc(before, func(name, _ string) bool { return strings.HasPrefix(name, bad.news) })
	}
	x.wantUntouched(before)
}

// TestTwoJobsAtOnce starts two jobs at once that are to write to one place: one of them does, the other one says whose it is.
func TestTwoJobsAtOnce(t *testing.T) {
	for name, place := range map[string]func(*testing.T, string) *placed{"directory": inDirectory, "bucket": inBucket} {
		t.Run(name, func(t *testing.T) {
			x := place(t, placeJob)
			x.fill(100)
			jobs := []string{"places", "other"}
			var lives []*life
			for _, job := range jobs {
				lives = append(lives, x.start(x.args("run", "--set", "name="+job, "--set", "checkpoint="+x.address+"/"+job)[1:]...))
			}
			var refused []string
			for i, l := range lives {
				if _, err := l.wait(); err == nil {
					continue
				}
				wantExit(t, l.cmd.ProcessState.ExitCode(), l.stderr.String(), 3, fmt.Sprintf("belongs to job %q", jobs[1-i]), fmt.Sprintf("not to job %q", jobs[i]))
				refused = append(refused, jobs[i])
			}
			if len(refused) != 1 {
				t.Fatalf("refused: %q, want one of them", refused)
			}
			for name := range x.outputs() {
				if strings.Contains(name, "/"+refused[0]+"-b") {
					t.Errorf("%s wrote %s all the same", refused[0], name)
				}
			}
		})
	}
}
