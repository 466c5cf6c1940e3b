package batch

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"unsafe"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/internal/store"
)

// poisoned is a scratch on the heap that spoils what it gave when it takes it back, so that whoever still uses it is found.
type poisoned struct {
	mu     sync.Mutex
	pieces [][]byte
	given  int
	resets int
	full   error // what Alloc says; nil: there is room
}

func (p *poisoned) Alloc(n int) ([]byte, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.full != nil {
		return nil, p.full
	}
	buf := unsafe.Slice((*byte)(unsafe.Pointer(&make([]uint64, n/8+1)[0])), n)
	p.pieces, p.given = append(p.pieces, buf), p.given+n
	return buf, nil
}

func (p *poisoned) Reset() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.resets++
	for _, piece := range p.pieces {
		for i := range piece {
			piece[i] = 0xa5
		}
	}
	p.pieces = nil
	return nil
}

func (p *poisoned) Evict() {}

func (p *poisoned) Close() error { return p.Reset() }

// keepAside leaves next to no memory for rows that are not published yet.
func keepAside[S overflow](scratch func() S) func(*Options) {
	return func(o *Options) {
		o.Memory, o.scratch = DivideMemory(1<<30), func() overflow { return scratch() }
		o.Memory.Output = 1
	}
}

// memoryWorld has records of 300 keys in one window that stays open.
func memoryWorld(t *testing.T) *world {
	w := timeWorld(t)
	for i := range int64(300) {
		w.append(simEvent{partition: int32(i % 3), ms: simStart.UnixMilli() + i, ad: fmt.Sprintf("a%d", i%5), kind: "view", n: i, price: 0.1 * float64(i)})
	}
	return w
}

// state bounds what state may take, in bytes.
func stateMax(n int64) func(*Options) {
	return func(o *Options) { o.Memory = Memory{Total: 8 * n / 3, Fetch: n / 3, Decode: n / 3, State: n} }
}

// TestStateOutgrowsMemory stops a run whose state gets larger than it may, before anything of the batch is visible, and
// goes on from there with more memory: with the rows of a run that had it from the start.
func TestStateOutgrowsMemory(t *testing.T) {
	whole := memoryWorld(t)
	whole.mustRun(whole.job(windowed, flushing, rowsMax(60)))

	w := memoryWorld(t)
	job := func() *Job { return w.job(windowed, flushing, rowsMax(60)) }
	little := newWorker(job(), nil, 2).countState() + 100 // more than no state takes
	err := w.run(job(), stateMax(little+withTables(t, job(), 2).size.tables))
	wantError[*RefusedError](t, err, "the state of batch 1 with the tables takes", "that memory: ", "leaves for it", "nothing of this batch was committed", "run the job again with memory: ")
	if h := w.history(); h.Last != nil || len(h.Open) != 1 || len(w.files()) != 0 {
		t.Errorf("last commit %v, %d plans open, files %q", h.Last, len(h.Open), w.files())
	}
	w.mustRun(job(), stopAfter(2))
	wantError[*RefusedError](t, w.run(job(), stateMax(little)), "the state in the checkpoint takes")
	w.mustRun(job(), stateMax(1<<20))
	w.wantRows("with more memory", whole.rows(), exactRows)
}

func TestMemoryEnough(t *testing.T) {
	m := DivideMemory(64 << 20)
	if m.State != 24<<20 || m.Fetch != 8<<20 || m.Decode != 8<<20 {
		t.Errorf("%+v", m)
	}
	for used, want := range map[int64]int64{25 << 20: 128 << 20, 31 << 20: 128 << 20, 33 << 20: 256 << 20, 1 << 30: 4 << 30} {
		if got := m.enough(used); got != want {
			t.Errorf("%d MiB are said to be enough for %d MiB of state, want %d", got>>20, used>>20, want>>20)
		}
	}
	for cores, want := range map[int]int{1: 2 << 20, 2: 1 << 20, 8: 256 << 10, 1000: decodeBytesLeast} {
		if got := m.decodeBytes(cores); got != want {
			t.Errorf("%d bytes decoded at a time on %d cores, want %d", got, cores, want)
		}
	}
	if got := (Memory{}).decodeBytes(1); got != decodeBytesMax {
		t.Errorf("%d bytes decoded at a time without a bound", got)
	}
}

// TestRowsKeptInFile: rows of all kinds of sinks, and of side outputs, wait in a real file; where there is none, or the disk is
// full, the run stops before anything of the batch is visible.
func TestRowsKeptInFile(t *testing.T) {
	for _, q := range []simQuery{stateless, fanOut, aside, lateSessions} {
		whole := newWorld(t, simSeed(t))
		whole.fill(q, 300)
		whole.mustRun(whole.job(q, flushing))
		w := newWorld(t, simSeed(t))
		w.fill(q, 300)
		dir := t.TempDir()
		w.mustRun(w.job(q, flushing), keepAside(func() *store.Scratch { return store.NewScratch(dir) }))
		w.wantRows(q.name, whole.rows(), exactRows)
		if left, err := filepath.Glob(dir + "/*"); err != nil || len(left) != 0 {
			t.Errorf("left behind: %q, %v", left, err)
		}
	}
	w := newWorld(t, simSeed(t))
	w.generate(100)
	full := errors.New("no space left on device")
	if err := w.run(w.job(stateless), keepAside(func() *poisoned { return &poisoned{full: full} })); !errors.Is(err, full) || !strings.Contains(err.Error(), "keep rows that are not published yet") {
		t.Errorf("on a full disk: %v", err)
	}
	wantError[*RefusedError](t, w.run(w.job(stateless), keepAside(func() *poisoned { return &poisoned{full: store.ErrNoScratch} })), "rows of this batch that are not published yet take more than", "memory: 1024 MiB", "goes on from there")
	if h := w.history(); h.Last != nil || len(w.files()) != 0 {
		t.Errorf("last commit %v, files %q", h.Last, w.files())
	}
	w.mustRun(w.job(stateless), keepAside(func() *poisoned { return &poisoned{} }))
	w.wantRows("with room", w.expected(stateless), equalRows)
}

// partialsAside leaves next to no memory for partials: every batch of columns that a task has grouped goes to the scratch file.
func partialsAside[S overflow](scratch func() S) func(*Options) {
	return func(o *Options) {
		o.Memory, o.scratch = DivideMemory(1<<30), func() overflow { return scratch() }
		o.Memory.Partials = 4
	}
}

// TestPartialsAside: whatever the kind of window, partials in many pieces and in a scratch file give the rows of partials in one,
// in a run as in a replay of it to the same bytes.
func TestPartialsAside(t *testing.T) {
	aside := 0
	for _, q := range []simQuery{windowed, twoWindows, whole, visits, lateSessions, changing, frames, firsts, daily} {
		plain := newWorld(t, simSeed(t))
		plain.fill(q, 300)
		plain.mustRun(plain.job(q, flushing, rowsMax(200)))
		w := newWorld(t, simSeed(t))
		w.fill(q, 300)
		var all []*poisoned
		scratch := func() *poisoned { all = append(all, &poisoned{}); return all[len(all)-1] }
		w.mustRun(w.job(q, flushing, rowsMax(200)), partialsAside(scratch))
		w.wantRows(q.name, plain.rows(), exactRows)
		out, _, err := w.replay(w.job(q), func(o *ReplayOptions) {
			o.Memory, o.scratch = DivideMemory(1<<30), func() overflow { return scratch() }
			o.Memory.Output, o.Memory.Partials = 1, 4
		})
		if err != nil || out.Differences != 0 {
			t.Errorf("%s: replay: %+v, %v", q.name, out, err)
		}
		for i, p := range all {
			if i%2 == 0 && p.given+all[i+1].given == 0 {
				t.Errorf("%s: nothing went aside in run %d", q.name, i/2)
			}
			aside += p.given
		}
	}
	t.Logf("%d KiB aside", aside>>10)
	w := memoryWorld(t)
	none := func() *poisoned { return &poisoned{full: store.ErrNoScratch} }
	wantError[*RefusedError](t, w.run(w.job(windowed), partialsAside(none)), "partial groups of this batch that are not merged yet take more than the 0 KiB that memory: 1024 MiB leaves for them")
	if h := w.history(); h.Last != nil || len(h.Open) != 1 {
		t.Errorf("last commit %v, %d plans open", h.Last, len(h.Open))
	}
}

// TestReplayOutgrowsMemory: a replay whose state gets larger than it may stops with figures, and says what is enough for it.
func TestReplayOutgrowsMemory(t *testing.T) {
	w := memoryWorld(t)
	w.mustRun(w.job(windowed, flushing))
	little := withTables(t, w.job(windowed), 1).size.tables + 100
	small := func(o *ReplayOptions) {
		o.Memory, o.scratch = Memory{Total: 8, State: little}, func() overflow { return &poisoned{} }
	}
	_, _, err := w.replay(w.job(windowed), small)
	wantError[*RefusedError](t, err, "batch 1", "KiB that memory: 0 KiB leaves for it; nothing of the job was changed: replay again with --set memory=")
}

// wide appends n events of so many bytes each, between what the query's world has.
func (w *world) wide(q simQuery, n, bytes int) {
	for i := range n {
		w.fill(q, 2)
		w.append(simEvent{partition: int32(i % 2), ms: simStart.UnixMilli() + int64(i), ad: fmt.Sprintf("a%d", i%3) + strings.Repeat("-", bytes), kind: "view", n: int64(i)})
	}
}

// boundedTo divides so much memory, with a scratch file that is checked.
func boundedTo(total int64) func(*Options) {
	return func(o *Options) {
		o.Memory, o.scratch = DivideMemory(total), func() overflow { return &poisoned{} }
	}
}

// TestLargeRecordBatches: of records that are more than is decoded at a time come the same rows, late ones and dead letters.
func TestLargeRecordBatches(t *testing.T) {
	for _, q := range []simQuery{stateless, windowed, aside, lateSessions} {
		plain, w := newWorld(t, 7), newWorld(t, 7)
		plain.wide(q, 200, 12_000)
		plain.mustRun(plain.job(q, flushing, onePiece))
		w.wide(q, 200, 12_000)
		w.mustRun(w.job(q, flushing, onePiece), boundedTo(64<<20), func(o *Options) { o.Memory.Decode, o.Memory.Output = 1, 1 })
		w.wantRows(q.name, plain.rows(), exactRows)
	}
}

// TestRecordLargerThanMemory: a record for which there is no room stops the run, which says where it is and how much is enough; with that
// it goes on, and so does a replay.
func TestRecordLargerThanMemory(t *testing.T) {
	w := newWorld(t, 8)
	w.wide(stateless, 20, 100)
	w.append(simEvent{partition: 1, ms: simStart.UnixMilli(), ad: strings.Repeat("x", 5<<20), kind: "view"})
	at := w.events[len(w.events)-1].at
	err := w.run(w.job(stateless), boundedTo(32<<20))
	wantError[*RefusedError](t, err, fmt.Sprintf("the record %s/1 at offset %d has 5120 KiB, more than the 4096 KiB that memory: 32 MiB leaves for one", simTopic, at),
		"nothing of this batch was committed: run the job again with memory: 64MiB or more, and it goes on from there")
	if h := w.history(); h.Last != nil || len(h.Open) != 1 || len(w.files()) != 0 {
		t.Errorf("last commit %v, %d plans open, files %q", h.Last, len(h.Open), w.files())
	}
	w.mustRun(w.job(stateless), boundedTo(64<<20))
	w.wantRows("with more memory", w.expected(stateless), equalRows)
	little := func(total int64) func(*ReplayOptions) {
		return func(o *ReplayOptions) {
			o.Memory, o.scratch = DivideMemory(total), func() overflow { return &poisoned{} }
		}
	}
	_, _, err = w.replay(w.job(stateless), little(32<<20))
	wantError[*RefusedError](t, err, fmt.Sprintf("the record %s/1 at offset %d has", simTopic, at), "nothing of the job was changed: replay again with --set memory=64MiB or more")
	if out, _, err := w.replay(w.job(stateless), little(64<<20)); err != nil || out.Differences != 0 {
		t.Errorf("replay: %+v, %v", out, err)
	}
}

// TestTablesOutgrowMemory: static tables are held once for all cores, and take of what state may have.
func TestTablesOutgrowMemory(t *testing.T) {
	w := memoryWorld(t)
	two := func(o *Options) { o.Cores = 2 }
	err := w.run(w.job(windowed), two, boundedTo(1<<30), func(o *Options) { o.Memory.State = 1000 })
	wantError[*RefusedError](t, err, "the tables take ", " that memory: 1024 MiB leaves for them and state; nothing of this batch was committed: run the job again with memory: ")
	if h := w.history(); h.Last != nil || len(h.Open) != 1 {
		t.Errorf("last commit %v, %d plans open", h.Last, len(h.Open))
	}
	job := w.job(windowed)
	one := withTables(t, job, 1)
	root := job.Plan.Root(0)
	first, err1 := one.newTree(root)
	second, err2 := one.newTree(root)
	if err1 != nil || err2 != nil || len(one.tables) != 1 || one.size.tables == 0 || first == second {
		t.Errorf("%v, %v, %d tables of %d bytes", err1, err2, len(one.tables), one.size.tables)
	}
}

// withTables is a worker that has the job's table.
func withTables(t *testing.T, job *Job, shards int) *worker {
	t.Helper()
	data, err := job.Tables["ads"].Read()
	if err != nil {
		t.Fatal(err)
	}
	ads, err := job.Tables["ads"].Decode(data, &columnar.Env{})
	if err != nil {
		t.Fatal(err)
	}
	w := newWorker(job, nil, shards)
	w.setInputs(map[string]*columnar.Batch{"ads": ads}, nil)
	return w
}
