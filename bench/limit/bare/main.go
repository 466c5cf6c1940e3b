package main

import (
	"encoding/csv"
	"errors"
	"flag"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/millrace/millrace/bench/limit"
)

// config is what to run.
type config struct {
	mode, broker, topic, ads, expected string
	fetchBytes, reps                   int
	checkCRC                           bool
	seed                               uint64
	bytes                              int64
}

func main() {
	var c config
	flag.StringVar(&c.mode, "mode", "full", "full, records, batches or memory")
	flag.StringVar(&c.broker, "broker", "127.0.0.1:9092", "any broker of the cluster")
	flag.StringVar(&c.topic, "topic", "ysb-lz4", "of YSB events")
	flag.StringVar(&c.ads, "ads", "ads.csv", "ads of the topic: ad_id,campaign_id")
	flag.StringVar(&c.expected, "expected", "expected.csv", "true counts of the topic: campaign_id,w,n")
	flag.IntVar(&c.fetchBytes, "fetch", 4<<20, "bytes of a fetch")
	flag.IntVar(&c.reps, "reps", 3, "runs")
	flag.BoolVar(&c.checkCRC, "crc", true, "check the checksums")
	flag.Uint64Var(&c.seed, "seed", 1, "of the events in memory")
	flag.Int64Var(&c.bytes, "bytes", 500_000_000, "of the events in memory")
	flag.Parse()
	if err := run(c); err != nil {
		fmt.Fprintln(os.Stderr, "bare:", err)
		os.Exit(1)
	}
}

func run(c config) error {
	switch c.mode {
	case "memory":
		return memory(c)
	case "full", "records", "batches":
		return broker(c)
	}
	return fmt.Errorf("no mode %q", c.mode)
}

// memory runs the two loops in turn over the same events.
func memory(c config) error {
	events := limit.NewEvents(c.seed, c.bytes)
	for range c.reps {
		decode, full := limit.NewDecodeLoop(), limit.NewLoop(events.Ads)
		for _, l := range []struct {
			name string
			loop *limit.Loop
		}{{"decode", decode}, {"full", full}} {
			began, cpu := time.Now(), limit.CPU()
			events.Each(l.loop.Row)
			l.loop.Flush()
			line("memory "+l.name, events.Records, time.Since(began), limit.CPU()-cpu)
		}
		counts := map[limit.Group]int64{}
		full.Counts(counts)
		if wrong := limit.Wrong(counts, events.Views); wrong+decode.Slow+full.Slow > 0 {
			return fmt.Errorf("%d counts are wrong, %d records could not be read", wrong, decode.Slow+full.Slow)
		}
	}
	return nil
}

// line prints a run.
func line(name string, records int, wall, cpu time.Duration) {
	n := float64(records)
	fmt.Printf("%s: %d records, wall %.2f s, cpu %.2f s, %.1f ns/record of cpu, %.2f M records per CPU-second\n",
		name, records, wall.Seconds(), cpu.Seconds(), float64(cpu.Nanoseconds())/n, n/cpu.Seconds()/1e6)
}

// table reads a CSV file with a header.
func table(name string, columns int) ([][]string, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r := csv.NewReader(f)
	r.FieldsPerRecord = columns
	rows, err := r.ReadAll()
	if err == nil && len(rows) == 0 {
		err = errors.New("it is empty")
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return rows[1:], nil
}

func readAds(name string) ([]limit.Ad, error) {
	rows, err := table(name, 2)
	ads := make([]limit.Ad, len(rows))
	for i, r := range rows {
		ads[i] = limit.Ad{ID: r[0], Campaign: r[1]}
	}
	return ads, err
}

func readCounts(name string) (map[limit.Group]int64, error) {
	rows, err := table(name, 3)
	counts := map[limit.Group]int64{}
	for _, r := range rows {
		start, err1 := strconv.ParseInt(r[1], 10, 64)
		n, err2 := strconv.ParseInt(r[2], 10, 64)
		if err := errors.Join(err1, err2); err != nil {
			return nil, fmt.Errorf("read %s: %w", name, err)
		}
		counts[limit.Group{Campaign: r[0], StartMs: start}] = n
	}
	return counts, err
}
