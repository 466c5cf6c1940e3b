package jobspec

import (
	"bytes"
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/millrace/millrace/batch"
)

const viewsJob = `name: ad-views
sources:
  events:
    kafka: {brokers: "a:1,b:2", topic: ad-events}
    columns:
      ad_id: string
      price: double
      event_time: timestamp(ms)
    event_time: {column: event_time, max_disorder: 10s}
tables:
  ads: {csv: ads.csv, columns: {ad_id: string, campaign_id: string}}
query: |
  SELECT a.campaign_id, window_start, count(*) AS views
  FROM TUMBLE(events, event_time, INTERVAL '10' SECOND) e
  JOIN ads a ON e.ad_id = a.ad_id
  GROUP BY a.campaign_id, window_start
sinks:
  lake:
    parquet: {path: out/lake, partition_by: ["date(window_start) AS dt"]}
limits: {rows: 1000}
checkpoint: out/cp
`

func mustJob(t *testing.T, text string) (*Spec, *batch.Job) {
	t.Helper()
	s, err := load(t, text)
	if err != nil {
		t.Fatal(Explain(err))
	}
	job, _, err := s.Job()
	if err != nil {
		t.Fatal(err)
	}
	return s, job
}

// replaced fails when there is nothing to replace, so that no case of a table becomes empty.
func replaced(t *testing.T, text string, oldNew ...string) string {
	t.Helper()
	for i := 0; i < len(oldNew); i += 2 {
		if !strings.Contains(text, oldNew[i]) {
			t.Fatalf("no %q in\n%s", oldNew[i], text)
		}
		text = strings.ReplaceAll(text, oldNew[i], oldNew[i+1])
	}
	return text
}

// A recorded job means the same to a run whose own file says something else, down to the record itself.
func TestResolve(t *testing.T) {
	workDir(t)
	_, then := mustJob(t, viewsJob)
	now, other := mustJob(t, replaced(t, viewsJob, "count(*)", "sum(price)", "a:1,b:2", "c:3", "out/lake", "out/lake2"))
	if other.Hash == then.Hash {
		t.Fatal("the jobs must differ")
	}
	job, err := now.Resolve(then.Recorded)
	if err != nil {
		t.Fatal(err)
	}
	if job.Hash != then.Hash || job.Plan.String() != then.Plan.String() || job.Checkpoint != then.Checkpoint {
		t.Errorf("resolved to\n%s\nwant\n%s", job.Plan, then.Plan)
	}
	if !bytes.Equal(job.Recorded, then.Recorded) {
		t.Errorf("record changed to\n%s\nfrom\n%s", job.Recorded, then.Recorded)
	}
}

// How a job is reached is not in its record, so it cannot come out of it.
func TestRecordHasNoBrokers(t *testing.T) {
	workDir(t)
	_, job := mustJob(t, replaced(t, viewsJob, "a:1,b:2", "secret-host:9", "topic: ad-events}",
		"topic: ad-events, client_id: secret-id, tls: {ca: secret-ca}, sasl: {mechanism: PLAIN, username: u, password: secret}}",
		"name: ad-views\n", "name: ad-views\nmemory: 64MiB\ncores: 3\n"))
	for _, word := range []string{"secret", "sasl", "tls", "client_id", "brokers", "memory", "cores"} {
		if bytes.Contains(job.Recorded, []byte(word)) {
			t.Errorf("%s in the record: %s", word, job.Recorded)
		}
	}
	now, _ := mustJob(t, replaced(t, viewsJob, "name: ad-views\n", "name: ad-views\nmemory: 96MiB\n"))
	if old, err := now.readRecord(job.Recorded); err != nil || old.Memory != 96<<20 || old.Cores != 0 {
		t.Errorf("a recorded job may use %d bytes on %d cores, %v", old.Memory, old.Cores, err)
	}
	resolved, err := now.Resolve(job.Recorded)
	if err != nil {
		t.Fatal(err)
	}
	dead, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err = resolved.Sources["events"].Open(dead); !errors.Is(err, context.Canceled) {
		t.Errorf("opened with a cancelled context: %v", err)
	}
}

func TestResolveDamagedRecord(t *testing.T) {
	workDir(t)
	s, job := mustJob(t, viewsJob)
	for _, record := range []string{"", "{", string(job.Recorded[:len(job.Recorded)/2]), `{"name":"x","query":{"text":"SELECT"}}`} {
		if _, err := s.Resolve([]byte(record)); err == nil {
			t.Errorf("%q resolved", record)
		}
	}
}

// Jobs that mean the same have one hash; another meaning has another.
func TestHash(t *testing.T) {
	dir := workDir(t)
	_, job := mustJob(t, viewsJob)
	write(t, filepath.Join(dir, "q.sql"), viewsJob[strings.Index(viewsJob, "SELECT"):strings.Index(viewsJob, "sinks:")])
	for name, edit := range map[string][]string{
		"comments":       {"name: ad-views\n", "# c\nname: ad-views # c\n\n"},
		"quotes":         {"ad_id: string", `"ad_id": 'string'`},
		"key order":      {"name: ad-views\n", "", "checkpoint: out/cp\n", "checkpoint: out/cp\nname: ad-views\n"},
		"block style":    {`{brokers: "a:1,b:2", topic: ad-events}`, "\n      topic: ad-events\n      brokers:\n      - a:1\n      - b:2"},
		"anchors":        {"limits: {rows: 1000}", "x-l: &l {rows: 1000}\nlimits: *l"},
		"type aliases":   {"ad_id: string", "ad_id: {type: VARCHAR}"},
		"defaults":       {"limits: {rows: 1000}\n", "on_bad_record: fail\nshards: 1\ntimezone: UTC\n"},
		"SQL spelling":   {"SELECT a.campaign_id, window_start, count(*) AS views\n", "select CAMPAIGN_ID,\n    e.window_start, COUNT( * ) views -- c\n"},
		"the other form": {"TUMBLE(events, event_time, INTERVAL '10' SECOND)", "TABLE(TUMBLE(TABLE events, DESCRIPTOR(event_time), INTERVAL '10 seconds'))"},
		"brokers":        {"a:1,b:2", "z:9"},
		"credentials":    {"topic: ad-events}", "topic: ad-events, tls: {ca: x}, sasl: {mechanism: PLAIN, username: u, password: hunter2}}"},
		"limits":         {"{rows: 1000}", "{rows: 5, bytes: 1GiB}"},
		"shards":         {"limits:", "shards: 7\nlimits:"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, other := mustJob(t, replaced(t, viewsJob, edit...)); other.Hash != job.Hash {
				t.Errorf("hash %.8s, want %.8s\n%s\nand\n%s", other.Hash, job.Hash, other.Plan.Canonical(), job.Plan.Canonical())
			}
		})
	}
	for name, edit := range map[string][]string{
		"aggregate":     {"count(*)", "count(price)"},
		"window":        {"'10' SECOND", "'11' SECOND"},
		"output name":   {"AS views", "AS n"},
		"disorder":      {"max_disorder: 10s", "max_disorder: 11s"},
		"type":          {"price: double", "price: string", "count(*)", "count(price)"},
		"partition":     {"date(window_start) AS dt", "date(window_start) AS day"},
		"sink name":     {"  lake:", "  pond:"},
		"compression":   {"path: out/lake", "path: out/lake, compression: none"},
		"on_bad_record": {"limits:", "on_bad_record: skip\nlimits:"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, other := mustJob(t, replaced(t, viewsJob, edit...)); other.Hash == job.Hash {
				t.Errorf("same hash %.8s", job.Hash)
			}
		})
	}
}

// Texts of a static table are read in the job's zone, which no expression of the plan shows.
func TestHashOfTableZone(t *testing.T) {
	workDir(t)
	const text = `name: ads
sources: {events: {kafka: {brokers: "a:1", topic: t}, columns: {ad_id: string}}}
tables: {ads: {csv: ads.csv, columns: {ad_id: string, since: timestamp}}}
query: SELECT e.ad_id, a.since FROM events e JOIN ads a ON e.ad_id = a.ad_id
sinks: {lake: {parquet: {path: lake}}}
checkpoint: cp
`
	_, utc := mustJob(t, text)
	_, tokyo := mustJob(t, "timezone: Asia/Tokyo\n"+text)
	if utc.Hash == tokyo.Hash {
		t.Errorf("same hash %.8s", utc.Hash)
	}
}

// The examples that users begin with.
func TestExamples(t *testing.T) {
	files, err := filepath.Glob("../../examples/*/job.yaml")
	if err != nil || len(files) < 3 {
		t.Fatalf("examples: %v, %v", files, err)
	}
	ads := filepath.Join(t.TempDir(), "ads.csv") // written by gen
	write(t, ads, "ad_id,campaign_id\n")
	env := func(name string) (string, bool) { return ads, name == "ADS" }
	for _, file := range files {
		s, err := Load(file, Options{Env: env})
		if err == nil {
			_, _, err = s.Job()
		}
		if err != nil {
			t.Error(Explain(err))
		}
	}
}

func TestLoadMissingFile(t *testing.T) {
	workDir(t)
	_, err := Load("nowhere.yaml", Options{})
	if err == nil || Explain(err) != "read job file: open nowhere.yaml: no such file or directory" {
		t.Errorf("got %v", err)
	}
}

// A lookup of the process's environment is the default.
func TestEnvironment(t *testing.T) {
	workDir(t)
	t.Setenv("MILLRACE_TEST_TOPIC", "from-env")
	write(t, "job.yaml", replaced(t, viewsJob, "topic: ad-events", `topic: "${MILLRACE_TEST_TOPIC}"`))
	s, err := Load("job.yaml", Options{})
	if err != nil || s.Sources[0].Kafka.Topic != "from-env" {
		t.Errorf("topic %v, %v", s, err)
	}
}
