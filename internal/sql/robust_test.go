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

// judge compiles and plans text and fails the test when the error has no place inside the text or the time is over the limit.
func judge(t *testing.T, text string) error {
	t.Helper()
	var err error
	var best time.Duration
	for try := range 5 {
		g := testGraph(t)
		start := cpuTime(t)
		err = compileAll(g, text)
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
	"WITH a AS (SELECT n, ad_id FROM events), b(x, y) AS (SELECT n, 1 FROM a UNION ALL (SELECT clicks, 2 FROM events)) SELECT t.p FROM (SELECT x FROM b) AS t(p) WHERE p IS NOT DISTINCT FROM 3",
	"SELECT * EXCLUDE (n) REPLACE (upper(ad_id) AS ad_id), e.* EXCEPT (ok) FROM events e CROSS JOIN UNNEST(ARRAY[1, 2]) WITH ORDINALITY AS u(v, i) LEFT JOIN UNNEST([3]) w ON TRUE",
	"SELECT window_start, count(DISTINCT ad_id) FILTER (WHERE ok), string_agg(ad_id, ',' ORDER BY n DESC NULLS LAST) FROM TUMBLE((SELECT * FROM events), event_time, INTERVAL '1 02:00' DAY TO MINUTE) GROUP BY ALL",
	"SELECT TUMBLE_START(event_time, INTERVAL '1' HOUR) AS s, max(n) FROM events GROUP BY TUMBLE(event_time, INTERVAL '1' HOUR), n NOT LIKE E'\\x41' ESCAPE '!'",
	"SELECT window.start, w.end FROM events GROUP BY window(event_time, '10 minutes') HAVING sum(n) BETWEEN SYMMETRIC 1 AND 2",
	"SELECT TRY_CAST(ad_id AS array<struct<a int, b decimal(5,2)>>)[1].b, {'a': 1}.a, MAP['k', 2]['k'], ROW(n AS x).x, DATE '2024-01-31', X'00ff', $$x$$, 12345678901234567890 FROM events",
	"SELECT SUBSTRING(ad_id FROM 2 FOR 3), TRIM(BOTH 'x' FROM ad_id), POSITION('a' IN ad_id), OVERLAY(ad_id PLACING 'x' FROM 1), event_time AT TIME ZONE 'UTC', n & 3 | 4 # 5 << 1, -n ^ 2, ad_id ~* 'x', CURRENT_DATE FROM events",
	"SELECT INTERVAL '1-2' YEAR TO MONTH, INTERVAL 'P1DT2H', INTERVAL 1 HOUR 30 MINUTES, a.x FROM events LATERAL VIEW OUTER explode(ARRAY[ROW(1 AS x)]) t AS a",
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
		{"BETWEEN SYMMETRIC doubles its operand", deep("(", "ok", ") BETWEEN SYMMETRIC ok AND ok", 60), "more than 15000 operations, names and values"},
		{"IS TRUE", deep("", "ok", " IS TRUE", 900), ""},
		{"CASE repeats its operand", deep("CASE (", "n", ") WHEN 1 THEN 2 WHEN 2 THEN 3 END", 60), "more than 15000 operations, names and values"},
		{"long list", "SELECT n FROM events WHERE n IN (1" + strings.Repeat(", 2", 14_000) + ")", ""},
		{"too long list", "SELECT n FROM events WHERE n IN (1" + strings.Repeat(", 2", 20_000) + ")", "more than 15000 operations, names and values"},
		{"many columns", "SELECT n" + strings.Repeat(", n", 2000) + " FROM events", "the select list has more than 2000 columns"},
		{"many keys", "SELECT n FROM events GROUP BY 1" + strings.Repeat(", 1", 64), "GROUP BY has more than 64 keys"},
		{"many stars", "SELECT *" + strings.Repeat(", *", 1000) + " FROM events", "the SELECT has more than 3000 columns"},
		{"stars of stars", "SELECT * FROM (SELECT *" + strings.Repeat(", *", 400) + " FROM (SELECT *" + strings.Repeat(", *", 400) + " FROM events))", "the SELECT has more than 3000 columns"},
		{"wide queries", wide(2000, 7), ""},
		{"wider queries", wide(2000, 9), "too many names for so many columns"},
		{"alias of an alias", "SELECT n" + strings.Repeat(" + n", 500) + " AS x FROM TUMBLE(events, event_time, INTERVAL '1' DAY) GROUP BY window_start, n HAVING x" + strings.Repeat(" + x", 500) + " > 1", "with the aliases spelled out"},
		{"named queries", "WITH a0 AS (SELECT n FROM events)" + chain(150, ", a%d AS (SELECT n + n AS n FROM a%d)") + " SELECT n FROM a150", ""},
		{"too many queries", "SELECT n FROM events" + strings.Repeat(" UNION ALL SELECT n FROM events", 200), "more than 200 SELECTs"},
		{"nested queries", strings.Repeat("SELECT n FROM (", 49) + "SELECT n FROM events" + strings.Repeat(")", 49), ""},
		{"queries nested too deep", strings.Repeat("SELECT n FROM (", 50) + "SELECT n FROM events" + strings.Repeat(")", 50), "queries are nested more than 50 deep"},
		{"parentheses without a query", strings.Repeat("(", 50_000), "queries are nested more than 50 deep"},
		{"parentheses around a name", "SELECT n FROM " + strings.Repeat("(", 50_000), "queries are nested more than 50 deep"},
		{"nested types", "SELECT n::" + strings.Repeat("array<", 50_000), "types are nested more than 32 deep"},
		{"many fields", "SELECT n::struct<" + chain(2000, "f%d int, ") + "a int> FROM events", "more than 1000 fields"},
		{"deep arrays", deep("[", "n", "]", 250), "the expression is nested more than 200 deep"},
		{"deep structs", deep("ROW(", "n", ")", 250), "the expression is nested more than 200 deep"},
		{"long path", deep("", "n", ".a", 2000), "more than 1000 operations on top of each other"},
		{"many subscripts", deep("", "n", "[1]", 2000), "more than 1000 operations on top of each other"},
		{"LIKE", deep("", "ad_id", " || ad_id LIKE ad_id", 900), "cannot follow another test"},
		{"many escapes", "SELECT E'" + strings.Repeat("\\n", 1<<18) + "' FROM events", ""},
		{"many dollars", "SELECT " + strings.Repeat("$a ", 1<<17), "parameters are not supported"},
		{"dollar quotes", "SELECT $$" + strings.Repeat("$a", 1<<18), "has no closing"},
		{"long hexadecimal number", "SELECT 0x" + strings.Repeat("f", 1<<19), "is not a number"},
		{"many underscores", "SELECT 1" + strings.Repeat("_1", 1<<18), "numbers have no underscores"},
		{"many columns of an alias", "SELECT n FROM events e(" + chain(3000, "c%d, ") + "a)", "more than 2000 columns"},
		{"many names to unnest", "SELECT n FROM events, UNNEST(n) AS u(" + chain(1999, "c%d, ") + "a)", "UNNEST"},
		{"intervals in a row", "SELECT INTERVAL" + strings.Repeat(" 1 HOUR", 20_000) + " FROM events", "is not an interval"},
		{"divisions of long texts", "SELECT n" + strings.Repeat(" / n"+strings.Repeat(" ", 1000), 900) + " AS x FROM events", ""},
		{"a long name among many", "SELECT x" + strings.Repeat("x", 240) + " FROM (SELECT n AS y" + chain(1999, ", n AS "+strings.Repeat("x", 200)+"%d") + " FROM events)", "unknown column"},
		{"a name among many", "SELECT y FROM (SELECT n AS y0" + chain(1999, ", n AS y%d") + " FROM events)", "unknown column"},
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
		{"many commas", "SELECT n FROM events WHERE f(" + strings.Repeat("1,", 14_000) + "1)", "f does not exist"},
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

// chain writes a piece for each number from 1 to n; a second number in it is the one before.
func chain(n int, piece string) string {
	var b strings.Builder
	for i := 1; i <= n; i++ {
		if strings.Count(piece, "%d") == 2 {
			fmt.Fprintf(&b, piece, i, i-1)
		} else {
			fmt.Fprintf(&b, piece, i)
		}
	}
	return b.String()
}

// wide is a query of that many columns below queries that name some of them.
func wide(columns, queries int) string {
	return "WITH w AS (SELECT n AS c0" + chain(columns-1, ", n AS c%d") + " FROM events)" +
		chain(queries, ", q%d AS (SELECT c1999"+strings.Repeat(", c1999", 249)+" FROM w)") + " SELECT c0 FROM w"
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

func FuzzParseType(f *testing.F) {
	for _, s := range []string{"decimal(18, 4)", "array<struct<a int, \"b c\" map<string, double precision>>>[]", "timestamp(ms)", "timestamp with time zone", "row(a: text)"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		typ, _, err := ParseType(text)
		if err != nil {
			return
		}
		again, _, err := ParseType(typ.String())
		if err != nil || again != typ {
			t.Errorf("%q is %s, which is read as %s, %v", text, typ, again, err)
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
