package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"
)

func main() {
	var err error
	switch args := os.Args[1:]; {
	case len(args) > 0 && args[0] == "table":
		err = printTable(os.Stdout, args[1:]...)
	case len(args) > 0 && args[0] == "proofs":
		err = runProofs(args[1:]...)
	default:
		r := newReport(os.Stdout)
		_, err = r.run(args...)
		err = errors.Join(err, finish(r, os.Getenv("MILLRACE_PROOFS")))
		if r.failed() {
			os.Exit(1)
		}
	}
	if err != nil {
		fmt.Println("gotest:", err)
		os.Exit(1)
	}
}

// run takes the events of `go test` with arguments. It returns what that has used of the processors, with all that it has
// started and waited for.
func (r *report) run(args ...string) (cpu time.Duration, err error) {
	goTool := os.Getenv("GO")
	if goTool == "" {
		goTool = "go"
	}
	cmd := exec.Command(goTool, append([]string{"test", "-json"}, args...)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return 0, err
	}
	r.readAll(out)
	err = cmd.Wait()
	return cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), err
}

// finish prints the end of the report. The rows of proofs go to a file, if one is named, for a table of several runs.
func finish(r *report, path string) error {
	r.printSkipped()
	var err error
	if path == "" {
		printRows(r.out, r.rows())
	} else {
		err = writeRows(path, r.rows())
	}
	r.printFailures()
	return err
}

// readAll takes all events. What is no event, a complaint of the go command, is passed on.
func (r *report) readAll(from io.Reader) {
	lines := bufio.NewReader(from)
	for {
		line, err := lines.ReadBytes('\n')
		var e event
		switch {
		case len(line) == 0:
		case json.Unmarshal(line, &e) != nil:
			r.out.Write(line)
		default:
			r.take(e)
		}
		if err != nil {
			return
		}
	}
}
