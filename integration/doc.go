// Package integration tests whole jobs: the real program, a real Apache Kafka, and DuckDB as the judge of what comes
// out. It has tests only; its helpers are kafkatest, duckdbtest, arrowtest and flightstest.
package integration
