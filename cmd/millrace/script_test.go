package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
)

// script is one test file: a directory, which is the current one, and a broker.
type script struct {
	dir    string
	broker *kfake.Cluster
	held   *background
}

func newScript(t *testing.T) *script {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	c, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	t.Setenv("BROKER", c.ListenAddrs()[0])
	return &script{dir: dir, broker: c}
}

// Commands:
//
//	file name=N                        writes a file
//	topic name=N partitions=P          creates a topic
//	produce topic=N partition=P        writes a record for each line; null is a tombstone
//	trim topic=N partition=P before=O  deletes records as retention does
//	millrace                           runs the command line and prints its output, its errors and its exit code
//	hold                               does so in the background, up to its first line of output
//	release                            sends the signal to that and prints the rest
//	wait                               waits for its own end
//	flip glob=G at=O                   changes a bit of a file
//	tear glob=G bytes=N                makes zeros of the last bytes that are not
//	remove glob=G                      deletes files
//	files glob=G                       lists files
//	grep text=T glob=G                 lists the files that hold a text
func TestScripts(t *testing.T) {
	root, err := filepath.Abs("testdata/scripts")
	if err != nil {
		t.Fatal(err)
	}
	datadriven.Walk(t, root, func(t *testing.T, path string) {
		s := newScript(t)
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			switch d.Cmd {
			case "millrace":
				return s.normal(s.run(d.Input))
			case "hold":
				s.held = s.hold(t, d.Input)
				return s.normal(<-s.held.lines)
			case "release":
				s.held.signals <- os.Interrupt
				return s.normal(s.held.rest())
			case "wait":
				return s.normal(s.held.rest())
			}
			return s.prepare(t, d)
		})
	})
}

func (s *script) prepare(t *testing.T, d *datadriven.TestData) string {
	switch d.Cmd {
	case "file":
		write(t, arg(t, d, "name"), d.Input+"\n")
	case "topic":
		check(t, s.broker.CreateTopic(arg(t, d, "name"), int32(number(t, d, "partitions")), nil))
	case "produce":
		s.produce(t, arg(t, d, "topic"), int32(number(t, d, "partition")), strings.Split(d.Input, "\n"))
	case "trim":
		check(t, s.broker.DeleteRecords(arg(t, d, "topic"), int32(number(t, d, "partition")), int64(number(t, d, "before"))))
	case "flip":
		change(t, arg(t, d, "glob"), func(b []byte) { b[number(t, d, "at")] ^= 4 })
	case "tear":
		change(t, arg(t, d, "glob"), func(b []byte) {
			end := len(bytes.TrimRight(b, "\x00"))
			clear(b[end-number(t, d, "bytes") : end])
		})
	case "remove":
		for _, name := range glob(t, arg(t, d, "glob")) {
			check(t, os.Remove(name))
		}
	case "files":
		return s.normal(strings.Join(glob(t, arg(t, d, "glob")), "\n"))
	case "grep":
		var holds []string
		for _, name := range glob(t, arg(t, d, "glob")) {
			data, err := os.ReadFile(name)
			check(t, err)
			if bytes.Contains(data, []byte(arg(t, d, "text"))) {
				holds = append(holds, name)
			}
		}
		return s.normal(strings.Join(holds, "\n"))
	default:
		d.Fatalf(t, "unknown command %q", d.Cmd)
	}
	return ""
}

func arg(t *testing.T, d *datadriven.TestData, name string) (v string) {
	t.Helper()
	d.ScanArgs(t, name, &v)
	return v
}

func number(t *testing.T, d *datadriven.TestData, name string) (n int) {
	t.Helper()
	d.ScanArgs(t, name, &n)
	return n
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func write(t testing.TB, path, text string) {
	t.Helper()
	check(t, os.MkdirAll(filepath.Dir(path), 0o755))
	check(t, os.WriteFile(path, []byte(text), 0o644))
}

func glob(t *testing.T, pattern string) []string {
	t.Helper()
	names, err := filepath.Glob(pattern)
	check(t, err)
	return names
}

// change edits the one file that a pattern names.
func change(t *testing.T, pattern string, edit func([]byte)) {
	t.Helper()
	names := glob(t, pattern)
	if len(names) != 1 {
		t.Fatalf("%s names %v", pattern, names)
	}
	data, err := os.ReadFile(names[0])
	check(t, err)
	edit(data)
	check(t, os.WriteFile(names[0], data, 0o644))
}

func (s *script) produce(t *testing.T, topic string, partition int32, lines []string) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(s.broker.ListenAddrs()...), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerLinger(0))
	check(t, err)
	defer client.Close()
	var recs []*kgo.Record
	for _, line := range lines {
		r := &kgo.Record{Topic: topic, Partition: partition, Value: []byte(line)}
		if line == "null" {
			r.Value = nil
		}
		recs = append(recs, r)
	}
	check(t, client.ProduceSync(t.Context(), recs...).FirstErr())
}

// words splits a command line at blanks; what stands in single quotes is one word.
func words(line string) []string {
	var out []string
	for i, part := range strings.Split(line, "'") {
		if i%2 == 1 {
			out = append(out, part)
		} else {
			out = append(out, strings.Fields(part)...)
		}
	}
	return out
}

func (s *script) run(line string) string {
	var out, errs bytes.Buffer
	code := run(context.Background(), words(line), &out, &errs)
	return transcript(out.String(), errs.String(), code)
}

func transcript(out, errs string, code int) string {
	if errs != "" {
		errs = "stderr:\n" + errs
	}
	return fmt.Sprintf("%s%sexit %d\n", out, errs, code)
}

// background is a command that runs until it gets a signal.
type background struct {
	signals chan os.Signal // unbuffered: a send ends when the command has taken it
	lines   chan string    // of its output
	done    chan string    // errors and exit code
}

func (s *script) hold(t *testing.T, line string) *background {
	t.Helper()
	b := &background{signals: make(chan os.Signal), lines: make(chan string, 1000), done: make(chan string, 1)}
	ctx := context.WithValue(context.Background(), signalsKey{}, (<-chan os.Signal)(b.signals))
	go func() {
		var errs bytes.Buffer
		code := run(ctx, words(line), lineWriter(b.lines), &errs)
		close(b.lines)
		b.done <- transcript("", errs.String(), code)
	}()
	return b
}

// rest is what a command still prints.
func (b *background) rest() string {
	var out strings.Builder
	for line := range b.lines {
		out.WriteString(line)
	}
	return out.String() + <-b.done
}

// lineWriter passes on every write, which is a line.
type lineWriter chan string

func (w lineWriter) Write(p []byte) (int, error) {
	w <- string(p)
	return len(p), nil
}

// normal takes out what differs between two runs.
func (s *script) normal(text string) string {
	text = strings.NewReplacer(s.dir, "DIR", s.broker.ListenAddrs()[0], "BROKER").Replace(text)
	for _, r := range volatile {
		text = r.pattern.ReplaceAllString(text, r.with)
	}
	return text
}

var volatile = []struct {
	pattern *regexp.Regexp
	with    string
}{
	{regexp.MustCompile(`202[4-9]-\d\d-\d\dT[\d:.]+Z`), "NOW"},
	{regexp.MustCompile(`(Seconds|seconds)":[\d.]+`), `$1":AGE`},
	{regexp.MustCompile(`behind, for at most [\dhm.]+s`), "behind, for at most AGE"},
	{regexp.MustCompile(`\b\d+ ms\b`), "T ms"},
	{regexp.MustCompile(`in \d+(\.\d+)?m?s\b`), "in T"},
	{regexp.MustCompile(`\b[0-9a-f]{32}\b`), "ID"},
	{regexp.MustCompile(`-[0-9a-f]{8}\.(parquet|discard)`), "-HASH.$1"},
	{regexp.MustCompile(`\b(SHA-256|written was|with) [0-9a-f]{12}\b`), "$1 DIGEST"},
	{regexp.MustCompile(`\d+ bytes left out`), "N bytes left out"},
	{regexp.MustCompile(`process \d+ on [^ ,]+`), "process PID on HOST"},
	{regexp.MustCompile(`by \S+:\d+ at`), "by HOST:PID at"},
}
