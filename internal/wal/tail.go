package wal

import (
	"slices"

	"github.com/millrace/millrace/internal/store"
)

// readTail reads of a chain in dir what somebody needs, from the last segment backwards: whole segments, and none in front of
// one with a record that is enough. What is read is checked as [ReadChain] does, and linked to what is read behind it.
func readTail(fsys store.ReadFS, dir string, epoch uint64, t Tail) (*Chain, error) {
	first := t.firstSegment(epoch)
	if t.Enough == nil {
		return readChain(fsys, dir, epoch, first)
	}
	segments, err := chainSegments(fsys, dir, epoch, first)
	if err != nil {
		return nil, err
	}
	r := tailReader{fsys: fsys, segments: segments, read: make([]content, len(segments))}
	from := len(segments)
	for from > 0 && (from == len(segments) || !t.enoughIn(r.read[from].records)) {
		from--
		if err := r.segment(from); err != nil {
			return nil, err
		}
		if n := segments[from].segment; from == 0 && n != first {
			return nil, missing(dir, link{epoch: epoch, segment: first}, n)
		} else if from > 0 && segments[from-1].segment != n-1 {
			return nil, missing(dir, link{epoch: epoch, segment: n - 1}, n)
		}
	}
	chain := &Chain{Epoch: epoch}
	for i := from; i < len(segments); i++ {
		chain.add(segments[i], r.read[i])
	}
	return chain, nil
}

// enoughIn reports whether records in front of these are not needed.
func (t Tail) enoughIn(records []record) bool {
	return slices.ContainsFunc(records, func(r record) bool { return (t.UpTo == 0 || r.sequence <= t.UpTo) && t.Enough(r.payload) })
}

// chainSegments lists the segments of an epoch from one on; those before it are pruned, or on their way to be.
func chainSegments(fsys store.ReadFS, dir string, epoch uint64, first uint32) ([]segmentFile, error) {
	segments, err := listSegments(fsys, dir, epoch)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(segments, func(s segmentFile) bool { return s.segment < first }), nil
}

// tailReader reads segments from the last one backwards.
type tailReader struct {
	fsys     store.ReadFS
	segments []segmentFile
	read     []content
}

// segment reads one and checks that the one behind it, if there is any, goes on from it.
func (r *tailReader) segment(i int) error {
	last := len(r.segments) - 1
	var err error
	if r.read[i], err = readSegment(r.fsys, r.segments[i], nil, i == last); err != nil || i == last {
		return err
	}
	if end := r.read[i].end; end != r.read[i+1].begin && r.segments[i+1].segment == end.segment {
		_, err = readSegment(r.fsys, r.segments[i+1], &end, i+1 == last) // which says what is wrong
	}
	return err
}
