package sql

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/millrace/millrace/dstream"
)

// slowest is the processor time that no text may take. Garbage of other tests counts too, so the best of a few tries
// decides.
const slowest = slower * 100 * time.Millisecond

// judge compiles text and fails the test when the error has no place inside the text or the time is over the limit.
func judge(t *testing.T, text string) error {
	t.Helper()
	var err error
	var best time.Duration
	for try := range 5 {
		g := testGraph(t)
		start := cpuTime(t)
		_, err = Compile(g, "q.sql", text, dstream.Pos{})
		if took := cpuTime(t) - start; try == 0 || took < best {
			best = took
		}
		if best < slowest {
			break
		}
	}
	if best >= slowest {
		t.Errorf("%.80q… took %s", text, best)
	}
	if err != nil {
		checkPlace(t, text, err)
	}
	return err
}

// cpuTime is what this process has used so far; unlike the clock it does not run while others work.
func cpuTime(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	check(t, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func checkPlace(t *testing.T, text string, err error) {
	t.Helper()
	pos, ok := Position(err)
	lines := strings.Split(text, "\n")
	if !ok || pos.Line > len(lines) || pos.Column < 1 || pos.Column > utf8.RuneCountInString(lines[pos.Line-1])+1 {
		t.Errorf("%.200q: error outside of the text: %v", text, err)
	}
	if rendered := Render(err, text); !strings.Contains(rendered, "^") {
		t.Errorf("%.200q: no caret in\n%s", text, rendered)
	}
}

var seeds = []string{
	"SELECT a.campaign_id, window_start, count(*) AS views FROM TUMBLE(events, event_time, INTERVAL '10' SECOND) e JOIN ads a ON e.ad_id = a.ad_id WHERE e.event_type = 'view' GROUP BY a.campaign_id, window_start HAVING count(*) > 1",
	"SELECT window_start, avg(price) FROM TABLE(TUMBLE(TABLE events, DESCRIPTOR(event_time), INTERVAL '1 hour', offset => INTERVAL '15' MINUTE)) LEFT JOIN ads USING (ad_id) GROUP BY 1;",
	"SELECT *, CASE WHEN n > 1 THEN 'x' ELSE \"ad_id\" END c, CAST(n AS double) / -2, clicks::text || 'it''s', NOT ok IS NOT TRUE -- end\nFROM events /* all */ WHERE n NOT BETWEEN 1 AND 2e3 AND n IN (1, 2) OR event_time > TIMESTAMP '2024-01-01 00:00:00' + INTERVAL 1 DAY",
	"SELECT EXTRACT(HOUR FROM event_time), COALESCE(n, 0) % 2 FROM events e WHERE e.ok",
}

// Deleting, doubling or swapping any token gives a query or an error inside the text, never a panic.
func TestMutations(t *testing.T) {
	for _, text := range seeds {
		tokens := lex(text)
		for i := range tokens[:len(tokens)-1] {
			judge(t, text[:tokens[i].start]+text[tokens[i].end:])
			judge(t, text[:tokens[i].end]+" "+text[tokens[i].start:])
			judge(t, text[:tokens[i].end])
			next := tokens[i+1]
			judge(t, text[:tokens[i].start]+text[next.start:next.end]+" "+text[tokens[i].start:tokens[i].end]+" "+text[next.end:])
		}
	}
}

func TestLimits(t *testing.T) {
	deep := func(open, middle, shut string, n int) string {
		return "SELECT " + strings.Repeat(open, n) + middle + strings.Repeat(shut, n) + " AS x FROM events"
	}
	for _, c := range []struct{ name, text, want string }{
		{"parentheses", deep("(", "n", ")", 199), ""},
		{"too many parentheses", deep("(", "n", ")", 200), "the expression is nested more than 200 deep"},
		{"parentheses without end", deep("(", "", "", 50_000), "the expression is nested more than 200 deep"},
		{"calls", deep("lower(", "ad_id", ")", 200), "the expression is nested more than 200 deep"},
		{"minus signs", deep("- ", "n", "", 200), "the expression is nested more than 200 deep"},
		{"NOT", deep("NOT ", "ok", "", 200), "the expression is nested more than 200 deep"},
		{"CASE", deep("CASE WHEN ok THEN ", "n", " END", 200), "the expression is nested more than 200 deep"},
		{"long sum", deep("", "n", " + n", 900), ""},
		{"longer sum", deep("", "n", " + n", 1000), "more than 1000 operations on top of each other"},
		{"casts", deep("", "n", "::int", 2000), "more than 1000 operations on top of each other"},
		{"BETWEEN doubles its operand", deep("(", "ok", ") BETWEEN ok AND ok", 60), "more than 25000 operations, names and values"},
		{"IS TRUE doubles its operand", deep("", "ok", " IS TRUE", 60), "more than 25000 operations, names and values"},
		{"CASE repeats its operand", deep("CASE (", "n", ") WHEN 1 THEN 2 WHEN 2 THEN 3 END", 60), "more than 25000 operations, names and values"},
		{"long list", "SELECT n FROM events WHERE n IN (1" + strings.Repeat(", 2", 5000) + ")", ""},
		{"too long list", "SELECT n FROM events WHERE n IN (1" + strings.Repeat(", 2", 20_000) + ")", "more than 25000 operations, names and values"},
		{"many columns", "SELECT n" + strings.Repeat(", n", 2000) + " FROM events", "the select list has more than 2000 columns"},
		{"many keys", "SELECT n FROM events GROUP BY 1" + strings.Repeat(", 1", 64), "GROUP BY has more than 64 keys"},
		{"many joins", "SELECT n FROM events" + strings.Repeat(" JOIN ads USING (ad_id)", 33), "more than 32 joins"},
		{"many tokens", "SELECT " + strings.Repeat("n,", 60_000), "the select list has more than 2000 columns"},
		{"nothing but tokens", strings.Repeat("; ", 200_000), "expected SELECT"},
		{"too much text", "SELECT" + strings.Repeat(" ", 1<<20), "the text has 1048582 bytes; the limit is 1048576"},
		{"much white space", "SELECT" + strings.Repeat(" ", 1<<20-6), "expected an expression, found the end of the text"},
		{"long string", "SELECT '" + strings.Repeat("x", 1<<19) + "' + n FROM events", "does not exist"},
		{"long name", "SELECT " + strings.Repeat("x", 1<<19), "this name is longer than 255 characters"},
		{"long number", "SELECT " + strings.Repeat("9", 1<<19), "is outside the range of decimal(38,0)"},
		{"many quotes", "SELECT '" + strings.Repeat("''", 1<<18), "this ' has no closing '"},
		{"many comments", "SELECT " + strings.Repeat("/**/", 1<<17), "expected an expression"},
		{"many commas", "SELECT n FROM events WHERE f(" + strings.Repeat("1,", 24_000) + "1)", "f does not exist"},
		{"long interval", "SELECT INTERVAL '" + strings.Repeat("1 day ", 1<<16) + "' FROM events", "is not an interval"},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := judge(t, c.text)
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("got %v, want %q", err, c.want)
			}
			if err != nil && len(Render(err, c.text)) > 1000 {
				t.Errorf("the message has %d bytes", len(Render(err, c.text)))
			}
		})
	}
}

// The longest grouped expressions are checked against every key.
func TestManyKeys(t *testing.T) {
	var keys, items []string
	for i := range 60 {
		keys = append(keys, fmt.Sprintf("n + %d", i))
		items = append(items, fmt.Sprintf("n + %d AS k%d", i, i))
	}
	text := "SELECT " + strings.Join(items, ", ") + ", sum(n)" + strings.Repeat(" + n % 1", 50) +
		" AS s FROM TUMBLE(events, event_time, INTERVAL '1' DAY) GROUP BY window_start, " + strings.Join(keys, ", ")
	if err := judge(t, text); err == nil || !strings.Contains(err.Error(), "neither grouped by") {
		t.Error(err)
	}
}

func FuzzCompile(f *testing.F) {
	for _, s := range seeds {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) { judge(t, text) })
}

func FuzzParseExpr(f *testing.F) {
	for _, s := range []string{"date(window_start) AS dt", "a.b + 1", "CASE a WHEN 1 THEN 'x' END", "x::timestamp"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		e, err := ParseExpr("job.yaml", text, dstream.Pos{})
		if err != nil {
			checkPlace(t, text, err)
		} else if e.Pos.Line == 0 {
			t.Errorf("%q: no place", text)
		}
	})
}

func TestRender(t *testing.T) {
	at := func(line, col int, hint string) error {
		return &dstream.Error{Pos: dstream.Pos{File: "q.sql", Line: line, Column: col}, Msg: "wrong", Hint: hint}
	}
	long := strings.Repeat("x", 100) + "!" + strings.Repeat("y", 100)
	for _, c := range []struct {
		err        error
		text, want string
	}{
		{at(2, 3, ""), "a\nb c\nd", "q.sql:2:3: wrong\nb c\n  ^"},
		{at(1, 4, "try"), "\tab\tc", "q.sql:1:4: wrong; try"},
		{fmt.Errorf("job x: %w", at(1, 2, "try")), "abc\r\n", "job x: q.sql:1:2: wrong\nabc\n ^\ntry"},
		{at(1, 4, ""), "\tä\x1bc", "q.sql:1:4: wrong\n\tä?c\n\t  ^"},
		{at(1, 101, ""), long, "q.sql:1:101: wrong\n…" + long[40:160] + "…\n" + strings.Repeat(" ", 61) + "^"},
		{at(1, 1, ""), long, "q.sql:1:1: wrong\n" + long[:60] + "…\n^"},
		{at(9, 1, ""), "a", "q.sql:9:1: wrong"},
		{at(1, 9, ""), "a", "q.sql:1:9: wrong"},
		{errors.New("disk full"), "a", "disk full"},
	} {
		got := Render(c.err, c.text)
		if c.text == "\tab\tc" { // a tab before the caret stays one
			c.want = "q.sql:1:4: wrong\n\tab\tc\n\t  ^\ntry"
		}
		if got != c.want {
			t.Errorf("%q:\n%s\nwant\n%s", c.text, got, c.want)
		}
	}
}
