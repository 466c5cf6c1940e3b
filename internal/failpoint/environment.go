package failpoint

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Environment variables of the program. They are for tests of it.
const (
	// EnvPoints says what happens where: point=action[@hit], with semicolons between. The actions are crash, which kills
	// the process; stop, which halts it until it is told to go on; error; and delay:DURATION. Without a hit it happens at
	// every one.
	EnvPoints = "MILLRACE_FAILPOINTS"
	// EnvTrace is a file that gets a line for every hit of every point, before anything happens there.
	EnvTrace = "MILLRACE_FAILPOINT_TRACE"
)

// ErrInjected is the error of an error action.
var ErrInjected = errors.New("injected error")

// FromEnvironment puts in force what the variables say. on reports that something is; a point or an action that does not
// exist is an error.
func FromEnvironment(getenv func(string) string) (on bool, err error) {
	acts, err := parse(getenv(EnvPoints))
	if err != nil {
		return false, fmt.Errorf("%s: %w", EnvPoints, err)
	}
	name := getenv(EnvTrace)
	if len(acts) == 0 && name == "" {
		return false, nil
	}
	var trace *os.File
	if name != "" {
		if trace, err = os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600); err != nil {
			return false, fmt.Errorf("%s: %w", EnvTrace, err)
		}
	}
	change(func(t *table) {
		t.acts = acts
		if trace != nil {
			t.trace = trace
		}
	})
	return true, nil
}

// parse reads what [EnvPoints] says.
func parse(text string) (map[Point][]act, error) {
	out := map[Point][]act{}
	for part := range strings.SplitSeq(text, ";") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		name, what, ok := strings.Cut(part, "=")
		p := Point(strings.TrimSpace(name))
		switch {
		case !ok:
			return nil, fmt.Errorf("%q: want point=action", part)
		case !slices.Contains(all, p):
			return nil, fmt.Errorf("there is no point %q; there are %s", p, listed())
		}
		a, err := parseAct(strings.TrimSpace(what))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p, err)
		}
		out[p] = append(out[p], a)
	}
	return out, nil
}

func listed() string {
	var names []string
	for _, p := range all {
		names = append(names, string(p))
	}
	return strings.Join(names, ", ")
}

func parseAct(text string) (act, error) {
	what, hit, counted := strings.Cut(text, "@")
	a := act{what: what}
	if counted {
		n, err := strconv.Atoi(hit)
		if err != nil || n < 1 {
			return a, fmt.Errorf("%q: %q is not the number of a hit, from 1", text, hit)
		}
		a.at = n
	}
	kind, length, timed := strings.Cut(what, ":")
	switch {
	case kind == "delay" && timed:
		d, err := time.ParseDuration(length)
		if err != nil || d < 0 {
			return a, fmt.Errorf("%q: %q is not a duration", text, length)
		}
		a.do = func() error {
			<-time.After(d)
			return nil
		}
	case timed:
		return a, fmt.Errorf("%q: only delay takes something behind a colon", text)
	case kind == "crash":
		a.do = crash
	case kind == "stop":
		a.do = halt
	case kind == "error":
		a.do = func() error { return ErrInjected }
	default:
		return a, fmt.Errorf("there is no action %q; there are crash, stop, error and delay:DURATION", what)
	}
	return a, nil
}

// crash ends the process as kill -9 does: nothing is closed, nothing flushed.
func crash() error {
	p, err := os.FindProcess(os.Getpid())
	if err != nil {
		return err
	}
	if err := p.Kill(); err != nil {
		return err
	}
	select {} // until the signal is there
}
