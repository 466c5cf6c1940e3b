// Package duckdbtest runs DuckDB as an oracle: it reads what Millrace wrote, and computes what Millrace should have.
//
// It installs a pinned version with pip into the user's cache directory and talks to it through Python. Where Python or
// the package cannot be had, tests are skipped with the reason, or fail when MILLRACE_REQUIRE_DUCKDB=1.
package duckdbtest
