package batch

import (
	"runtime"
	"sync"
)

// spare has what is not urgent wait for a core that no task needs. Go has no priorities: a goroutine beside as many tasks as there are
// cores takes its share from them, though there will be a core with nothing to do before what it makes is needed, when the last
// groups are merged or a batch waits for the disk.
type spare struct {
	mu      sync.Mutex
	changed sync.Cond
	cores   int // 0: nothing waits
	busy    int // with tasks
}

func (s *spare) begin() {
	s.mu.Lock()
	s.busy++
	s.mu.Unlock()
}

func (s *spare) end() {
	s.mu.Lock()
	s.busy--
	s.mu.Unlock()
	s.changed.Broadcast()
}

// errand is one piece of what is not urgent.
type errand struct {
	of     *spare
	urgent bool
}

// pause is called now and then by whoever runs the errand: it returns when there is a core for it, or it has become urgent.
func (e *errand) pause() {
	runtime.Gosched()
	e.of.mu.Lock()
	defer e.of.mu.Unlock()
	for e.of.busy >= e.of.cores && e.of.cores > 0 && !e.urgent {
		e.of.changed.Wait()
	}
}

// hurry has it wait no more.
func (e *errand) hurry() {
	e.of.mu.Lock()
	e.urgent = true
	e.of.mu.Unlock()
	e.of.changed.Broadcast()
}
