// Package sql compiles the SELECT of a job to the builder calls of package dstream.
//
// Use: [Compile] for the query, [ParseExpr] for a lone expression such as a partition, [ParseType] for the type of a
// column. All three take text from inside a larger file: the caller says where it begins, and every error and warning
// counts lines and columns of that file. [Render] shows an error with the source line and a caret.
//
//	q.sql:2:6: HOP windows are not supported yet; TUMBLE is
//	FROM HOP(events, event_time, INTERVAL '5' SECOND, INTERVAL '10' SECOND)
//	     ^
//
// Law: what is not supported is refused by its name and place, never skipped. Every error is a [dstream.Error] whose
// position lies inside the text. Work is bounded before it begins: text, words, nesting and the size of expressions
// have limits, so no text overflows the stack or takes longer than a moment.
//
// Format: the expressions are PostgreSQL's, with its precedence; names ignore case and keep it. The query is
//
//	SELECT { expression [AS name] | * | table.* }, …
//	FROM { stream | [TABLE(] TUMBLE(stream, time, size [, offset]) [)] } [AS name]
//	[ [INNER | LEFT] JOIN table [AS name] { ON condition | USING (column, …) } ] …
//	[ WHERE condition ] [ GROUP BY { expression | ordinal | alias }, … ] [ HAVING condition ]
//
// The way of a text: lexer.go cuts it into tokens, parser.go and its neighbours build [dstream.Expr] trees and a query,
// bind.go resolves names as far as SQL's rules need it and calls the builder, which checks the rest.
package sql
