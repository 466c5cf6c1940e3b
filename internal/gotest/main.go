package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
)

func main() {
	goTool := os.Getenv("GO")
	if goTool == "" {
		goTool = "go"
	}
	cmd := exec.Command(goTool, append([]string{"test", "-json"}, os.Args[1:]...)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "gotest:", err)
		os.Exit(1)
	}
	r := newReport(os.Stdout)
	r.readAll(out)
	err = cmd.Wait()
	proofs := finish(r, os.Getenv("MILLRACE_PROOFS"))
	if err != nil || proofs != nil || r.failed() {
		for _, e := range []error{err, proofs} {
			if e != nil && !r.failed() {
				fmt.Println("gotest:", e)
			}
		}
		os.Exit(1)
	}
}

// finish prints the end of the report. The table of proofs goes to a file, if one is named.
func finish(r *report, path string) error {
	r.printSkipped()
	var err error
	if path == "" {
		r.printProofs(r.out)
	} else {
		err = writeProofs(r, path)
	}
	r.printFailures()
	return err
}

func writeProofs(r *report, path string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	r.printProofs(f)
	return f.Close()
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
