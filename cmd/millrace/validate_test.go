package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/cockroachdb/datadriven"
)

// The text for each broken file stands in testdata/broken.golden; every file has one.
func TestValidateBroken(t *testing.T) {
	golden, err := filepath.Abs("testdata/broken.golden")
	check(t, err)
	t.Chdir("testdata/broken")
	dir, err := os.Getwd()
	check(t, err)
	want := map[string]bool{}
	for _, f := range glob(t, "*.yaml") {
		want[f] = true
	}
	if len(want) < 10 {
		t.Fatalf("%d broken files", len(want))
	}
	datadriven.RunTest(t, golden, func(t *testing.T, d *datadriven.TestData) string {
		var out, errs bytes.Buffer
		file := arg(t, d, "file")
		delete(want, file)
		code := run(context.Background(), []string{"validate", file}, &out, &errs)
		return strings.ReplaceAll(transcript(out.String(), errs.String(), code), dir, "DIR")
	})
	for f := range want {
		t.Errorf("%s is not in %s", f, golden)
	}
}

// The files are the examples of one job with one mistake each, so that what makes them wrong is what the text says.
func TestValidateExample(t *testing.T) {
	text, err := os.ReadFile("testdata/broken/unknown_key.yaml")
	check(t, err)
	dir := t.TempDir()
	write(t, filepath.Join(dir, "ads.csv"), "ad_id,campaign_id")
	write(t, filepath.Join(dir, "job.yaml"), strings.Replace(string(text), "max_disoder", "max_disorder", 1))
	var out, errs bytes.Buffer
	if code := run(context.Background(), []string{"validate", filepath.Join(dir, "job.yaml")}, &out, &errs); code != exitDone {
		t.Errorf("exit %d: %s", code, errs.String())
	}
}

// TestMemoryOfTheContainer: validate and run warn of a job that asks for more memory than the control group of the process has, and do what
// they were told to.
func TestMemoryOfTheContainer(t *testing.T) {
	before := host
	t.Cleanup(func() { host = before })
	host = fstest.MapFS{"proc/self/cgroup": {Data: []byte("0::/jobs/a\n")}, "sys/fs/cgroup/jobs/a/memory.max": {Data: []byte("104857600\n")}}
	s := newScript(t)
	write(t, "job.yaml", `name: copy
sources:
  events: {kafka: {brokers: "${BROKER}", topic: events}, columns: {id: string}}
query: SELECT id FROM events
sinks:
  lake: {parquet: {path: lake}}
trigger: {available_now: true}
memory: 256MiB
checkpoint: cp
`)
	check(t, s.broker.CreateTopic("events", 1, nil))
	const warning = "job.yaml:8:9: warning: memory: 256 MiB is more than the 100 MiB that the container (cgroup) may use: the kernel may kill the run; without memory: it takes 70 MiB"
	for _, command := range []string{"validate job.yaml", "run job.yaml", "run job.yaml --available-now"} {
		if got := s.run(command); strings.Count(got, warning) != 1 || !strings.HasSuffix(strings.TrimSpace(got), "exit 0") {
			t.Errorf("%s: %s", command, got)
		}
		if got := s.run(command + " --set memory=100MiB"); strings.Contains(got, "cgroup") {
			t.Errorf("%s, with what there is: %s", command, got)
		}
	}
}
