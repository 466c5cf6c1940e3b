// Package arrowtest lets the reference implementation of Arrow, that in C++, judge what Millrace takes for Arrow.
//
// It installs a pinned pyarrow as package duckdbtest does DuckDB. Where it cannot be had, tests are skipped with the reason, or
// fail when MILLRACE_REQUIRE_ARROW=1.
package arrowtest
