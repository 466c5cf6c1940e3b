package sql

import (
	"fmt"
	"strings"
)

// refusal is what the user is told about SQL that is known and not supported.
type refusal struct {
	words []string // the words and signs it begins with
	msg   string
	hint  string
}

// anyWord stands in refusal.words for a name.
const anyWord = "…"

// refusals are looked up, by their first word, wherever the grammar cannot go on.
var refusals = indexed([]refusal{
	{words: []string{"UNION"}},
	{words: []string{"INTERSECT"}},
	{words: []string{"EXCEPT"}},
	{words: []string{"WITH"}},
	{words: []string{"DISTINCT"}, hint: "GROUP BY in a window gives each combination once"},
	{words: []string{"ORDER", "BY"}, msg: "ORDER BY is not supported: a stream has no last row to sort up to"},
	{words: []string{"SORT", "BY"}, msg: "SORT BY is not supported: a stream has no last row to sort up to"},
	{words: []string{"LIMIT"}, msg: "LIMIT is not supported: a stream has no first rows"},
	{words: []string{"OFFSET"}, msg: "OFFSET is not supported: a stream has no first rows"},
	{words: []string{"FETCH"}, msg: "FETCH is not supported: a stream has no first rows"},
	{words: []string{"QUALIFY"}},
	{words: []string{"EMIT"}, hint: "a window's rows come out when it closes"},
	{words: []string{"INTO"}, msg: "INTO is not supported", hint: "sinks stand in the job file"},
	{words: []string{"WINDOW", anyWord, "AS"}, msg: "WINDOW is not supported yet", hint: "event-time windows are written FROM TUMBLE(…)"},
	{words: []string{"OVER"}, msg: "window functions (OVER) are not supported yet"},
	{words: []string{"FILTER", "("}, hint: "write count(CASE WHEN … THEN 1 END)"},
	{words: []string{"WITHIN", "GROUP"}},
	{words: []string{"IGNORE", "NULLS"}},
	{words: []string{"RESPECT", "NULLS"}},
	{words: []string{"LIKE"}},
	{words: []string{"ILIKE"}},
	{words: []string{"SIMILAR", "TO"}},
	{words: []string{"RLIKE"}},
	{words: []string{"REGEXP"}},
	{words: []string{"COLLATE"}},
	{words: []string{"AT", "TIME", "ZONE"}, hint: "times are UTC"},
	{words: []string{"ESCAPE"}},
	{words: []string{"EXISTS"}},
	{words: []string{"RIGHT", "JOIN"}},
	{words: []string{"RIGHT", "OUTER"}, msg: "RIGHT JOIN is not supported yet"},
	{words: []string{"RIGHT", "("}, msg: "function right() is not supported yet"},
	{words: []string{"LEFT", "("}, msg: "function left() is not supported yet"},
	{words: []string{"SEMI", "JOIN"}},
	{words: []string{"ANTI", "JOIN"}},
	{words: []string{"ASOF", "JOIN"}},
	{words: []string{"FULL"}, msg: "FULL JOIN is not supported yet"},
	{words: []string{"CROSS"}, msg: "CROSS JOIN is not supported yet", hint: "write JOIN … ON"},
	{words: []string{"NATURAL"}, msg: "NATURAL JOIN is not supported", hint: "write JOIN … USING (column)"},
	{words: []string{"LATERAL"}},
	{words: []string{"TABLESAMPLE"}},
	{words: []string{"FOR", "SYSTEM_TIME"}, msg: "FOR SYSTEM_TIME AS OF is not supported yet"},
	{words: []string{"PIVOT", "("}},
	{words: []string{"UNPIVOT", "("}},
	{words: []string{"MATCH_RECOGNIZE"}},
	{words: []string{"GROUPING", "SETS"}},
	{words: []string{"ARRAY", "["}, msg: "ARRAY is not supported yet"},
	{words: []string{"["}, msg: "subscripts are not supported yet"},
	{words: []string{"{"}, msg: "braces have no meaning in a query", hint: "${VARIABLES} are replaced in the job file only"},
	{words: []string{"->"}, msg: "-> is not supported yet", hint: "a column of the source can read a path"},
	{words: []string{"->>"}, msg: "->> is not supported yet", hint: "a column of the source can read a path"},
	{words: []string{"=="}, msg: "== is not an operator", hint: "write ="},
	{words: []string{"&&"}, msg: "&& is not an operator", hint: "write AND"},
	{words: []string{"!"}, msg: "! is not an operator", hint: "write NOT"},
	{words: []string{"^"}, msg: "the operator ^ is not supported yet"},
	{words: []string{"**"}, msg: "the operator ** is not supported yet"},
	{words: []string{"&"}, msg: "bit operators are not supported yet"},
	{words: []string{"|"}, msg: "bit operators are not supported yet", hint: "strings are joined by ||"},
	{words: []string{"<<"}, msg: "bit operators are not supported yet"},
	{words: []string{">>"}, msg: "bit operators are not supported yet"},
	{words: []string{"#"}, msg: "the operator # is not supported yet", hint: "comments begin with --"},
	{words: []string{"~"}, msg: "regular expressions are not supported yet"},
	{words: []string{"!~"}, msg: "regular expressions are not supported yet"},
	{words: []string{"~~"}, msg: "LIKE is not supported yet"},
	{words: []string{"@"}, msg: "the operator @ is not supported yet"},
	{words: []string{"?"}, msg: "parameters are not supported; ${VARIABLES} of the job file are"},
	{words: []string{"$"}, msg: "parameters are not supported; ${VARIABLES} of the job file are"},
})

// indexed completes the messages and sorts the list by first words.
func indexed(list []refusal) map[string][]refusal {
	index := map[string][]refusal{}
	for _, r := range list {
		if r.msg == "" {
			r.msg = strings.TrimSuffix(strings.Join(r.words, " "), " (") + " is not supported yet"
		}
		index[r.words[0]] = append(index[r.words[0]], r)
	}
	return index
}

// refusal is the one that the present token begins, or the zero value.
func (p *parser) refusal() refusal {
	for _, r := range refusals[p.peek().key] {
		if p.follows(r.words) {
			return r
		}
	}
	return refusal{}
}

func (p *parser) follows(words []string) bool {
	for i, w := range words {
		if w != anyWord && p.ahead(i).key != w {
			return false
		}
	}
	return true
}

// refuse fails if the present token begins something that is known and not supported.
func (p *parser) refuse() bool {
	if p.err != nil {
		return true
	}
	r := p.refusal()
	if r.msg != "" {
		p.fail(p.peek(), r.msg, r.hint)
	}
	return r.msg != ""
}

// refuseSubselect fails if a SELECT begins here.
func (p *parser) refuseSubselect() {
	if p.is("SELECT") || p.is("WITH") || p.is("VALUES") {
		p.fail(p.peek(), "sub-selects are not supported yet", "")
	}
}

// otherStatements begin what is no query. A job has one query, everything else stands in the job file.
var otherStatements = wordSet(`ALTER ANALYZE BEGIN CALL COPY CREATE DELETE DESCRIBE DROP EXPLAIN GRANT INSERT LOAD MERGE
	REFRESH REPLACE SET SHOW START STOP TABLE TRUNCATE UPDATE UPSERT USE VALUES`)

func (p *parser) refuseStatement() {
	t := p.peek()
	switch {
	case otherStatements[t.key]:
		p.fail(t, t.key+" is not supported: a job has one SELECT", "sources, tables and sinks stand in the job file")
	case t.key == "(":
		p.fail(t, "a query in parentheses is not supported yet", "")
	}
}

// refusedFunctions are known functions that do not exist here, with the reason.
var refusedFunctions = functionRefusals()

func functionRefusals() map[string]refusal {
	m := map[string]refusal{}
	add := func(names, msg, hint string) {
		for _, n := range strings.Fields(names) {
			m[n] = refusal{msg: fmt.Sprintf(msg, n), hint: hint}
		}
	}
	add("random rand uuid gen_random_uuid newid setseed", "%s() is refused", "a batch that runs again must give the same rows")
	add("now current_timestamp current_date current_time localtime localtimestamp proctime sysdate clock_timestamp getdate",
		"%s() is not supported yet", "event time is a column")
	add("row_number rank dense_rank percent_rank cume_dist ntile lag lead first_value last_value nth_value",
		"window function %s() is not supported yet", "")
	add(`approx_count_distinct array_agg avg_if bit_and bit_or bool_and bool_or any_value corr count_if covar_pop covar_samp
		every first group_concat grouping json_agg last listagg median mode percentile_cont percentile_disc
		quantile stddev stddev_pop stddev_samp string_agg sum_if var_pop var_samp variance`,
		"aggregate %s() is not supported yet; count, sum, min, max and avg are", "")
	add("tumble tumble_end hop hop_start hop_end session session_start session_end session_window window cumulate",
		"%s() is not supported in an expression", "windows are written FROM TUMBLE(stream, time, INTERVAL '10' SECOND)")
	add("rollup cube", "%s() is not supported yet", "")
	add("array row struct map any some unnest", "%s() is not supported yet", "")
	return m
}

// windowFunctions are the table functions other than TUMBLE that someone may know.
var windowFunctions = wordSet("HOP SLIDE SESSION CUMULATE")

func (p *parser) refuseTableFunction(t token) {
	switch near := nearestKeyword(t, []string{"TUMBLE"}); {
	case windowFunctions[t.key]:
		p.fail(t, t.key+" windows are not supported yet; TUMBLE is", "")
	case near == "TUMBLE":
		p.fail(t, "unknown table function "+t.describe(), didYouMean(near))
	default:
		p.fail(t, fmt.Sprintf("table function %s is not supported; TUMBLE is", t.describe()), "")
	}
}
