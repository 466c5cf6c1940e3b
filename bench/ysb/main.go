package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"

	"github.com/millrace/millrace/integration/kafkatest"
)

// result is the line that is printed: medians of the rounds, and the most of what should be small.
type result struct {
	Records        int64   `json:"records"`
	Rounds         int     `json:"rounds"`
	WallS          float64 `json:"wall_s"`
	CPUS           float64 `json:"cpu_s"`
	RecordsPerCPUS float64 `json:"records_per_cpu_s"`
	PeakRSSBytes   int64   `json:"peak_rss_bytes"` // the greatest of all rounds
	// PeakRatio is the peak against that over a tenth of the records, in turn: the median over the rounds.
	PeakRatio         float64 `json:"peak_ratio,omitempty"`
	PeakRSSShortBytes float64 `json:"peak_rss_short_bytes,omitempty"` // median
	// Wrong counts differ from the generator's in any round.
	Wrong          int `json:"wrong"`
	GroupsCompared int `json:"groups_compared"`
	// BareRecordsPerCPUS is of the bare loop over the same topic, in turn with the job; Ratio is the median over the rounds.
	BareRecordsPerCPUS float64 `json:"bare_records_per_cpu_s,omitempty"`
	Ratio              float64 `json:"ratio,omitempty"`
	// LandedPerCPUS is of the job that lands the records as they are.
	LandedPerCPUS float64 `json:"landed_records_per_cpu_s,omitempty"`
}

// config is where events lie, or how many are to be written, and what runs over them.
type config struct {
	millrace string
	job      string
	landing  string
	bare     bool
	rounds   int
	records  int
	brokers  string
	topic    string
	ads      string
	expected string
	codec    string
	short    *config // the same with a tenth of the records; nil: without
}

func main() {
	var c config
	flag.StringVar(&c.millrace, "millrace", "bin/millrace", "the program to measure")
	flag.StringVar(&c.job, "job", "examples/ysb/job.yaml", "its job")
	flag.StringVar(&c.landing, "landing", "", "a second job, which writes every record; empty: none")
	flag.BoolVar(&c.bare, "bare", false, "run the bare loop over the same events, in turn with the job")
	short := flag.Bool("short", false, "run the job over a tenth of the events as well, in turn, and compare the peaks")
	flag.IntVar(&c.rounds, "rounds", 1, "runs of each")
	flag.IntVar(&c.records, "records", 20_000_000, "events to write")
	flag.StringVar(&c.brokers, "brokers", "", "use this cluster; empty: start Apache Kafka")
	flag.StringVar(&c.topic, "topic", "", "use the events of this topic; empty: write them")
	flag.StringVar(&c.ads, "ads", "", "ads.csv of the topic")
	flag.StringVar(&c.expected, "expected", "", "true counts of the topic: campaign_id,w,n")
	flag.StringVar(&c.codec, "codec", "lz4", "of the events that are written")
	flag.Parse()
	if *short {
		tenth := c
		tenth.records, tenth.topic = c.records/10, ""
		c.short = &tenth
	}
	if err := run(c); err != nil {
		fmt.Fprintln(os.Stderr, "ysb:", err)
		os.Exit(1)
	}
}

func run(c config) error {
	dir, err := os.MkdirTemp("", "millrace-ysb-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if c.brokers == "" {
		broker, err := kafkatest.Launch()
		if err != nil {
			return fmt.Errorf("start Kafka: %w", err)
		}
		defer kafkatest.Stop()
		c.brokers = broker.Addr
	}
	if c.topic == "" {
		if err := generate(&c, dir); err != nil {
			return err
		}
	}
	if c.short != nil {
		c.short.brokers = c.brokers
		if err := generate(c.short, filepath.Join(dir, "short")); err != nil {
			return err
		}
	}
	r, err := rounds(c, dir)
	if err != nil {
		return err
	}
	line, err := json.Marshal(r)
	if err != nil {
		return err
	}
	fmt.Println(string(line))
	return nil
}

// generate writes the events and remembers where their truth stands.
func generate(c *config, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	c.topic, c.ads, c.expected = fmt.Sprintf("ysb-%d-%d", os.Getpid(), c.records), filepath.Join(dir, "ads.csv"), filepath.Join(dir, "expected.csv")
	cmd := exec.Command(c.millrace, "gen", "ysb", "--brokers", c.brokers, "--topic", c.topic, "--records", strconv.Itoa(c.records),
		"--partitions", "2", "--codec", c.codec, "--ads", c.ads, "--expected", c.expected)
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("write events: %w", err)
	}
	return nil
}
