package output

import "sync"

// room bounds what several goroutines hold at a time: who asks for more than is left waits until others give theirs back, but never
// while nobody holds any.
type room struct {
	most int64 // 0: no bound

	mu    sync.Mutex
	given sync.Cond
	used  int64
}

func newRoom(most int64) *room {
	r := &room{most: most}
	r.given.L = &r.mu
	return r
}

func (r *room) take(n int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for r.most > 0 && r.used > 0 && r.used+n > r.most {
		r.given.Wait()
	}
	r.used += n
}

func (r *room) give(n int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.used -= n
	r.given.Broadcast()
}
