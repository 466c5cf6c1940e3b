package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// editedJob has windows open behind its first run: [10, 20) of the second of three records.
const editedJob = `name: views
sources:
  events:
    kafka: {brokers: "${BROKER}", topic: events}
    columns: {id: string, kind: string, n: bigint, at: timestamp(ms), seen: timestamp(ms)}
    event_time: {column: at, idle_after: 1h, max_disorder: 0s}
query: |
  SELECT id, window_start, count(*) AS n, sum(n) AS total, date(window_start) AS day
  FROM TUMBLE(events, at, INTERVAL '10' SECOND)
  WHERE kind = 'view'
  GROUP BY id, window_start
sinks:
  lake: {parquet: {path: lake, partition_by: ["day"]}}
  more: {parquet: {path: more}}
  alerts: {kafka: {brokers: "${BROKER}", topic: alerts, key: id}}
trigger: {available_now: true}
checkpoint: cp
`

// jobEdit is a row of the table in docs/job-edits.md.
type jobEdit struct {
	name    string
	outcome string   // as the table has it: free, said, refused
	edit    []string // old and new texts
	closed  bool     // no window is open when the job is edited
	before  func(t *testing.T)
	flags   string
	says    []string // parts of what is printed
	history string   // part of a line of inspect --history; "": there is none
}

var jobEdits = []jobEdit{
	{name: "SQL or YAML spelt otherwise", outcome: "free", edit: []string{"count(*) AS n", "COUNT( * ) AS n"},
		history: "what it computes and writes is the same"},
	{name: "limits", outcome: "free", edit: []string{"trigger:", "limits: {rows: 5, rate: 1000}\ntrigger:"}, history: "limits.rows: 1000000 -> 5"},
	{name: "trigger", outcome: "free", edit: []string{"trigger: {available_now: true}", "trigger: {every: 1h}"}, flags: "--available-now", history: "trigger"},
	{name: "memory, cores, brokers and other ways to reach it", outcome: "free", edit: []string{"name: views\n", "name: views\nmemory: 96MiB\ncores: 1\n"}},
	{name: "shards", outcome: "free", edit: []string{"trigger:", "shards: 3\ntrigger:"}, history: "shards"},
	{name: "compression and size of files", outcome: "free", edit: []string{"path: more", "path: more, compression: none, file: {max_bytes: 1MiB}"}, history: "sinks.more.parquet.compression: zstd -> none"},
	{name: "rows and age of files, no rows pending or the same columns", outcome: "free", edit: []string{"path: more", "path: more, file: {max_rows: 1000, max_age: 5m}"}, history: "sinks.more.parquet.file.max_age"},
	{name: "filter", outcome: "free", edit: []string{"kind = 'view'", "kind = 'click'"}, history: `WHERE kind = 'view'" -> "WHERE kind = 'click'"`},
	{name: "watermark: max_disorder, idle_after, max_future", outcome: "free", edit: []string{"max_disorder: 0s", "max_disorder: 3s"}, history: "max_disorder: 0s -> 3s"},
	{name: "bad records: policy", outcome: "free", edit: []string{"trigger:", "on_bad_record: skip\ntrigger:"}, history: "on_bad_record"},
	{name: "start of a source", outcome: "said", edit: []string{"topic: events}", "topic: events, start: latest}"},
		says: []string{"start of source events is for its first run"}, history: "sources.events.kafka.start: earliest -> latest"},
	{name: "source added", outcome: "said", edit: []string{"query:", "  other:\n    kafka: {brokers: \"${BROKER}\", topic: other}\n    columns: {id: string}\nqueries:\n  rest: SELECT id FROM other\n  views:",
		"lake: {", "rest: {from: rest, parquet: {path: rest}}\n  lake: {from: views, ", "more: {", "more: {from: views, ", "alerts: {", "alerts: {from: views, ", "  SELECT id, w", "    SELECT id, w", "  FROM", "    FROM", "  WHERE", "    WHERE", "  GROUP", "    GROUP"},
		says: []string{"source other is new: it is read from earliest", "sink rest is new"}, history: "sources.other: added"},
	{name: "sink added", outcome: "said", edit: []string{"  more:", "  fresh: {parquet: {path: fresh}}\n  more:"},
		says: []string{"sink fresh is new: it gets the rows from here on"}, history: "sinks.fresh: added"},
	{name: "sink removed", outcome: "said", edit: []string{"  more: {parquet: {path: more}}\n", ""}, says: []string{"sink more is gone: what it has written stays"}, history: "sinks.more: removed"},
	{name: "sink of dead letters or late rows added", outcome: "said", edit: []string{"  more:", "  late: {parquet: {path: late}}\n  more:", "trigger:", "on_late_row: {do: side_output, to: late}\ntrigger:"},
		says: []string{"sink late is new"}, history: "on_late_row: drop -> {do: side_output, to: late}"},
	{name: "output column added", outcome: "said", edit: []string{"AS day\n", "AS day, upper(id) AS name\n"},
		says: []string{"sink more: column name (string) is new; rows of before do not have it"}, history: "query"},
	{name: "path of files, the files moved along", outcome: "said", edit: []string{"path: more", "path: moved"},
		before: func(t *testing.T) { check(t, os.Rename("more", "moved")) }, history: "sinks.more.parquet.path"},
	{name: "event time, no window open", outcome: "said", closed: true, edit: []string{"column: at,", "column: seen,", "TUMBLE(events, at,", "TUMBLE(events, seen,"},
		says: []string{"the event time of source events is another one; its watermark goes on"}, history: "sources.events.event_time.column: at -> seen"},
	{name: "window, keys or aggregates, no window open", outcome: "free", closed: true, edit: []string{"'10' SECOND", "'20' SECOND"}, history: "query"},
	{name: "output changed, with --accept-output-change", outcome: "said", closed: true, edit: []string{", sum(n) AS total", ""}, flags: "--accept-output-change lake --accept-output-change more --accept-output-change alerts",
		says: []string{"sink lake: column total (bigint) is gone; what is there stays as it is"}, history: "query"},

	{name: "window, windows open", outcome: "refused", edit: []string{"'10' SECOND", "'20' SECOND"}, says: []string{"rows in open windows", "--flush-windows"}},
	{name: "keys, windows open", outcome: "refused", edit: []string{"SELECT id, w", "SELECT kind AS id, w", "GROUP BY id", "GROUP BY kind"}, says: []string{"rows in open windows", "--flush-windows"}},
	{name: "aggregates, windows open", outcome: "refused", edit: []string{"sum(n) AS total", "max(n) AS total"}, says: []string{"rows in open windows", "--flush-windows"}},
	{name: "emission, windows open", outcome: "refused", edit: []string{"trigger:", "emit: update\ntrigger:", "path: lake,", "path: lake, changelog: true,", "path: more", "path: more, changelog: true", "topic: alerts, key: id", "topic: alerts, changelog: true"},
		says: []string{"changed while windows were open", "--flush-windows"}},
	{name: "allowed lateness, windows open", outcome: "refused", edit: []string{"trigger:", "on_late_row: {do: update, allowed_lateness: 1h}\ntrigger:", "path: lake,", "path: lake, changelog: true,", "path: more", "path: more, changelog: true", "topic: alerts, key: id", "topic: alerts, changelog: true"},
		says: []string{"changed while windows were open", "--flush-windows"}},
	{name: "event time, windows open", outcome: "refused", edit: []string{"column: at,", "expression: seen AS t,", "TUMBLE(events, at,", "TUMBLE(events, t,"}, says: []string{"--flush-windows"}},
	{name: "output column removed", outcome: "refused", edit: []string{", date(window_start) AS day", "", ", partition_by: [\"day\"]", ""},
		says: []string{"sink lake: partition_by is none, was day date", "sink more: column day (date) is gone, and DIR/more holds rows of before", "accept it with --accept-output-change more"}},
	{name: "output column renamed", outcome: "refused", edit: []string{"AS total", "AS sum"}, says: []string{"sink lake: column total (bigint) is gone"}},
	{name: "output column retyped", outcome: "refused", edit: []string{"sum(n) AS total", "CAST(sum(n) AS double) AS total"}, says: []string{"sink lake: column total is double, was bigint", "--accept-output-change lake"}},
	{name: "partition_by", outcome: "refused", edit: []string{`partition_by: ["day"]`, `partition_by: ["day", "id"]`}, says: []string{"sink lake: column id (string) is gone, partition_by is day date, id string, was day date"}},
	{name: "rows become a changelog", outcome: "refused", closed: true, edit: []string{"trigger:", "emit: update\ntrigger:", "path: lake,", "path: lake, changelog: true,", "path: more", "path: more, changelog: true", "topic: alerts, key: id", "topic: alerts, changelog: true"},
		says: []string{"sink lake: its rows are a changelog of id, window_start", "were never taken back"}},
	{name: "path of files", outcome: "refused", edit: []string{"path: more", "path: elsewhere"}, says: []string{"DIR/elsewhere", "has no _millrace/owner although the log has committed rows", "give the sink a new name"}},
	{name: "topic of a sink", outcome: "refused", edit: []string{"topic: alerts", "topic: alerts2"}, says: []string{`sink alerts has written to topic "alerts" and would go on in topic "alerts2"`, "give the sink another name"}},
	{name: "key or value of records", outcome: "refused", edit: []string{"key: id", "key: day"}, says: []string{"its records are JSON by the key day, were JSON by the key id", "--accept-output-change alerts"}},
	{name: "sink renamed", outcome: "refused", edit: []string{"more: {", "renamed: {"}, says: []string{"sink renamed writes to DIR/more, which the job has written as sink more"}},
	{name: "sink of a topic renamed", outcome: "refused", edit: []string{"alerts: {", "renamed: {"}, says: []string{`sink renamed writes to topic "alerts", which the job has written as sink alerts`}},
	{name: "source removed or renamed", outcome: "refused", closed: true, edit: []string{"  events:", "  clicks:", "TUMBLE(events", "TUMBLE(clicks"}, says: []string{`the checkpoint has read the source "events"`, "put it back under that name"}},
	{name: "topic of a source", outcome: "refused", edit: []string{"topic: events}", "topic: other}"}, says: []string{`the checkpoint has read topic "events"; source "events" now reads "other": put the topic's name back`, "--accept-data-loss events"}},
	{name: "name of the job", outcome: "refused", edit: []string{"name: views", "name: clicks"}, says: []string{`belongs to job "views", not to "clicks"`, "give the job its old name"}},
}

// TestJobEdits runs a job, edits its file and runs it again: what the table says is free, accepted and said, or refused with nothing
// written, is that.
func TestJobEdits(t *testing.T) {
	for _, e := range jobEdits {
		t.Run(e.name, func(t *testing.T) { e.run(t, newScript(t)) })
	}
}

// TestJobEditsTogether: a refusal names everything that stands against the job, what state forbids and what readers would miss, so that
// nobody has to be refused once for each.
func TestJobEditsTogether(t *testing.T) {
	e := jobEdit{outcome: "refused", edit: []string{"'10' SECOND", "'20' SECOND", ", sum(n) AS total", "", "topic: alerts", "topic: alerts2",
		`partition_by: ["day"]`, `partition_by: ["day", "id"]`, "more: {", "renamed: {"},
		says: []string{"the job changed since batch 1: ", "rows in open windows", `sink alerts has written to topic "alerts"`,
			"sink lake: column id (string) is gone, column total (bigint) is gone, partition_by is day date, id string, was day date",
			"sink renamed writes to DIR/more, which the job has written as sink more"}}
	e.run(t, newScript(t))
}

func (e jobEdit) run(t *testing.T, s *script) {
	for _, topic := range []string{"events", "other", "alerts", "alerts2"} {
		check(t, s.broker.CreateTopic(topic, 1, nil))
	}
	write(t, "job.yaml", editedJob)
	s.produce(t, "events", 0, eventsAt(1, 12, 25))
	first := "run job.yaml"
	if e.closed {
		first += " --flush-windows"
	}
	s.mustRun(t, first)
	text := editedJob
	for i := 0; i < len(e.edit); i += 2 {
		if !strings.Contains(text, e.edit[i]) {
			t.Fatalf("no %q in the job", e.edit[i])
		}
		text = strings.ReplaceAll(text, e.edit[i], e.edit[i+1])
	}
	write(t, "job.yaml", text)
	if e.before != nil {
		e.before(t)
	}
	s.produce(t, "events", 0, eventsAt(31, 44))
	s.produce(t, "other", 0, []string{`{"id":"o"}`})
	before := s.written(t)
	line := strings.TrimSpace("run job.yaml " + e.flags)
	if e.closed {
		line += " --reopen"
	}
	code, printed := s.command(line)
	printed = s.normal(printed)
	for _, part := range e.says {
		if !strings.Contains(printed, part) {
			t.Errorf("%q is not in\n%s", part, printed)
		}
	}
	if said := strings.Contains(printed, "the job changed: "); said != (e.outcome == "said") && !strings.HasPrefix(e.name, "path of files") {
		t.Errorf("said is %t, the outcome %s:\n%s", said, e.outcome, printed)
	}
	if e.outcome == "refused" {
		if code != exitRefused {
			t.Errorf("exit %d:\n%s", code, printed)
		}
		if after := s.written(t); after != before {
			t.Errorf("a refused run wrote: before\n%s\nafter\n%s", before, after)
		}
		return
	}
	if code != 0 {
		t.Fatalf("exit %d:\n%s", code, printed)
	}
	e.checkHistory(t, s)
}

// checkHistory looks for the edit in the log, with what was said of it, and for no other.
func (e jobEdit) checkHistory(t *testing.T, s *script) {
	code, lines := s.command("inspect job.yaml --history")
	none := strings.Contains(lines, "has not been edited")
	if code != 0 || none != (e.history == "") || !strings.Contains(lines, e.history) {
		t.Errorf("exit %d, history without %q:\n%s", code, e.history, lines)
	}
	for _, part := range e.says {
		if !strings.Contains(s.normal(lines), part) {
			t.Errorf("%q was said and is not in the history:\n%s", part, lines)
		}
	}
	if ids := regexp.MustCompile(`(?m)^batch (\d+) `).FindAllString(lines, -1); len(slices.Compact(ids)) > 1 {
		t.Errorf("edits with several batches:\n%s", lines)
	}
}

func eventsAt(seconds ...int) (out []string) {
	for _, s := range seconds {
		out = append(out, fmt.Sprintf(`{"id":"a","kind":"view","n":1,"at":%d,"seen":%d}`, 1700000000000+s*1000, 1700000000000+s*1000+1))
	}
	return out
}

// command runs a command line and returns its exit code and all that it prints.
func (s *script) command(line string) (int, string) {
	var out bytes.Buffer
	code := run(context.Background(), words(line), &out, &out)
	return code, out.String()
}

func (s *script) mustRun(t *testing.T, line string) {
	t.Helper()
	if code, printed := s.command(line); code != 0 {
		t.Fatalf("%s: exit %d:\n%s", line, code, printed)
	}
}

// written are the files that there are, with what is in them, but for who took the job and how it was described.
func (s *script) written(t *testing.T) string {
	t.Helper()
	var out []string
	check(t, filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasPrefix(path, "cp/epochs/") || strings.HasPrefix(path, "cp/blobs/") {
			return err
		}
		data, err := os.ReadFile(path)
		sum := sha256.Sum256(data)
		out = append(out, path+" "+hex.EncodeToString(sum[:4]))
		return err
	}))
	return strings.Join(out, "\n")
}

// TestJobEditsDoc compares the rows of the document with those of the test.
func TestJobEditsDoc(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "job-edits.md"))
	check(t, err)
	var described, tested []string
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(line, " | ")
		if outcome := strings.Trim(cells[min(1, len(cells)-1)], "* "); strings.HasPrefix(line, "| ") && slices.Contains([]string{"free", "said", "refused"}, outcome) {
			described = append(described, strings.TrimPrefix(cells[0], "| ")+": "+outcome)
		}
	}
	for _, e := range jobEdits {
		tested = append(tested, e.name+": "+e.outcome)
	}
	if !slices.Equal(described, tested) {
		t.Errorf("described\n%s\ntested\n%s", strings.Join(described, "\n"), strings.Join(tested, "\n"))
	}
}
