package batch

import (
	"fmt"
	"maps"
	"slices"

	"github.com/millrace/millrace/internal/wal"
	"github.com/millrace/millrace/output"
)

// doneBytes is what a directory takes in the log at most, without its name.
const doneBytes = 200

// doneBytesMax bounds what a commit says of directories with done markers.
const doneBytesMax = wal.MaxRecordBytes / 2

// checkDone refuses a commit that the log could not hold because of the directories that wait for their done markers. A
// snapshot lists all of them, and one may be due with any batch.
func (d *driver) checkDone(o *outcome) error {
	size, most, worst := 0, 0, ""
	for _, name := range slices.Sorted(maps.Keys(o.commit.Done)) {
		done := o.commit.Done[name]
		open := maps.Clone(d.history.Partitions[name])
		if open == nil {
			open = partitions{}
		}
		open.note(done)
		size += open.bytes()
		for _, list := range [][]output.TimePartition{done.Open, done.Complete, done.Late} {
			size += bytesOf(list)
		}
		if n := len(open) + len(done.Complete); n > most {
			most, worst = n, name
		}
	}
	if size <= doneBytesMax {
		return nil
	}
	return &BadDataError{Err: fmt.Errorf("sink %s has %d directories that wait for their done markers, more than a record of the log can list: partition by something coarser, or leave out done_marker", worst, most)}
}

func (p partitions) bytes() int { return bytesOf(slices.Collect(maps.Values(p))) }

// bytesOf is what directories take in the log, at most.
func bytesOf(list []output.TimePartition) int {
	size := 0
	for _, t := range list {
		size += doneBytes + 2*len(t.Dir)
	}
	return size
}
