// Command millrace runs micro-batch streaming jobs: Kafka in, event-time windows, exactly-once Parquet out.
//
// One file per command; exit codes are in exit.go.
package main
