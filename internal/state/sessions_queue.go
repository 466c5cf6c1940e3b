package state

// endQueue is a heap of sessions by the end that they had when they were put in. Sessions only grow, so an entry never comes
// out too late, and one that comes out too early is put back with the end of now.
type endQueue []ending

type ending struct {
	end  int64
	slot int32
}

func (q *endQueue) push(end int64, slot int32) {
	*q = append(*q, ending{})
	h := *q
	i := len(h) - 1
	for i > 0 {
		up := (i - 1) / 2
		if h[up].end <= end {
			break
		}
		h[i], i = h[up], up
	}
	h[i] = ending{end, slot}
}

// pop takes the first entry out.
func (q *endQueue) pop() {
	h := *q
	last := h[len(h)-1]
	*q = h[:len(h)-1]
	if len(*q) > 0 {
		q.settle(last)
	}
}

// settle puts an entry in the place of the first one.
func (q endQueue) settle(e ending) {
	i := 0
	for {
		down := 2*i + 1
		if down >= len(q) {
			break
		}
		if right := down + 1; right < len(q) && q[right].end < q[down].end {
			down = right
		}
		if q[down].end >= e.end {
			break
		}
		q[i], i = q[down], down
	}
	q[i] = e
}
