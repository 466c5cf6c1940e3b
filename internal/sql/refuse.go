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
	// Queries.
	{words: []string{"INTERSECT"}, msg: "INTERSECT is not supported: it would keep every row for ever", hint: "join a static table"},
	{words: []string{"EXCEPT"}, msg: "EXCEPT is not supported: it would keep every row for ever", hint: "LEFT JOIN a static table, WHERE its key IS NULL"},
	{words: []string{"MINUS", "SELECT"}, msg: "MINUS is not supported: it would keep every row for ever", hint: "LEFT JOIN a static table, WHERE its key IS NULL"},
	{words: []string{"UNION"}, hint: "write UNION ALL between two SELECTs"},
	{words: []string{"WITH"}, msg: "WITH stands in front of a query", hint: "write WITH name AS (SELECT …) SELECT …"},
	{words: []string{"DISTINCT"}, msg: "DISTINCT stands behind SELECT, or inside an aggregate"},
	{words: []string{"ORDER", "BY"}, msg: "ORDER BY is not supported: a stream has no last row to sort up to", hint: "string_agg and array_agg take an ORDER BY inside"},
	{words: []string{"SORT", "BY"}, msg: "SORT BY is not supported: a stream has no last row to sort up to"},
	{words: []string{"CLUSTER", "BY"}, msg: "CLUSTER BY is not supported: the engine distributes rows by itself"},
	{words: []string{"DISTRIBUTE", "BY"}, msg: "DISTRIBUTE BY is not supported: the engine distributes rows by itself"},
	{words: []string{"LIMIT"}, msg: "LIMIT is not supported: a stream has no first rows", hint: "limits.rows in the job file bounds a batch"},
	{words: []string{"OFFSET"}, msg: "OFFSET is not supported: a stream has no first rows"},
	{words: []string{"FETCH"}, msg: "FETCH is not supported: a stream has no first rows"},
	{words: []string{"QUALIFY"}, msg: "QUALIFY is not supported yet: it filters window functions (OVER)", hint: "arg_max(value, order) keeps the value of the last row of a group"},
	{words: []string{"EMIT"}, hint: "a window's rows come out when it closes"},
	{words: []string{"INTO"}, msg: "INTO is not supported", hint: "sinks stand in the job file"},
	{words: []string{"WINDOW", anyWord, "AS"}, msg: "WINDOW is not supported yet", hint: "event-time windows are written FROM TUMBLE(…)"},
	{words: []string{"GROUPING", "SETS"}, msg: "GROUPING SETS are not supported yet", hint: "write a query for each set, joined by UNION ALL"},
	{words: []string{"FOR", "UPDATE"}, msg: "FOR UPDATE is not supported: a query changes nothing"},
	{words: []string{"VALUES"}, msg: "VALUES is not supported", hint: "a static table of the job file holds rows"},
	// What stands behind FROM.
	{words: []string{"RIGHT", "JOIN"}, hint: "the stream stands on the left: FROM stream LEFT JOIN table"},
	{words: []string{"RIGHT", "OUTER"}, msg: "RIGHT JOIN is not supported yet", hint: "the stream stands on the left: FROM stream LEFT JOIN table"},
	{words: []string{"SEMI", "JOIN"}, hint: "JOIN with a table that has each key once does the same"},
	{words: []string{"ANTI", "JOIN"}, hint: "LEFT JOIN the table, WHERE its key IS NULL"},
	{words: []string{"ASOF", "JOIN"}},
	{words: []string{"FULL"}, msg: "FULL JOIN is not supported: rows of a table without a match would come out when the stream ends", hint: "write LEFT JOIN"},
	{words: []string{"CROSS"}, msg: "CROSS JOIN is not supported, but with UNNEST", hint: "write JOIN … ON"},
	{words: []string{"NATURAL"}, msg: "NATURAL JOIN is not supported", hint: "write JOIN … USING (column)"},
	{words: []string{"POSITIONAL", "JOIN"}, msg: "POSITIONAL JOIN is not supported: a stream has no row order"},
	{words: []string{"LATERAL"}, msg: "LATERAL is not supported, but with UNNEST", hint: "write CROSS JOIN UNNEST(array) AS t(a)"},
	{words: []string{"TABLESAMPLE"}, hint: "WHERE _offset % 100 = 0 takes one record of a hundred"},
	{words: []string{"USING", "SAMPLE"}, hint: "WHERE _offset % 100 = 0 takes one record of a hundred"},
	{words: []string{"FOR", "SYSTEM_TIME"}, msg: "FOR SYSTEM_TIME AS OF is not supported yet", hint: "a static table is read again for every batch"},
	{words: []string{"PIVOT", "("}, hint: "write sum(x) FILTER (WHERE key = 'a') AS a for each column"},
	{words: []string{"UNPIVOT", "("}, hint: "write CROSS JOIN UNNEST(ARRAY[a, b]) AS t(value)"},
	{words: []string{"MATCH_RECOGNIZE"}},
	// What belongs to calls.
	{words: []string{"OVER"}, msg: "window functions (OVER) are not supported yet", hint: "GROUP BY with an event-time window aggregates"},
	{words: []string{"FILTER", "("}, msg: "FILTER stands behind the call of an aggregate"},
	{words: []string{"WITHIN", "GROUP"}, msg: "WITHIN GROUP stands behind the call of an aggregate"},
	{words: []string{"IGNORE", "NULLS"}, msg: "IGNORE NULLS stands behind the call of an aggregate"},
	{words: []string{"RESPECT", "NULLS"}, msg: "RESPECT NULLS stands behind the call of an aggregate"},
	// What belongs to expressions.
	{words: []string{"SIMILAR", "TO"}, msg: "SIMILAR TO is not supported", hint: "write LIKE, or ~ with a regular expression"},
	{words: []string{"GLOB"}, msg: "GLOB is not supported", hint: "write LIKE, or ~ with a regular expression"},
	{words: []string{"COLLATE"}, msg: "COLLATE is not supported: strings are compared bytewise", hint: "compare lower(…) to ignore case"},
	{words: []string{"OVERLAPS"}, msg: "OVERLAPS is not supported", hint: "write start1 < end2 AND start2 < end1"},
	{words: []string{"ESCAPE"}, msg: "ESCAPE stands behind LIKE or ILIKE"},
	{words: []string{"EXISTS"}, msg: "EXISTS and sub-selects in expressions are not supported yet", hint: "join a static table"},
	{words: []string{"{"}, msg: "braces have no meaning here", hint: "a struct is {'name': value}; ${VARIABLES} are replaced in the job file only"},
	{words: []string{":="}, msg: ":= is not an operator", hint: "write ="},
	{words: []string{"&&"}, msg: "&& is not an operator", hint: "write AND"},
	{words: []string{"!"}, msg: "! is not an operator", hint: "write NOT"},
	{words: []string{"#"}, msg: "# does not begin a comment", hint: "comments begin with --; a # b is the bitwise exclusive or"},
	{words: []string{"#>"}, msg: "the operator #> is not supported", hint: "write a -> 'key' -> 'key'"},
	{words: []string{"#>>"}, msg: "the operator #>> is not supported", hint: "write a -> 'key' ->> 'key'"},
	{words: []string{"@>"}, msg: "the operator @> is not supported", hint: "write array_contains(array, value)"},
	{words: []string{"<@"}, msg: "the operator <@ is not supported", hint: "write array_contains(array, value)"},
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
		p.fail(p.peek(), "sub-selects in expressions are not supported yet", "a sub-select stands behind FROM; a static table can be joined")
	}
}

// otherStatements begin what is no query. A job has queries, everything else stands in the job file.
var otherStatements = wordSet(`ALTER ANALYZE ATTACH BEGIN CALL COPY CREATE DELETE DESCRIBE DETACH DROP EXPLAIN EXPORT GRANT IMPORT INSERT INSTALL
	LOAD MERGE PRAGMA REFRESH REPLACE SET SHOW START STOP TABLE TRUNCATE UPDATE UPSERT USE VACUUM VALUES`)

func (p *parser) refuseStatement() {
	switch t := p.peek(); {
	case t.key == "EXPLAIN":
		p.fail(t, "EXPLAIN is not supported: a query is one SELECT", "millrace explain JOB shows the plan")
	case t.key == "FROM":
		p.fail(t, "a query begins with SELECT", "write SELECT * FROM …")
	case otherStatements[t.key]:
		p.fail(t, t.key+" is not supported: a query is one SELECT", "sources, tables and sinks stand in the job file")
	}
}

// fileFunctions read files in other systems.
var fileFunctions = wordSet("READ_CSV READ_CSV_AUTO READ_JSON READ_JSON_AUTO READ_PARQUET PARQUET_SCAN")

func (p *parser) refuseTableFunction(t token) {
	switch near := nearestKeyword(t, windowNames); {
	case t.key == "SLIDE":
		p.fail(t, "SLIDE is not known", windowForms["HOP"].example)
	case fileFunctions[t.key]:
		p.fail(t, t.key+" is not supported", "declare the file under tables in the job file")
	case near != "":
		p.fail(t, "unknown table function "+t.describe(), didYouMean(near))
	default:
		p.fail(t, fmt.Sprintf("table function %s is not supported; TUMBLE, HOP, CUMULATE and SESSION are", t.describe()), "")
	}
}
