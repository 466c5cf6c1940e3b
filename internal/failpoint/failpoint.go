package failpoint

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
)

// armed is what happens at points; nil: nothing does.
var armed atomic.Pointer[table]

// table is safe for concurrent use. It is changed by putting another one in its place.
type table struct {
	acts  map[Point][]act
	watch func(Point)
	trace io.Writer

	mu   sync.Mutex
	hits map[Point]int
}

// act is something that happens at a point.
type act struct {
	what string // for the trace
	at   int    // at which hit, from 1; 0: at every one
	do   func() error
}

// Hit says that the code has reached a point. An error is one that the operation there has met.
func Hit(p Point) error {
	t := armed.Load()
	if t == nil {
		return nil
	}
	return t.hit(p)
}

// Points are all points there are.
func Points() []Point { return slices.Clone(all) }

// Set makes do happen at every hit of a point, in place of what happened there before, until reset is called. It is for
// tests, which must not run beside others that pass the point.
func Set(p Point, do func() error) (reset func()) {
	return change(func(t *table) { t.acts[p] = []act{{what: "set", do: do}} })
}

// Watch has see told of every hit, before anything happens there, until stop is called. It is called by the goroutine that
// hits, maybe by several at a time.
func Watch(see func(Point)) (stop func()) {
	return change(func(t *table) { t.watch = see })
}

// change puts a changed table in force, and returns what takes that back.
func change(f func(*table)) (undo func()) {
	before := armed.Load()
	t := &table{acts: map[Point][]act{}, hits: map[Point]int{}}
	if before != nil {
		for p, acts := range before.acts {
			t.acts[p] = acts
		}
		t.watch, t.trace = before.watch, before.trace
	}
	f(t)
	armed.Store(t)
	return func() { armed.Store(before) }
}

func (t *table) hit(p Point) error {
	n := t.count(p)
	due := due(t.acts[p], n)
	if t.watch != nil {
		t.watch(p)
	}
	if err := t.note(p, n, due); err != nil {
		return err
	}
	for _, a := range due {
		if err := a.do(); err != nil {
			return fmt.Errorf("failpoint %s: %w", p, err)
		}
	}
	return nil
}

func (t *table) count(p Point) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.hits[p]++
	return t.hits[p]
}

// due are the acts of the n-th hit.
func due(acts []act, n int) []act {
	var out []act
	for _, a := range acts {
		if a.at == 0 || a.at == n {
			out = append(out, a)
		}
	}
	return out
}

// note writes a line of the trace: the point, which hit of it this is, and what will happen. It is one write, so that
// lines of several goroutines stay whole.
func (t *table) note(p Point, n int, due []act) error {
	if t.trace == nil {
		return nil
	}
	line := string(p) + " " + strconv.Itoa(n)
	for _, a := range due {
		line += " " + a.what
	}
	if _, err := io.WriteString(t.trace, line+"\n"); err != nil {
		return fmt.Errorf("write the trace of failpoints: %w", err)
	}
	return nil
}
