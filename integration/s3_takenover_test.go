package integration

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/millrace/millrace/integration/s3test"
)

// holdUp has a proxy hold up the first request of a kind: reached is closed when it has come, and it goes on once wake is.
func holdUp(p *s3test.Proxy, kind func(*http.Request) bool) (reached, wake chan struct{}) {
	reached, wake = make(chan struct{}), make(chan struct{})
	held := false
	p.Set(func(r *http.Request) s3test.Fault { // one at a time, see Proxy
		if held || !kind(r) {
			return s3test.None
		}
		held = true
		close(reached)
		return s3test.Held
	})
	p.Hold(wake)
	return reached, wake
}

// untilClosed waits for something that happens while the process runs.
func (l *life) untilClosed(t *testing.T, happened <-chan struct{}) {
	t.Helper()
	for {
		select {
		case <-happened:
			return
		case _, running := <-l.progress:
			if !running {
				_, err := l.wait()
				t.Fatalf("the process has ended before: %v", err)
			}
		}
	}
}

// largeTable is a static table of so many MiB.
func largeTable(t *testing.T, size int) string {
	t.Helper()
	var csv bytes.Buffer
	csv.WriteString("id,note\n")
	for id := range size {
		fmt.Fprintf(&csv, "%d,%s\n", id, strings.Repeat("x", 1<<20))
	}
	path := filepath.Join(t.TempDir(), "names.csv")
	if err := os.WriteFile(path, csv.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestS3TakenOverInUpload takes a job over from a driver that is in the middle of an upload in parts, which the new driver clears
// away; and has an old driver that is about to clear away find an upload of the new one. The old one ends with exit code 5 each time,
// and the new one does not notice.
func TestS3TakenOverInUpload(t *testing.T) {
	table := []string{"--set", "tables={names: {csv: " + largeTable(t, 34) + ", columns: {id: bigint}}}",
		"--set", "queries.rows=SELECT e.id, e.k, e.at FROM events e JOIN names n ON e.id = n.id"}
	secondPart := func(r *http.Request) bool {
		return r.Method == http.MethodPut && r.URL.Query().Get("partNumber") == "2"
	}
	listing := func(r *http.Request) bool {
		return r.URL.Query().Has("uploads") && r.URL.Query().Get("prefix") == "cp/"
	}
	for _, test := range []struct {
		name     string
		old, new func(*http.Request) bool // where they are held up
	}{
		{"the old one uploads", secondPart, nil},
		{"the new one uploads", listing, secondPart},
	} {
		t.Run(test.name, func(t *testing.T) {
			x := inBucket(t, placeJob)
			x.fill(30)
			g := s3test.Start(t)
			behind := [2]*s3test.Proxy{g.Proxy(t), g.Proxy(t)}
			start := func(i int, kind func(*http.Request) bool) (l *life, wake chan struct{}) {
				reached, wake := holdUp(behind[i], kind)
				x.options = append(s3Set(behind[i].URL), table...)
				l = x.start(x.args("run", "--take-over")[1:]...)
				l.untilClosed(t, reached)
				return l, wake
			}
			old, wakeOld := start(0, test.old)
			var taker *life
			wakeTaker := make(chan struct{})
			if test.new != nil {
				taker, wakeTaker = start(1, test.new)
			} else {
				x.options = append(s3Set(g.URL), table...)
				taker = x.start(x.args("run", "--take-over")[1:]...)
				if _, err := taker.wait(); err != nil {
					t.Errorf("the new driver: %v", err)
				}
			}
			close(wakeOld)
			_, _ = old.wait() // its exit code is what counts
			wantExit(t, old.cmd.ProcessState.ExitCode(), old.stderr.String(), 5, "another run has taken this job over from epoch 1")
			if test.new != nil {
				close(wakeTaker)
				if _, err := taker.wait(); err != nil {
					t.Errorf("the new driver: %v", err)
				}
			}
			x.options = append(s3Set(g.URL), table...)
			t.Log(lastLine(x.must(x.args("verify")...)))
		})
	}
}
