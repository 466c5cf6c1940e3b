package integration

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millrace/millrace/integration/duckdbtest"
	"github.com/millrace/millrace/integration/kafkatest"
)

// memoryJob groups by a key that hardly comes twice in a day that does not end, or lands rows as they are.
const memoryJob = `
name: memory
sources:
  events:
    kafka: {brokers: "${KAFKA}", topic: "${TOPIC}"}
    columns: {id: string, text: string, at: timestamp(ms)}
    event_time: {column: at, max_disorder: 1h}
query: |
  %s
sinks:
  out: {parquet: {path: "${OUT}"}}
limits: {rows: 10000000}
checkpoint: "${CHECKPOINT}"
`

const (
	countingQuery = "SELECT id, window_start, count(*) AS n, max(text) AS text FROM TUMBLE(events, at, INTERVAL '1' DAY) GROUP BY id, window_start"
	landingQuery  = `SELECT id, text, "at" FROM events`
)

// memoryProgram has a job, with a checkpoint and an output of its own, over a topic.
func memoryProgram(t *testing.T, broker, topic, query string) (p *program, job, out string) {
	t.Helper()
	dir := t.TempDir()
	job, out = filepath.Join(dir, "job.yaml"), filepath.Join(dir, "out")
	if err := os.WriteFile(job, fmt.Appendf(nil, memoryJob, query), 0o600); err != nil {
		t.Fatal(err)
	}
	return newProgram(t, "KAFKA="+broker, "TOPIC="+topic, "OUT="+out, "CHECKPOINT="+filepath.Join(dir, "checkpoint")), job, out
}

// fillMemory produces n records whose ids all differ, with texts that do not compress.
func fillMemory(t *testing.T, b *kafkatest.Broker, topic string, partitions, n, textBytes int) {
	t.Helper()
	rng := rand.New(rand.NewPCG(1, uint64(n)))
	w := b.Client(t, kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerLinger(5*time.Millisecond))
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-"
	records, text := make([]*kgo.Record, n), make([]byte, textBytes)
	for i := range records {
		for k := range text {
			text[k] = letters[rng.Uint32()%64]
		}
		records[i] = &kgo.Record{Topic: topic, Partition: int32(i % partitions),
			Value: fmt.Appendf(nil, `{"id":"%08x-0000-4000-8000-%012x","text":"%s","at":%d}`, rng.Uint32(), i, text, 1_700_000_000_000+i)}
	}
	if err := w.ProduceSync(t.Context(), records...).FirstErr(); err != nil {
		t.Fatal(err)
	}
}

// measured is the variable with the name of a file for the peak of a process that this binary runs, in bytes, in place of
// its tests. What a process is said to have had at most is at least what its parent had when it began, and tests have much.
const measured = "MILLRACE_TEST_PEAK"

func init() {
	if name := os.Getenv(measured); name != "" {
		os.Exit(measure(name))
	}
}

func measure(name string) int {
	cmd := exec.Command(os.Args[1], os.Args[2:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	err := cmd.Run()
	if cmd.ProcessState == nil {
		fmt.Fprintln(os.Stderr, err)
		return 127
	}
	u, _ := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if err := os.WriteFile(name, fmt.Append(nil, u.Maxrss<<10), 0o600); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 127
	}
	return cmd.ProcessState.ExitCode()
}

// measuring is a run of the program in a group, whose peak is known afterwards.
type measuring struct {
	*exec.Cmd
	file string
}

// command prepares a run that joins the group before it becomes the program.
func (g group) command(p *program, args ...string) measuring {
	p.t.Helper()
	own, err := os.Executable()
	if err != nil {
		p.t.Fatal(err)
	}
	m := measuring{file: filepath.Join(p.t.TempDir(), "peak")}
	if g.dir != "" {
		args = append([]string{"sh", "-c", `echo $$ > "$0" && exec "$@"`, filepath.Join(g.dir, "cgroup.procs"), p.path}, args...)
	} else {
		args = append([]string{p.path}, args...)
	}
	m.Cmd = exec.CommandContext(p.t.Context(), own, args...)
	m.Env = append(append(os.Environ(), p.env...), measured+"="+m.file)
	return m
}

// peak is the most memory that the run had at a time, in bytes, with pages of files that were mapped.
func (m measuring) peak(t *testing.T) int64 {
	t.Helper()
	text, err := os.ReadFile(m.file)
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.ParseInt(string(text), 10, 64)
	if err != nil || n == 0 {
		t.Fatalf("peak %q: %v", text, err)
	}
	return n
}

// TestMemoryOfState: a run whose state gets larger than its share of the memory stops with figures before anything of the batch
// is visible, and goes on from there with more.
func TestMemoryOfState(t *testing.T) {
	duckdbtest.Need(t)
	b := kafkatest.Start(t)
	topic, n := b.Topic(t, 4), 360_000
	fillMemory(t, b, topic, 4, n, 8)
	p, job, out := memoryProgram(t, b.Addr, topic, countingQuery)
	cmd := group{}.command(p, "run", job, "--available-now", "--set", "memory=64MiB")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	err := cmd.Run()
	t.Logf("%v, peak %d MiB: %s", err, cmd.peak(t)>>20, stderr.String())
	wantExit(t, cmd.ProcessState.ExitCode(), stderr.String(), 3, "the state of batch 1 takes", "more than the 24 MiB that memory: 64 MiB leaves for it", "nothing of this batch was committed")
	if most := int64(128 << 20); cmd.peak(t) > most {
		t.Errorf("a run with memory: 64MiB took %d MiB, at most %d MiB are tolerated", cmd.peak(t)>>20, most>>20)
	}
	if p.checkpoint = filepath.Join(filepath.Dir(job), "checkpoint"); p.openPlan(t) == nil {
		t.Error("the batch is not open")
	}
	t.Log(lastLine(p.must("run", job, "--available-now", "--flush-windows", "--set", "memory=512MiB")))
	rows := duckdbtest.Query(t, fmt.Sprintf("SELECT count(*), count(DISTINCT id), sum(n) FROM read_parquet(%s)", quote(out+"/*.parquet")))
	if want := fmt.Sprint(n); rows[0][0] != want || rows[0][1] != want || rows[0][2] != want {
		t.Errorf("groups, ids and records %v, want %s of each", rows[0], want)
	}
}

// TestTenJobs: ten jobs of memory: 256MiB drain a topic side by side in a group of 4 GiB, and none of them is killed.
func TestTenJobs(t *testing.T) {
	duckdbtest.Need(t)
	b := kafkatest.Start(t)
	topic, n, jobs := b.Topic(t, 3), 120_000, 10
	fillMemory(t, b, topic, 3, n, 100)
	group := newGroup(t, 4<<30)
	var wg sync.WaitGroup
	var mu sync.Mutex
	sum := int64(0)
	for i := range jobs {
		query := []string{countingQuery, landingQuery}[i%2]
		p, job, out := memoryProgram(t, b.Addr, topic, query)
		args := []string{"run", job, "--available-now", "--set", "memory=256MiB"}
		if i%2 == 0 {
			args = append(args, "--flush-windows")
		}
		wg.Go(func() {
			cmd := group.command(p, args...)
			text, err := cmd.CombinedOutput()
			mu.Lock()
			defer mu.Unlock()
			if sum += cmd.peak(t); err != nil {
				t.Errorf("job %d: %v\n%s", i, err, text)
				return
			}
			rows := duckdbtest.Query(t, fmt.Sprintf("SELECT count(DISTINCT id), count(*) FROM read_parquet(%s)", quote(out+"/*.parquet")))
			if want := fmt.Sprint(n); rows[0][0] != want || rows[0][1] != want {
				t.Errorf("job %d: ids and rows %v, want %s", i, rows[0], want)
			}
		})
	}
	wg.Wait()
	t.Logf("peaks of %d jobs: %d MiB together; %s", jobs, sum>>20, group.usage())
	if sum > 4<<30 {
		t.Errorf("%d jobs of memory: 256MiB took %d MiB", jobs, sum>>20)
	}
}

// group is a control group of the kernel with a bound on memory; without a directory, where none can be made, it bounds
// nothing, and what processes take is only measured.
type group struct {
	dir   string
	usedV int // version of cgroups
}

// newGroup makes a group below that of this process.
func newGroup(t *testing.T, limit int64) group {
	t.Helper()
	for _, try := range []struct {
		version   int
		hierarchy string
		prefix    string // of this process's line in /proc/self/cgroup
		file      string
	}{{1, "/sys/fs/cgroup/memory", "memory:", "memory.limit_in_bytes"}, {2, "/sys/fs/cgroup", "0::", "memory.max"}} {
		own, ok := ownGroup(try.prefix)
		if !ok {
			continue
		}
		dir := filepath.Join(try.hierarchy, own, fmt.Sprintf("millrace-test-%d-%d", os.Getpid(), rand.Uint32()))
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Logf("no control group of version %d: %v", try.version, err)
			continue
		}
		t.Cleanup(func() { _ = os.Remove(dir) })
		if err := writeTo(filepath.Join(dir, try.file), strconv.FormatInt(limit, 10)); err != nil {
			t.Logf("no bound in a control group of version %d: %v", try.version, err)
			continue
		}
		return group{dir, try.version}
	}
	t.Log("control groups cannot be made here: the kernel bounds nothing, memory is only measured")
	return group{}
}

// writeTo writes to a file of the kernel's, which is there.
func writeTo(name, text string) error {
	f, err := os.OpenFile(name, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	if _, err = f.WriteString(text); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}

// ownGroup is the path of this process's group whose line has the prefix behind its number.
func ownGroup(prefix string) (string, bool) {
	text, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return "", false
	}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if own, ok := strings.CutPrefix(line, prefix); ok {
			return own, true
		}
		if _, rest, ok := strings.Cut(line, ":"); ok {
			if own, ok := strings.CutPrefix(rest, prefix); ok {
				return own, true
			}
		}
	}
	return "", false
}

// usage is what the kernel says that the group took.
func (g group) usage() string {
	var out []string
	for _, name := range []string{"memory.max_usage_in_bytes", "memory.failcnt", "memory.oom_control", "memory.peak", "memory.events"} {
		if text, err := os.ReadFile(filepath.Join(g.dir, name)); g.dir != "" && err == nil {
			out = append(out, name+" "+strings.Join(strings.Fields(string(text)), " "))
		}
	}
	if len(out) == 0 {
		return "no control group"
	}
	return "control group: " + strings.Join(out, ", ")
}
