package integration

import (
	"bytes"
	"os"
	"strconv"
	"strings"
	"testing"
)

// phase is where in the life of a batch a process was killed, or stopped.
type phase int

const (
	idle          phase = iota // no batch is open, as far as this process knows
	recovering                 // it reads the log, or begins its sessions
	planned                    // the plan is in the log, nothing is read
	readingRanges              // source tasks
	merging                    // partials into state, windows that close
	preparing                  // what will be visible is made, nothing is
	writing                    // a data file, not linked yet or durable already
	linked                     // a data file has its name, its directory is not synced
	producing                  // records are on their way into a transaction
	inTxn                      // they are there, the transaction is open
	endedTxn                   // EndTxn is done, the log does not have the commit
	inSnapshot                 // the same, of a batch that commits the whole state
	afterCommit                // the log has the commit, manifests and the like are written
	phases
)

var phaseNames = [phases]string{"idle", "recovering", "planned", "reading", "merging", "preparing", "writing a file", "between link and directory fsync",
	"producing", "in an open transaction", "between EndTxn and Committed", "in a snapshot", "behind Committed"}

func (p phase) String() string { return phaseNames[p] }

// wantedPhases are those of which each must come often.
var wantedPhases = []phase{planned, readingRanges, merging, linked, inTxn, endedTxn, inSnapshot}

// hit is a line of a trace of failpoints.
type hit struct {
	point string
	n     int // which hit of the point
}

// readTrace reads the trace of one process; what is not there yet is empty. A last line that is cut is left out.
func readTrace(t *testing.T, path string) []hit {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return parseTrace(t, data)
}

func parseTrace(t *testing.T, data []byte) (out []hit) {
	t.Helper()
	for line := range bytes.Lines(data) {
		if !bytes.HasSuffix(line, []byte("\n")) {
			break
		}
		words := strings.Fields(string(line))
		n, err := strconv.Atoi(words[1])
		if err != nil {
			t.Fatalf("line %q of a trace: %v", line, err)
		}
		out = append(out, hit{words[0], n})
	}
	return out
}

// walk follows a process through its trace.
type walk struct {
	phase  phase
	batch  int  // of this process, from 1
	opened bool // its chain has begun
	opens  bool // the next record is the first of its chain, Opened
	commit bool // the next record, but for that, is the commit
	data   bool // files that are written hold rows of the batch
	reruns int  // open batches of earlier processes that it has begun to run again
	plans  int  // batches that it has begun to plan
	snap   bool // the batch commits the whole state
	done   int  // commits
}

// next is where the process is behind a hit.
func (w *walk) next(h hit) {
	switch h.point {
	case "log/lock", "log/locked", "driver/recover":
		w.phase = recovering
	case "driver/rerun":
		w.begin(planned)
		w.reruns++
	case "driver/plan":
		w.begin(idle)
		w.plans++
	case "driver/planned":
		w.phase = planned
	case "source/read", "source/fetch":
		w.phase = readingRanges
	case "driver/merge", "driver/close":
		w.phase = merging
	case "driver/prepare", "driver/publish":
		w.phase, w.data = preparing, false
	case "parquet/file":
		w.phase, w.data = writing, true
	case "kafka/produce":
		w.phase, w.data = producing, false
	case "kafka/produced", "kafka/recorded":
		w.phase = inTxn
	case "kafka/committed", "state/delta":
		w.phase, w.data = endedTxn, false
	case "state/snapshot":
		w.phase, w.data, w.snap = inSnapshot, false, true
	case "state/kept", "driver/commit":
		w.phase, w.data, w.commit = map[bool]phase{false: endedTxn, true: inSnapshot}[w.snap], false, true
	case "driver/committed", "parquet/manifest", "driver/told":
		w.phase, w.data = afterCommit, false
	default:
		w.nextInside(h.point)
	}
}

// nextInside follows points of the log and the store, whose meaning depends on what they are used for.
func (w *walk) nextInside(point string) {
	switch {
	case w.data && point == "store/linked":
		w.phase = linked
	case w.data && strings.HasPrefix(point, "store/"):
		w.phase = writing
	case point == "log/create" && !w.opened:
		w.opens, w.opened = true, true
	case point == "log/synced" && w.opens:
		w.opens = false
	case point == "log/synced" && w.commit:
		w.phase, w.commit, w.snap, w.done = afterCommit, false, false, w.done+1
	}
}

func (w *walk) begin(p phase) {
	w.phase, w.data, w.batch = p, false, w.batch+1
}

// follow walks to the end of a trace.
func follow(hits []hit) walk {
	var w walk
	for _, h := range hits {
		w.next(h)
	}
	return w
}

// TestPhaseOfTrace has the phase behind each line of a short life.
func TestPhaseOfTrace(t *testing.T) {
	const life = `log/lock 1: recovering
store/linked 1: recovering
log/locked 1: recovering
driver/recover 1: recovering
driver/rerun 1: planned
source/read 1: reading
source/fetch 1: reading
driver/merge 1: merging
driver/prepare 1: preparing
driver/publish 1: preparing
parquet/file 1: writing a file
store/link 2: writing a file
store/linked 2: between link and directory fsync
store/durable 2: writing a file
driver/next-sink 1: writing a file
kafka/produce 1: producing
kafka/produced 1: in an open transaction
kafka/recorded 1: in an open transaction
kafka/committed 1: between EndTxn and Committed
state/delta 1: between EndTxn and Committed
state/kept 1: between EndTxn and Committed
driver/commit 1: between EndTxn and Committed
log/create 1: between EndTxn and Committed
log/append 1: between EndTxn and Committed
log/synced 1: between EndTxn and Committed
log/append 2: between EndTxn and Committed
log/synced 2: behind Committed
parquet/manifest 1: behind Committed
store/linked 3: behind Committed
driver/told 1: behind Committed
driver/plan 1: idle
log/append 3: idle
log/synced 3: idle
driver/planned 1: planned
source/fetch 2: reading
kafka/committed 2: between EndTxn and Committed
state/snapshot 1: in a snapshot
driver/commit 2: in a snapshot
log/sync 4: in a snapshot
log/create 2: in a snapshot
log/synced 4: behind Committed
`
	var w walk
	for line := range strings.Lines(life) {
		text, want, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		if w.next(parseTrace(t, []byte(text+"\n"))[0]); w.phase.String() != want {
			t.Errorf("behind %s: %s, want %s", text, w.phase, want)
		}
	}
	if w.batch != 2 || w.reruns != 1 || w.plans != 1 || w.done != 2 {
		t.Errorf("%+v", w)
	}
}
