// Package sql compiles the queries of a job to the builder calls of package dstream.
//
// Use: [Compile] for a query, [ParseExpr] for a lone expression such as a partition, [ParseType] for the type of a
// column. The first two take text from inside a larger file: the caller says where it begins, and every error and warning
// counts lines and columns of that file. [Render] shows an error with the source line and a caret.
//
//	q.sql:2:6: nothing groups the rows of HOP by its windows
//	FROM HOP(events, event_time, INTERVAL '5' SECOND, INTERVAL '10' SECOND)
//	     ^
//	GROUP BY window_start and the keys that the rows differ by
//
// Law: what is not supported is refused by its name and place, never skipped. Every error is a [dstream.Error] whose
// position lies inside the text. Work is bounded before it begins: text, words, nesting, the size of expressions and the
// columns of queries have limits, so no text overflows the stack or takes longer than a moment.
//
// Format: the expressions are PostgreSQL's, with its precedence, and the spellings of DuckDB, Spark and Flink that mean
// the same; names ignore case and keep it. docs/sql.md is the whole language. A query is
//
//	[ WITH name AS (query), … ]
//	SELECT [DISTINCT [ON (expression, …)]] { expression [AS name] | * [EXCLUDE (…)] [REPLACE (…)] | relation.* }, …
//	FROM { relation | [TABLE(] { TUMBLE | HOP | CUMULATE | SESSION }(relation, time, length, …) [)] } [AS name [(column, …)]]
//	[ { [INNER | LEFT] JOIN table … | CROSS JOIN UNNEST(array) [WITH ORDINALITY] AS name(column, …) } … ]
//	[ WHERE condition ] [ GROUP BY { expression | ordinal | alias }, … | GROUP BY ALL ] [ HAVING condition ]
//	[ WITHIN interval ]
//	[ UNION ALL query ]
//
// The way of a text: lexer.go cuts it into tokens. parser.go is the parser's core; query.go, select.go, distinct.go,
// from.go, unnest.go and window.go read clauses (window_length.go says what of the calendar follows the time zone),
// expression.go and its neighbours (prefix, condition, postfix, call, special, construct, literal, interval, typename)
// build [dstream.Expr] trees. bind.go and its neighbours resolve names as far as SQL's rules need it and call the
// builder, which checks the rest. refuse.go and refuse_function.go know what others have and this language has not, and
// what to write instead.
package sql
