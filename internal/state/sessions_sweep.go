package state

import (
	"cmp"
	"slices"
	"sort"

	"github.com/millrace/millrace/columnar"
)

// sweep goes through the waiting rows of a key and its sessions, both by time, and makes one session of all that lie within
// a gap. Its cost is that of sorting the rows and of one copy of the list, whatever merges with what.
func (s *Sessions) sweep(b *columnar.Batch, key uint32) {
	w := s.newSweep(b, key)
	live := s.sessionsOf(key)
	out, at := s.list[:0], 0
	for w.left() {
		run := w.take()
		from := at + sort.Search(len(live)-at, func(i int) bool { return s.end(s.slots[live[at+i]].last) >= run.first })
		to := from
		for grown := true; grown; {
			grown = w.takeWithin(&run)
			for to < len(live) && run.extend(s, &s.slots[live[to]]) {
				to, grown = to+1, true
			}
		}
		out = append(out, live[at:from]...)
		at = to
		slot := s.unite(key, &run, live[from:to])
		for _, i := range w.taken() {
			s.put(int(i), slot, w.counts[rowAt(b, int(i))])
		}
		out = append(out, slot)
	}
	s.list = append(out, live[at:]...)
	s.swept += len(w.order) + len(live) + len(s.list)
	s.setSessions(key, s.list)
}

// sweeping is the waiting rows of a key, by time.
type sweeping struct {
	s                     *Sessions
	b                     *columnar.Batch
	firsts, lasts, counts []int64
	order                 []int32
	from, at              int // of order: the rows from here are in the run, those from there on are left
}

func (s *Sessions) newSweep(b *columnar.Batch, key uint32) sweeping {
	w := sweeping{s: s, b: b, firsts: b.Cols[s.times].I64, lasts: b.Cols[s.times+1].I64, counts: b.Cols[s.times+2].I64}
	s.order = s.order[:0]
	for i := s.byKey[key].waiting; i != noRow; i = s.next[i] {
		s.order = append(s.order, i)
	}
	s.byKey[key].waiting = noRow
	w.order = s.order
	slices.SortFunc(s.order, func(x, y int32) int { return cmp.Compare(w.firsts[rowAt(b, int(x))], w.firsts[rowAt(b, int(y))]) })
	return w
}

func (w *sweeping) left() bool { return w.at < len(w.order) }

// taken are the rows of the run.
func (w *sweeping) taken() []int32 { return w.order[w.from:w.at] }

// take begins a run with the next row.
func (w *sweeping) take() session {
	row := rowAt(w.b, int(w.order[w.at]))
	w.from, w.at = w.at, w.at+1
	return session{first: w.firsts[row], last: w.lasts[row]}
}

// takeWithin takes the rows that touch the run, which begins before them.
func (w *sweeping) takeWithin(run *session) (grown bool) {
	for w.left() {
		row := rowAt(w.b, int(w.order[w.at]))
		if w.firsts[row] > w.s.end(run.last) {
			break
		}
		run.last = max(run.last, w.lasts[row])
		w.at++
		grown = true
	}
	return grown
}

// extend adds a session that ends behind the start of the run, if it touches it.
func (run *session) extend(s *Sessions, o *session) bool {
	if o.first > s.end(run.last) {
		return false
	}
	run.first, run.last = min(run.first, o.first), max(run.last, o.last)
	return true
}

// unite makes one session of a run and of those that it touches. It is kept in the slot of the one with the most rows, so
// that no row is moved more often than the logarithm of their number.
func (s *Sessions) unite(key uint32, run *session, parts []int32) int32 {
	if len(parts) == 0 {
		return s.open(key, run.first, run.last)
	}
	kept := slices.MaxFunc(parts, func(x, y int32) int { return cmp.Compare(s.slots[x].rows, s.slots[y].rows) })
	to := &s.slots[kept]
	to.first, to.last = run.first, run.last
	s.reopen(kept)
	for _, p := range parts {
		if p != kept {
			o := &s.slots[p]
			to.rows += o.rows
			o.gone = true
			s.live--
			s.moved += int(o.rows)
			s.absorbed, s.into = append(s.absorbed, p), append(s.into, uint32(kept))
		}
	}
	return kept
}

// sessionsOf lists the slots of a key's sessions, by time. The slice is valid until the next call, or until the key changes.
func (s *Sessions) sessionsOf(key uint32) []int32 {
	switch k := &s.byKey[key]; {
	case k.at == noSession:
		return nil
	case k.at >= 0:
		s.only[0] = k.at
		return s.only[:]
	default:
		return s.lists[^k.at]
	}
}

// setSessions makes slots, by time and at least one, the sessions of a key.
func (s *Sessions) setSessions(key uint32, slots []int32) {
	k := &s.byKey[key]
	if len(slots) == 1 {
		s.dropList(k)
		k.at = slots[0]
		return
	}
	if k.at >= 0 {
		k.at = ^s.newList()
	}
	list := &s.lists[^k.at]
	*list = append((*list)[:0], slots...)
}

func (s *Sessions) newList() int32 {
	if n := len(s.freeLists); n > 0 {
		free := s.freeLists[n-1]
		s.freeLists = s.freeLists[:n-1]
		return free
	}
	s.lists = append(s.lists, nil)
	return int32(len(s.lists) - 1)
}

// dropList frees the list of a key, which then has none.
func (s *Sessions) dropList(k *keyed) {
	if k.at < 0 && k.at != noSession {
		s.lists[^k.at] = nil
		s.freeLists = append(s.freeLists, ^k.at)
		k.at = noSession
	}
}
