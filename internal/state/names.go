package state

import "slices"

// names are the names of namespaces in order. Most come in order, and leave from the front.
type names struct {
	sorted []int64
	later  []int64 // not among the sorted yet, each once
}

func (n *names) add(name int64) {
	if last := len(n.sorted) - 1; last < 0 || n.sorted[last] < name {
		n.sorted = append(n.sorted, name)
		return
	}
	n.later = append(n.later, name)
}

// list is the names in order. Those that came since the last call are merged in from the end.
func (n *names) list() []int64 {
	if len(n.later) == 0 {
		return n.sorted
	}
	slices.Sort(n.later)
	from, to := len(n.sorted)-1, len(n.sorted)+len(n.later)-1
	n.sorted = append(n.sorted, n.later...)
	for i := len(n.later) - 1; i >= 0; to-- {
		if from >= 0 && n.sorted[from] > n.later[i] {
			n.sorted[to] = n.sorted[from]
			from--
			continue
		}
		n.sorted[to] = n.later[i]
		i--
	}
	n.later = n.later[:0]
	return n.sorted
}

// dropFirst leaves the room at the front to the next time that the slice grows.
func (n *names) dropFirst(count int) { n.sorted = n.list()[count:] }
