package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// rounds runs the job, the bare loop and the landing in turn.
func rounds(c config, dir string) (r result, err error) {
	var wall, cpu, engine, ratio, bare, landed, short, peaks []float64
	var loop string
	if c.bare {
		if loop, err = buildBare(dir); err != nil {
			return r, err
		}
	}
	for round := range c.rounds {
		place := filepath.Join(dir, fmt.Sprint("round-", round))
		one, wrong, groups, err := right(c, place)
		if err != nil {
			return r, err
		}
		r.Records, r.GroupsCompared, r.Wrong = one.records, groups, r.Wrong+wrong
		r.PeakRSSBytes = max(r.PeakRSSBytes, one.peak)
		wall, cpu, engine = append(wall, one.wall), append(cpu, one.cpu), append(engine, one.perCPU())
		if c.short != nil {
			tenth, wrong, _, err := right(*c.short, place+"-short")
			if err != nil {
				return r, err
			}
			r.Wrong += wrong
			short, peaks = append(short, float64(tenth.peak)), append(peaks, float64(one.peak)/float64(tenth.peak))
		}
		if c.bare {
			n, err := runBare(c, loop)
			if err != nil {
				return r, err
			}
			bare, ratio = append(bare, n), append(ratio, one.perCPU()/n)
		}
		if c.landing != "" {
			one, err := measure(c, c.landing, place+"-landing")
			if err != nil {
				return r, err
			}
			landed = append(landed, one.perCPU())
		}
		if err := os.RemoveAll(place + "-landing"); err != nil {
			return r, err
		}
	}
	r.Rounds, r.WallS, r.CPUS, r.RecordsPerCPUS = c.rounds, median(wall), median(cpu), median(engine)
	r.PeakRSSShortBytes, r.PeakRatio = median(short), median(peaks)
	r.BareRecordsPerCPUS, r.Ratio, r.LandedPerCPUS = median(bare), median(ratio), median(landed)
	return r, nil
}

// right runs the job into a new place and compares its counts with the truth.
func right(c config, place string) (one account, wrong, groups int, err error) {
	if one, err = measure(c, c.job, place); err != nil {
		return one, 0, 0, err
	}
	wrong, groups, err = compare(filepath.Join(place, "lake"), c.expected)
	return one, wrong, groups, err
}

// median is 0 where there is nothing.
func median(all []float64) float64 {
	if len(all) == 0 {
		return 0
	}
	all = slices.Sorted(slices.Values(all))
	return (all[(len(all)-1)/2] + all[len(all)/2]) / 2
}

// account is what a run of the program took, by the process's own accounts.
type account struct {
	records   int64
	wall, cpu float64 // seconds
	peak      int64   // bytes
}

func (a account) perCPU() float64 { return float64(a.records) / a.cpu }

var inRows = regexp.MustCompile(`(?m)^\d+ batch(?:es)?, (\d+) rows? in`)

// measure runs a job to the end of the topic.
func measure(c config, job, dir string) (a account, err error) {
	cmd := exec.Command(c.millrace, "run", job, "--available-now", "--flush-windows")
	cmd.Env = append(os.Environ(), "KAFKA="+c.brokers, "TOPIC="+c.topic, "ADS="+c.ads,
		"OUT="+filepath.Join(dir, "lake"), "CHECKPOINT="+filepath.Join(dir, "checkpoint"))
	var stdout strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, os.Stderr
	start := time.Now()
	if err := cmd.Run(); err != nil {
		return a, fmt.Errorf("run %s: %w", job, err)
	}
	a.wall = time.Since(start).Seconds()
	a.cpu = (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds()
	if u, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		a.peak = u.Maxrss * 1024
	}
	m := inRows.FindStringSubmatch(stdout.String())
	if m == nil {
		return a, fmt.Errorf("%s did not say how many rows it read:\n%s", job, stdout.String())
	}
	a.records, err = strconv.ParseInt(m[1], 10, 64)
	return a, err
}

func buildBare(dir string) (program string, err error) {
	program = filepath.Join(dir, "bare")
	if out, err := exec.Command("go", "build", "-o", program, "./bench/limit/bare").CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the bare loop: %w\n%s", err, out)
	}
	return program, nil
}

var barePace = regexp.MustCompile(`([\d.]+) ns/record of cpu`)

// runBare returns the records per CPU-second of the bare loop, which compares its counts with the truth as well.
func runBare(c config, program string) (float64, error) {
	broker, _, _ := strings.Cut(c.brokers, ",")
	out, err := exec.Command(program, "-mode", "full", "-reps", "1", "-broker", broker, "-topic", c.topic, "-ads", c.ads, "-expected", c.expected).CombinedOutput()
	if err != nil {
		return 0, fmt.Errorf("run the bare loop: %w\n%s", err, out)
	}
	m := barePace.FindSubmatch(out)
	if m == nil {
		return 0, fmt.Errorf("the bare loop did not say what it took:\n%s", out)
	}
	ns, err := strconv.ParseFloat(string(m[1]), 64)
	return 1e9 / ns, err
}
