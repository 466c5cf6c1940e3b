package main

import (
	"cmp"
	"encoding/csv"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/parquet-go/parquet-go"
)

// row is one line of the result: an airport's hour.
type row struct {
	Origin    string  `parquet:"origin,optional"`
	Airport   string  `parquet:"airport,optional"`
	Hour      int64   `parquet:"hour,optional"` // µs since the epoch
	Flights   int64   `parquet:"flights,optional"`
	MeanDelay float64 `parquet:"mean_delay,optional"`
	LateShare float64 `parquet:"late_share,optional"`
}

func main() {
	lake := flag.String("lake", "demo/lake", "directory of the job's output")
	expected := flag.String("expected", "", "CSV of the generator: origin,hour,n")
	flag.Parse()
	if err := show(*lake, *expected); err != nil {
		fmt.Fprintln(os.Stderr, "show:", err)
		os.Exit(1)
	}
}

func show(lake, expected string) error {
	rows, files, err := read(lake)
	if err != nil {
		return err
	}
	printBusiest(rows)
	fmt.Printf("\n%d rows in %d files\n", len(rows), files)
	if expected == "" {
		return nil
	}
	return compare(rows, expected)
}

// read lists the directory as any reader would: every *.parquet file but those in _millrace.
func read(lake string) (rows []row, files int, err error) {
	err = filepath.WalkDir(lake, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".parquet") {
			return err
		}
		part, err := parquet.ReadFile[row](path)
		rows, files = append(rows, part...), files+1
		return err
	})
	return rows, files, err
}

type airport struct {
	name          string
	flights       int64
	delay, lateBy float64
}

func printBusiest(rows []row) {
	by := map[string]*airport{}
	for _, r := range rows {
		a := by[r.Origin]
		if a == nil {
			a = &airport{name: r.Airport}
			by[r.Origin] = a
		}
		a.flights += r.Flights
		a.delay += r.MeanDelay * float64(r.Flights)
		a.lateBy += r.LateShare * float64(r.Flights)
	}
	var all []*airport
	for _, a := range by {
		all = append(all, a)
	}
	slices.SortFunc(all, func(a, b *airport) int {
		return cmp.Or(cmp.Compare(b.flights, a.flights), cmp.Compare(a.name, b.name))
	})
	fmt.Printf("%-36s %8s %11s %8s\n", "airport", "flights", "mean delay", "> 15 min")
	for _, a := range all[:min(10, len(all))] {
		n := float64(a.flights)
		fmt.Printf("%-36s %8d %7.1f min %7.1f%%\n", a.name, a.flights, a.delay/n, 100*a.lateBy/n)
	}
}

// compare checks that every airport's hour stands there once, with the generator's count.
func compare(rows []row, expected string) error {
	f, err := os.Open(expected)
	if err != nil {
		return err
	}
	defer f.Close()
	lines, err := csv.NewReader(f).ReadAll()
	if err != nil {
		return fmt.Errorf("read %s: %w", expected, err)
	}
	got := map[string]int64{}
	for _, r := range rows {
		got[fmt.Sprintf("%s,%d", r.Origin, r.Hour/1000)] += r.Flights
	}
	wrong := 0
	for _, l := range lines[1:] {
		n, err := strconv.ParseInt(l[2], 10, 64)
		if err != nil {
			return fmt.Errorf("read %s: %w", expected, err)
		}
		if got[l[0]+","+l[1]] != n {
			wrong++
		}
	}
	fmt.Printf("compared with the generator: %d counts, %d wrong, %d too many rows\n", len(lines)-1, wrong, len(rows)-(len(lines)-1))
	if wrong > 0 || len(rows) != len(lines)-1 {
		return fmt.Errorf("the output differs from what was generated")
	}
	return nil
}
