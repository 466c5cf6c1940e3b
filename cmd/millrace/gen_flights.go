package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"strconv"

	"github.com/parquet-go/parquet-go"
	"github.com/urfave/cli/v2"
)

func genFlightsCommand() *cli.Command {
	return &cli.Command{
		Name:  "flights",
		Usage: "real US flights of 2001 as JSON events, in their order of time",
		Flags: append(targetFlags("flights"),
			&cli.StringFlag{Name: "file", Value: "examples/flights/flights.parquet", Usage: "Parquet `file` with date, delay, distance, origin, destination"},
			&cli.IntFlag{Name: "records", Usage: "stop after so many flights", DefaultText: "all"},
			&cli.Uint64Flag{Name: "seed", Usage: "spread flights over the partitions at random by this seed", DefaultText: "in turn"},
			&cli.StringFlag{Name: "expected", Usage: "write the true counts to this CSV `file`: origin,hour,n with hour = start in ms"},
		),
		Action: genFlights,
	}
}

// flight is one row of the file. Times are local times without a zone; they are taken as UTC.
type flight struct {
	Date        int64  `parquet:"date,optional"` // µs since the epoch
	Delay       int64  `parquet:"delay,optional"`
	Distance    int64  `parquet:"distance,optional"`
	Origin      string `parquet:"origin,optional"`
	Destination string `parquet:"destination,optional"`
}

func (f flight) json() []byte {
	b := make([]byte, 0, 128)
	b = strconv.AppendInt(append(b, `{"date":`...), f.Date/1000, 10)
	b = strconv.AppendInt(append(b, `,"delay":`...), f.Delay, 10)
	b = strconv.AppendInt(append(b, `,"distance":`...), f.Distance, 10)
	b = strconv.AppendQuote(append(b, `,"origin":`...), f.Origin)
	b = strconv.AppendQuote(append(b, `,"destination":`...), f.Destination)
	return append(b, '}')
}

const hourMicros = 3_600_000_000

func genFlights(c *cli.Context) error {
	file, err := os.Open(c.String("file"))
	if errors.Is(err, fs.ErrNotExist) && !c.IsSet("file") {
		return usage("no %s here: run this in the root of the project, or say --file", c.String("file"))
	}
	if err != nil {
		return fmt.Errorf("open flights: %w", err)
	}
	defer file.Close()
	p, err := newProducer(c.Context, c)
	if err != nil {
		return err
	}
	choose := spread(c.Uint64("seed"), p.partitions)
	counts := map[string]map[int64]int64{}
	err = eachFlight(file, c.Int("records"), func(i int, f flight) {
		p.send(c.Context, choose(i), f.json())
		if counts[f.Origin] == nil {
			counts[f.Origin] = map[int64]int64{}
		}
		counts[f.Origin][f.Date/hourMicros*hourMicros/1000]++
	})
	if err != nil {
		return fmt.Errorf("read %s: %w", c.String("file"), err)
	}
	if err := p.finish(c.Context, c); err != nil {
		return err
	}
	return writeLines(c.String("expected"), "origin,hour,n", flightLines(counts))
}

// spread returns the partition of the i-th flight: in turn for seed 0, else at random. Flights of one partition stay in
// their order of time.
func spread(seed uint64, partitions int32) func(i int) int32 {
	if seed == 0 {
		return func(i int) int32 { return int32(i) % partitions }
	}
	r := rand.New(rand.NewPCG(seed, 0))
	return func(int) int32 { return r.Int32N(partitions) }
}

// eachFlight calls do for the first most flights of a file; most 0 is all.
func eachFlight(file *os.File, most int, do func(i int, f flight)) error {
	r := parquet.NewGenericReader[flight](file)
	defer r.Close()
	rows := make([]flight, 1024)
	for i := 0; ; {
		n, err := r.Read(rows)
		for _, f := range rows[:n] {
			if most > 0 && i == most {
				return nil
			}
			do(i, f)
			i++
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func flightLines(counts map[string]map[int64]int64) []string {
	var out []string
	for _, origin := range sortedKeys(counts) {
		for _, hour := range sortedKeys(counts[origin]) {
			out = append(out, fmt.Sprintf("%s,%d,%d", origin, hour, counts[origin][hour]))
		}
	}
	return out
}
