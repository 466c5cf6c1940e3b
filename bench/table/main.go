package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
)

func main() {
	only := flag.String("only", "", "sources to run, as a regular expression; empty: all")
	rounds := flag.Int("rounds", 1, "runs of each source; the table has the medians")
	records := flag.Int("records", 20_000_000, "events of the long job")
	millrace := flag.String("millrace", "bin/millrace", "the program that runs whole jobs")
	list := flag.Bool("list", false, "print the sources and end")
	flag.Parse()
	pattern, err := regexp.Compile(*only)
	if err != nil {
		fmt.Fprintln(os.Stderr, "table: -only:", err)
		os.Exit(2)
	}
	all := slices.DeleteFunc(sources(*millrace, *records), func(s source) bool { return !pattern.MatchString(s.name) })
	if *list {
		for _, s := range all {
			fmt.Println(s.name + ": " + strings.Join(s.command, " "))
		}
		return
	}
	if err := measure(os.Stdout, all, *rounds); err != nil {
		fmt.Fprintln(os.Stderr, "table:", err)
		os.Exit(1)
	}
}

// measure runs all sources as often, one after the other, and prints the table of what they have figures for.
func measure(w io.Writer, all []source, rounds int) error {
	got := figures{}
	var failed error
	for range rounds {
		for _, s := range all {
			fmt.Fprintf(w, "\n# %s\n", strings.Join(s.command, " "))
			var out bytes.Buffer
			cmd := exec.Command(s.command[0], s.command[1:]...)
			cmd.Stdout, cmd.Stderr = io.MultiWriter(w, &out), os.Stderr
			if err := cmd.Run(); err != nil {
				failed = errors.Join(failed, fmt.Errorf("%s: %w", s.name, err))
			}
			got.read(s.name, out.String())
		}
	}
	fmt.Fprintln(w)
	var names []string
	for _, s := range all {
		names = append(names, s.name)
	}
	return errors.Join(failed, got.print(w, slices.DeleteFunc(slices.Clone(bars), func(b bar) bool { return !b.runs(names) })))
}
