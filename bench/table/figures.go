package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
)

// figures are what sources printed: "source name unit", where name is that of the benchmark without "Benchmark" and the
// number of processors. A source that prints a line of JSON has its keys for units and no name.
type figures map[string][]float64

var cores = regexp.MustCompile(`-\d+$`)

// read takes the figures out of the output of a source.
func (f figures) read(source, text string) {
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "{") {
			f.readJSON(source, line)
			continue
		}
		words := strings.Fields(line)
		if len(words) < 4 || !strings.HasPrefix(words[0], "Benchmark") {
			continue
		}
		name := cores.ReplaceAllString(strings.TrimPrefix(words[0], "Benchmark"), "")
		for i := 2; i+1 < len(words); i += 2 {
			if v, err := strconv.ParseFloat(words[i], 64); err == nil {
				f.add(source+" "+name+" "+words[i+1], v)
			}
		}
	}
}

func (f figures) readJSON(source, line string) {
	var values map[string]any
	if json.Unmarshal([]byte(line), &values) != nil {
		return
	}
	for key, v := range values {
		if v, ok := v.(float64); ok {
			f.add(source+" "+key, v)
		}
	}
}

func (f figures) add(key string, v float64) { f[key] = append(f[key], v) }

// of is the median of a figure. A key with a * stands for all that fit; it is the greatest of them, and where that was.
func (f figures) of(key string) (value float64, where string, ok bool) {
	before, after, many := strings.Cut(key, "*")
	if !many {
		all := f[key]
		return median(all), "", len(all) > 0
	}
	for _, k := range slices.Sorted(maps.Keys(f)) {
		if strings.HasPrefix(k, before) && strings.HasSuffix(k, after) && len(k) >= len(before)+len(after) {
			if v := median(f[k]); !ok || v > value {
				value, where, ok = v, strings.TrimSuffix(strings.TrimPrefix(k, before), after), true
			}
		}
	}
	return value, where, ok
}

func median(all []float64) float64 {
	if len(all) == 0 {
		return 0
	}
	all = slices.Sorted(slices.Values(all))
	return (all[(len(all)-1)/2] + all[len(all)/2]) / 2
}

// print prints a row for each bar. A figure that is missing is an error.
func (f figures) print(w io.Writer, bars []bar) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "measure\tbar\tfigure\t")
	var missing error
	for _, b := range bars {
		v, where, ok := f.of(b.source + " " + b.figure)
		if !ok {
			missing = errors.Join(missing, fmt.Errorf("nothing printed %q, for %q", b.source+" "+b.figure, b.measure))
			fmt.Fprintf(t, "%s\t%s\t?\tnot measured\n", b.measure, b.text())
			continue
		}
		verdict := "holds"
		switch {
		case b.open():
			verdict = ""
		case !b.holds(v):
			verdict = "falls short"
		}
		if where != "" {
			verdict += ", worst: " + where
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", b.measure, b.text(), short(v*b.scale()), verdict)
	}
	return errors.Join(t.Flush(), missing)
}

// short is a number with three digits that say something.
func short(v float64) string {
	switch {
	case v >= 100:
		return strconv.FormatFloat(v, 'f', 0, 64)
	case v >= 10:
		return strconv.FormatFloat(v, 'f', 1, 64)
	case v >= 0.1 || v == 0:
		return strconv.FormatFloat(v, 'f', 2, 64)
	}
	return strconv.FormatFloat(v, 'g', 2, 64)
}
