package main

import (
	"cmp"
	"maps"
	"slices"

	"github.com/urfave/cli/v2"
)

func genCommand() *cli.Command {
	return &cli.Command{
		Name:        "gen",
		Usage:       "write test events into a Kafka topic",
		Subcommands: []*cli.Command{genYSBCommand(), genFlightsCommand()},
	}
}

// targetFlags say where generated events go; every generator has them. The variable is the one that the example jobs read.
func targetFlags(topic string) []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "brokers", Value: "127.0.0.1:9092", EnvVars: []string{"KAFKA"}, Usage: "`host:port`, or a comma list"},
		&cli.StringFlag{Name: "cluster", Usage: "`file` with what a job has under kafka: brokers, tls, sasl; --brokers wins over those in it"},
		&cli.StringFlag{Name: "topic", Value: topic, Usage: "created when it does not exist"},
		&cli.IntFlag{Name: "partitions", Value: 2, Usage: "of a topic that is created"},
		&cli.StringFlag{Name: "codec", Value: "lz4", Usage: "none, gzip, snappy, lz4 or zstd"},
	}
}

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }
