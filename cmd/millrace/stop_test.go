package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/goleak"
)

const landJob = `name: land
sources: {events: {kafka: {brokers: "${BROKER}", topic: events}, columns: {id: string}}}
query: SELECT id FROM events
sinks: {lake: {parquet: {path: lake}}}
trigger: {every: 1h}
checkpoint: cp
`

// slow is a script whose broker holds back the next answer to a fetch. asked closes when the job waits for it.
func slow(t *testing.T) (s *script, asked <-chan struct{}, answer func()) {
	t.Helper()
	s = newScript(t)
	write(t, "job.yaml", landJob)
	check(t, s.broker.CreateTopic("events", 1, nil))
	s.produce(t, "events", 0, []string{`{"id":"a"}`, `{"id":"b"}`})
	waiting, free := make(chan struct{}), make(chan struct{})
	ask := sync.OnceFunc(func() { close(waiting) })
	s.broker.ControlKey(int16(kmsg.Fetch), func(kmsg.Request) (kmsg.Response, error, bool) {
		ask()
		s.broker.SleepControl(func() { <-free })
		return nil, nil, false
	})
	answer = sync.OnceFunc(func() { close(free) })
	t.Cleanup(answer)
	return s, waiting, answer
}

// One signal: the batch in work is finished, then the run ends well.
func TestSignalFinishesBatch(t *testing.T) {
	s, asked, answer := slow(t)
	b := s.hold(t, "run job.yaml")
	<-asked
	b.signals <- os.Interrupt
	answer()
	want := "batch 1: 2 rows in, 2 rows to lake (1 file), T ms\n1 batch, 2 rows in, 2 rows to lake\nexit 0\n"
	if got := s.normal(b.rest()); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

// Two signals: the run ends at once, and the next one runs the open batch again.
func TestSecondSignalStopsAtOnce(t *testing.T) {
	s, asked, answer := slow(t)
	b := s.hold(t, "run job.yaml")
	<-asked
	b.signals <- os.Interrupt
	b.signals <- os.Interrupt
	want := "stderr:\nmillrace: stopped at once by a second signal; the open batch runs again at the next start\nexit 130\n"
	if got := s.normal(b.rest()); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	answer()
	want = "batch 1: 2 rows in, 2 rows to lake (1 file), T ms, rerun\n1 batch, 2 rows in, 2 rows to lake\nexit 0\n"
	if got := s.normal(s.run("run job.yaml --available-now")); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

// A signal of the system ends the broker, whose address can be used from its first line on.
func TestBroker(t *testing.T) {
	s := newScript(t)
	b := s.hold(t, "broker --listen 127.0.0.1:0")
	line := <-b.lines
	addr, ok := strings.CutPrefix(line, "embedded broker on ")
	addr, _, _ = strings.Cut(addr, ";")
	if !ok || !strings.HasPrefix(addr, "127.0.0.1:") {
		t.Fatalf("first line %q", line)
	}
	if out := s.run("gen ysb --records 10 --partitions 3 --brokers " + addr); !strings.HasPrefix(out, "13 records to ad-events (3 partitions) in ") {
		t.Errorf("gen: %s", out)
	}
	b.signals <- os.Interrupt
	if got := b.rest(); got != "exit 0\n" {
		t.Errorf("got %q", got)
	}
}

// Each line of --json is one JSON value with the field names of Spark's StreamingQueryProgress.
func TestJSONProgress(t *testing.T) {
	s := newScript(t)
	write(t, "job.yaml", landJob)
	check(t, s.broker.CreateTopic("events", 1, nil))
	s.produce(t, "events", 0, []string{`{"id":"a"}`, `{"id":"b"}`, `{"id":"c"}`})
	var out, errs bytes.Buffer
	if code := run(context.Background(), words("run job.yaml --available-now --json --set limits.rows=2"), &out, &errs); code != exitDone || errs.Len() > 0 {
		t.Fatalf("exit %d: %s", code, errs.String())
	}
	lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	if len(lines) != 2 {
		t.Fatalf("want 2 lines, got\n%s", out.String())
	}
	for i, line := range lines {
		var p map[string]any
		if err := json.Unmarshal([]byte(line), &p); err != nil {
			t.Fatalf("%v in %s", err, line)
		}
		for _, name := range []string{"id", "runId", "name", "timestamp", "batchId", "batchDuration", "numInputRows", "processedRowsPerSecond", "durationMs", "eventTime", "sources", "sinks"} {
			if p[name] == nil {
				t.Errorf("no %s in %s", name, line)
			}
		}
		source := p["sources"].([]any)[0].(map[string]any)
		for _, name := range []string{"description", "startOffset", "endOffset", "latestOffset", "numInputRows"} {
			if source[name] == nil {
				t.Errorf("no sources.%s in %s", name, line)
			}
		}
		if p["batchId"] != float64(i+1) || p["numInputRows"] != float64(2-i) {
			t.Errorf("batch %v with %v rows", p["batchId"], p["numInputRows"])
		}
	}
}

// Why nothing came out goes to standard error, so that the output stays JSON.
func TestJSONWithoutData(t *testing.T) {
	s := newScript(t)
	write(t, "job.yaml", landJob)
	check(t, s.broker.CreateTopic("events", 1, nil))
	want := "stderr:\nmillrace: no new data: nothing to do\nexit 0\n"
	if got := s.run("run job.yaml --available-now --json"); got != want {
		t.Errorf("got\n%s", got)
	}
	for line := range strings.Lines(s.run("inspect job.yaml --json")) {
		if !json.Valid([]byte(line)) && line != "exit 0\n" {
			t.Errorf("not JSON: %s", line)
		}
	}
}

// JSON lines of inspect are the whole log, or as many records of its end as one asks for.
func TestInspectJSONLast(t *testing.T) {
	s := newScript(t)
	write(t, "job.yaml", landJob)
	check(t, s.broker.CreateTopic("events", 1, nil))
	for range 3 { // more records than a text shows without --last
		s.produce(t, "events", 0, []string{`{"id":"a"}`})
		s.run("run job.yaml --available-now --quiet")
	}
	life := []string{"Opened", "Planned", "Committed"}
	all := slices.Concat(life, life, life)
	for flags, want := range map[string][]string{"": all, "--last 0": all, "--last 2": life[1:], "--last 99": all} {
		var got []string
		for line := range strings.Lines(s.run("inspect job.yaml --json " + flags)) {
			var r struct{ Type string }
			if json.Unmarshal([]byte(line), &r) == nil {
				got = append(got, r.Type)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q: %v, want %v", flags, got, want)
		}
	}
}

// beMillrace makes this program the command line itself.
const beMillrace = "MILLRACE_TEST_BE_MILLRACE"

func TestMain(m *testing.M) {
	if os.Getenv(beMillrace) != "" {
		main()
	}
	goleak.VerifyTestMain(m)
}
