package jobspec

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestEarlier says what an edit changed, a line for each key, and never a secret.
func TestEarlier(t *testing.T) {
	write(t, filepath.Join(workDir(t), "token"), "hunter2\n")
	for _, test := range []struct {
		name string
		edit []string
		want []string
	}{
		{"nothing", []string{"name: ad-views\n", "name: ad-views # the same\n"}, nil},
		{"a value", []string{"{rows: 1000}", "{rows: 5}"}, []string{"limits.rows: 1000 -> 5"}},
		{"a key more", []string{"{rows: 1000}", "{rows: 1000, rate: 7}"}, []string{"limits.rate: added, 7"}},
		{"a default", []string{"limits: {rows: 1000}\n", ""}, []string{"limits.rows: 1000 -> 1000000"}},
		{"a line of the query", []string{"count(*) AS views", "sum(price) AS views"},
			[]string{`query: line 1: "SELECT a.campaign_id, window_start, count(*) AS views" -> "SELECT a.campaign_id, window_start, sum(price) AS views"`}},
		{"a line more", []string{"  GROUP BY a.campaign_id, window_start\n", "  GROUP BY a.campaign_id, window_start\n  HAVING count(*) > 1\n"}, []string{`query: line 5: its end -> "HAVING count(*) > 1"`}},
		{"blanks", []string{"  GROUP BY", "     GROUP BY"}, []string{"query: other blanks"}},
		{"how it is reached", []string{"a:1,b:2", "c:3", "name: ad-views\n", "name: ad-views\nmemory: 64MiB\n"}, nil},
		{"a sink by another name", []string{"  lake:", "  pond:"}, []string{"sinks.lake: removed, was {parquet: {compression: zstd,", "sinks.pond: added, {parquet: {compression: zstd,"}},
		{"a secret", []string{"topic: ad-events", `topic: "ad-${file:token}"`}, []string{"sources.events.kafka.topic: ad-events -> "}},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, then := mustJob(t, viewsJob)
			now, err := load(t, replaced(t, viewsJob, test.edit...))
			if err != nil {
				t.Fatal(err)
			}
			_, lines, err := now.Earlier(then.Recorded)
			if err != nil {
				t.Fatal(err)
			}
			if len(lines) != len(test.want) {
				t.Fatalf("lines %q, want %q", lines, test.want)
			}
			for i := range lines {
				if !strings.HasPrefix(lines[i], test.want[i]) || strings.Contains(lines[i], "\n") || strings.Contains(lines[i], "hunter2") {
					t.Errorf("line %q, want %q", lines[i], test.want[i])
				}
			}
		})
	}
}

// TestEarlierOfWhatIsNotReached compares with a job of which the file at hand cannot say any more how it was reached.
func TestEarlierOfWhatIsNotReached(t *testing.T) {
	workDir(t)
	two := replaced(t, viewsJob, "    parquet:", "    kafka: {brokers: \"z:9\", topic: out}\n  more:\n    kafka: {brokers: \"y:9\", topic: more}\n  files:\n    parquet:")
	_, then := mustJob(t, two)
	now, _ := mustJob(t, viewsJob)
	if _, err := now.Resolve(then.Recorded); err == nil {
		t.Fatal("a job resolved that cannot be reached")
	}
	was, lines, err := now.Earlier(then.Recorded)
	if err != nil || was.Hash != then.Hash {
		t.Fatalf("error %v", err)
	}
	if !slices.ContainsFunc(lines, func(s string) bool { return strings.HasPrefix(s, "sinks.more: removed") }) {
		t.Errorf("lines %q", lines)
	}
	if _, lines, err = now.Earlier([]byte(`{"version":99}`)); err == nil || len(lines) > 0 {
		t.Errorf("a record of another form: %q, %v", lines, err)
	}
}

// TestLongDifference has what differs in what is left of two long texts, wherever that is.
func TestLongDifference(t *testing.T) {
	front, back := "SELECT "+strings.Repeat("long, ", 40), strings.Repeat(", long", 40)
	for _, test := range []struct{ was, is, before, after string }{
		{front + "a < 1000", front + "a < 2000", "…, long, long, long, long, a < 1000", "…, long, long, long, long, a < 2000"},
		{"a" + back, "b" + back, "a" + back[:98] + "…", "b" + back[:98] + "…"},
		{front, front + "ä", "…long, long, long, long, long, ", "…long, long, long, long, long, ä"},
		{"short", "shorter", "short", "shorter"},
	} {
		before, after := beside(test.was, test.is)
		if before != test.before || after != test.after {
			t.Errorf("%q, %q, want %q, %q", before, after, test.before, test.after)
		}
		if line := lineDifference("same\n"+test.was, "same\n"+test.is); line == "" || !strings.Contains(line, test.after[len(test.after)-4:]) {
			t.Errorf("%q does not say how the lines differ", line)
		}
	}
}
