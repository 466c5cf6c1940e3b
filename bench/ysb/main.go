package main

import (
	"encoding/csv"
	"encoding/json"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/parquet-go/parquet-go"

	"github.com/millrace/millrace/integration/kafkatest"
)

// result is the line that is printed.
type result struct {
	Records        int64   `json:"records"`
	WallS          float64 `json:"wall_s"`
	CPUS           float64 `json:"cpu_s"`
	RecordsPerCPUS float64 `json:"records_per_cpu_s"`
	PeakRSSBytes   int64   `json:"peak_rss_bytes"`
	Wrong          int     `json:"wrong"`
	GroupsCompared int     `json:"groups_compared"`
}

// config is where events lie, or how many are to be written.
type config struct {
	millrace string
	job      string
	records  int
	brokers  string
	topic    string
	ads      string
	expected string
	codec    string
}

func main() {
	var c config
	flag.StringVar(&c.millrace, "millrace", "bin/millrace", "the program to measure")
	flag.StringVar(&c.job, "job", "examples/ysb/job.yaml", "its job")
	flag.IntVar(&c.records, "records", 20_000_000, "events to write")
	flag.StringVar(&c.brokers, "brokers", "", "use this cluster; empty: start Apache Kafka")
	flag.StringVar(&c.topic, "topic", "", "use the events of this topic; empty: write them")
	flag.StringVar(&c.ads, "ads", "", "ads.csv of the topic")
	flag.StringVar(&c.expected, "expected", "", "true counts of the topic: campaign_id,w,n")
	flag.StringVar(&c.codec, "codec", "lz4", "of the events that are written")
	flag.Parse()
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
	var r result
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
	if err := measure(c, dir, &r); err != nil {
		return err
	}
	if r.Wrong, r.GroupsCompared, err = compare(filepath.Join(dir, "lake"), c.expected); err != nil {
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
	c.topic, c.ads, c.expected = fmt.Sprintf("ysb-%d", os.Getpid()), filepath.Join(dir, "ads.csv"), filepath.Join(dir, "expected.csv")
	cmd := exec.Command(c.millrace, "gen", "ysb", "--brokers", c.brokers, "--topic", c.topic, "--records", strconv.Itoa(c.records),
		"--partitions", "2", "--codec", c.codec, "--ads", c.ads, "--expected", c.expected)
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("write events: %w", err)
	}
	return nil
}

var inRows = regexp.MustCompile(`(?m)^\d+ batch(?:es)?, (\d+) rows? in`)

// measure runs the job to the end of the topic and takes the process's own accounts.
func measure(c config, dir string, r *result) error {
	cmd := exec.Command(c.millrace, "run", c.job, "--available-now", "--flush-windows")
	cmd.Env = append(os.Environ(), "KAFKA="+c.brokers, "TOPIC="+c.topic, "ADS="+c.ads,
		"OUT="+filepath.Join(dir, "lake"), "CHECKPOINT="+filepath.Join(dir, "checkpoint"))
	var stdout strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, os.Stderr
	start := time.Now()
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("run job: %w", err)
	}
	r.WallS = time.Since(start).Seconds()
	r.CPUS = (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds()
	if u, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		r.PeakRSSBytes = u.Maxrss * 1024
	}
	m := inRows.FindStringSubmatch(stdout.String())
	if m == nil {
		return fmt.Errorf("the job did not say how many rows it read:\n%s", stdout.String())
	}
	n, err := strconv.ParseInt(m[1], 10, 64)
	if err != nil {
		return err
	}
	r.Records, r.RecordsPerCPUS = n, float64(n)/r.CPUS
	return nil
}

type view struct {
	Campaign string `parquet:"campaign_id,optional"`
	Window   int64  `parquet:"window_start,optional"` // µs
	Views    int64  `parquet:"views,optional"`
}

// compare counts the groups that differ from the truth, are missing, doubled or too many.
func compare(lake, expected string) (wrong, groups int, err error) {
	got := map[string]int64{}
	err = filepath.WalkDir(lake, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".parquet") {
			return err
		}
		rows, err := parquet.ReadFile[view](path)
		for _, v := range rows {
			key := fmt.Sprintf("%s,%d", v.Campaign, v.Window/1000)
			if _, doubled := got[key]; doubled {
				wrong++
			}
			got[key] += v.Views
		}
		return err
	})
	if err != nil {
		return 0, 0, fmt.Errorf("read output: %w", err)
	}
	f, err := os.Open(expected)
	if err != nil {
		return 0, 0, fmt.Errorf("read true counts: %w", err)
	}
	defer f.Close()
	lines, err := csv.NewReader(f).ReadAll()
	if err != nil {
		return 0, 0, fmt.Errorf("read true counts: %w", err)
	}
	for _, l := range lines[1:] {
		key := l[0] + "," + l[1]
		if strconv.FormatInt(got[key], 10) != l[2] {
			wrong++
		}
		delete(got, key)
	}
	return wrong + len(got), len(lines) - 1, nil
}
