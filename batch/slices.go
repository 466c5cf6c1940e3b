package batch

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/millrace/millrace/internal/failpoint"
)

// A snapshot of a large state is taken in slices, so that no batch waits for the whole. Beside each commit of a round the driver
// encodes what is held of some more key groups, and has it written while the next batch runs, whose commit names it: state as of the
// batch before, in front of the delta. When all key groups had their turn the commit is the snapshot, and lists what the batches
// of the round have logged. A round that breaks off leaves slices that are but wide deltas; the snapshot after it is taken at once, so
// that rounds which never come to their end do not pile them up.

const (
	// sliceAbove is the size of a state, in blocks, from which on snapshots are taken in slices.
	sliceAbove = 32 << 20
	// sliceBytes is about how many bytes a slice has, unless the deltas have more: a round takes no more batches then than change as
	// much as there is.
	sliceBytes = 32 << 20
	// sliceLeast is the least number of the 256 parts of the key groups that a slice has: no round takes more than 64 batches.
	sliceLeast = 4
	// roundCopied bounds the attachments of a round, which its snapshot repeats.
	roundCopied = 8 << 20
	// memoryPerByte is about how much memory the state takes that is a byte in a block.
	memoryPerByte = 2
)

// round is a snapshot under way.
type round struct {
	of     *session
	done   int              // of 256 parts of the key groups, those that are encoded
	bytes  int              // of their slices
	copied int              // of attachments
	states []VersionedState // what its commits have logged
	next   *slice           // which the commit to come names; nil: none
	rooms  [][]byte         // memory of blocks that are written, for those to come
}

// slice is what an operator holds of some key groups, encoded and on its way to the checkpoint.
type slice struct {
	batch  int64 // whose commit names it
	blocks []StateBlock
	size   int64 // in memory
	rooms  [][]byte
	hurry  func() // has it be written with no regard to tasks
	wait   func() error
	cancel func()
}

// slicePart is what one shard of an operator has of a slice.
type slicePart struct {
	exchange, shard int
	groups          [2]uint8
	block           []byte // before it is encoded: memory for it
}

// takeSlices gives the commit of a batch the slices that are meant for it, when they are durable.
func (d *driver) takeSlices(p *Planned) ([]StateBlock, error) {
	if d.round == nil || d.round.of != d.s || p.Final || d.round.next != nil && d.round.next.batch != p.Batch {
		d.dropRound()
		return nil, nil
	}
	next := d.round.next
	if d.round.next = nil; next == nil {
		return nil, nil
	}
	err := next.wait()
	next.cancel()
	d.s.worker.heap.used.Add(-next.size)
	d.round.rooms = next.rooms
	if err != nil {
		return nil, fmt.Errorf("write state: %w", err)
	}
	return next.blocks, nil
}

// hurrySlice has what is still to be written of a slice written now: the batch whose commit names it has no more tasks.
func (d *driver) hurrySlice() {
	if d.round != nil && d.round.next != nil {
		d.round.next.hurry()
	}
}

// dropRound breaks a round off. What it has written and not named is removed with the batches about it.
func (d *driver) dropRound() {
	if d.round != nil && d.round.next != nil {
		d.round.next.cancel()
		_ = d.round.next.wait() // nobody needs it
		d.round.of.worker.heap.used.Add(-d.round.next.size)
	}
	d.round = nil
}

// roundEnds reports whether the next commit that may be one is the snapshot of a round.
func (d *driver) roundEnds() bool { return d.round != nil && d.round.done == keyGroupCount }

const keyGroupCount = 256

// inSlices reports whether the snapshot that is due is taken in slices.
func (d *driver) inSlices() bool {
	return d.round != nil || !d.history.Sliced && d.blockBytes() >= d.o.sliceAbove
}

// blockBytes is about how large the blocks of all that is held are.
func (d *driver) blockBytes() int {
	n := int64(0)
	for _, shards := range d.s.worker.states {
		for _, a := range shards {
			n += a.SizeBytes()
		}
	}
	return int(n / memoryPerByte)
}

// noteRound takes over what a commit of the round has logged.
func (d *driver) noteRound(p *Planned, c *Committed) {
	r := d.round
	if r == nil {
		return
	}
	if c.Base != nil {
		d.dropRound()
		return
	}
	for _, blocks := range [][]StateBlock{c.Slices, c.State} {
		for _, b := range blocks {
			r.copied += b.Length
		}
	}
	r.states = append(r.states, versioned(c, p.Zones))
	d.history.forget(r.states)
}

// inlineMost is how large blocks of this commit may be that stand in the log itself: a snapshot repeats those of its round.
func (d *driver) inlineMost(blocks int) int {
	if d.round == nil {
		return d.o.inlineBlock
	}
	return min(d.o.inlineBlock, max(roundCopied-d.round.copied, 0)/max(blocks, 1))
}

// sliceBegun is a slice that is encoded while its batch is committed, which waits for disks and changes nothing of the state.
type sliceBegun struct {
	round *round // that it is of
	parts []slicePart
	end   int          // of the 256 parts, the first behind it
	wait  func() error // for its end; any number of times
}

// beginSlice begins to encode what the commit after that of w is to name: the next slice of the round, or the first of one, when a snapshot
// is due. nil: nothing. What follows where sources ended, or the run is told to stop, would be for nothing.
func (d *driver) beginSlice(w *work) (*sliceBegun, error) {
	c := w.commit
	if d.round == nil {
		n, every := d.history.SinceSnapshot+2, d.o.snapshotEvery
		if !d.deltasDue(1) && n < every-every/4 || !d.inSlices() {
			return nil, nil
		}
	}
	if c.Base != nil || w.rerun || w.plan.Final || d.roundEnds() || d.stopped() || d.caughtUpBy(c.Positions) {
		return nil, nil
	}
	if err := failpoint.Hit(failpoint.StateSlice); err != nil {
		return nil, err
	}
	r := d.round
	if r == nil {
		r = &round{of: d.s}
	}
	e := &sliceBegun{round: r, end: d.sliceEnd(r, w)}
	e.parts = d.s.parts(r.done, e.end)
	r.giveRooms(e.parts)
	var err error
	wait := d.o.beside(func() {
		err = d.s.each(len(e.parts), func(i int) error { return d.s.encodeSlice(&e.parts[i]) })
	})
	wait = sync.OnceFunc(wait)
	e.wait = func() error {
		wait()
		return err
	}
	return e, nil
}

// nextSlice has a slice written behind the commit that it was encoded beside, and goes on with the round, or begins it.
func (d *driver) nextSlice(ctx context.Context, e *sliceBegun) error {
	if e == nil {
		return nil
	}
	if err := e.wait(); err != nil {
		return err
	}
	d.round = e.round
	d.round.done = e.end
	d.round.next = d.writeSlice(ctx, e.parts)
	return nil
}

// sliceEnd is where the next slice of a round ends.
func (d *driver) sliceEnd(r *round, w *work) int {
	if d.o.sliceParts > 0 {
		return min(r.done+d.o.sliceParts, keyGroupCount)
	}
	return r.done + r.step(max(d.history.SnapshotBytes, d.blockBytes()), d.sliceMost(w))
}

// sliceMost is about how many bytes the slice behind a batch is to have.
func (d *driver) sliceMost(w *work) int {
	deltas := 0
	for _, parts := range w.deltas {
		for _, p := range parts {
			deltas += len(p)
		}
	}
	most := max(d.o.sliceBytes, deltas)
	if total := d.o.Memory.Total; total > 0 {
		most = min(most, int(total/16))
	}
	return most
}

// step is how many of the 256 parts a slice of so many bytes has, of a state of about so many.
func (r *round) step(all, most int) int {
	if r.done > 0 && r.bytes > 0 {
		all = r.bytes * keyGroupCount / r.done
	}
	step := max(sliceLeast, int(int64(keyGroupCount)*int64(most)/int64(max(all, 1))))
	if left := keyGroupCount - r.done; left < step+step/4 {
		return left
	}
	return step
}

// parts are what shards have of the slice of the parts from..end−1 of the key groups. A core has a run of shards of its own, of
// which it takes the same part, so that all are busy and few blocks come of it.
func (s *session) parts(from, end int) (out []slicePart) {
	for exchange := range s.worker.states {
		if s.held(exchange) > 0 { // else, whatever older blocks say, their windows are closed
			out = append(out, partsOf(exchange, s.shards, max(s.lanes, 1), from, end)...)
		}
	}
	return out
}

// partsOf are those of one operator, on so many cores.
func partsOf(exchange, shards, cores, from, end int) (out []slicePart) {
	lanes := min(shards, cores)
	for lane := range lanes {
		first, behind := lane*shards/lanes, (lane+1)*shards/lanes
		low, _ := keyGroups(first, shards)
		_, high := keyGroups(behind-1, shards)
		span := int(high) - int(low) + 1
		a, b := int(low)+span*from/keyGroupCount, int(low)+span*end/keyGroupCount-1
		for shard := first; shard < behind; shard++ {
			f, t := keyGroups(shard, shards)
			if a, b := max(a, int(f)), min(b, int(t)); a <= b {
				out = append(out, slicePart{exchange: exchange, shard: shard, groups: [2]uint8{uint8(a), uint8(b)}})
			}
		}
	}
	return out
}

func (s *session) encodeSlice(p *slicePart) (err error) {
	if p.block, err = s.worker.states[p.exchange][p.shard].Slice(p.block, p.groups[0], p.groups[1]); err != nil {
		return fmt.Errorf("take slice: %w", err)
	}
	return nil
}

// giveRooms gives the blocks of a slice the memory of those before, which the system need not clear once more.
func (r *round) giveRooms(parts []slicePart) {
	for i := range parts {
		if n := len(r.rooms); n > 0 {
			parts[i].block, r.rooms = r.rooms[n-1][:0], r.rooms[:n-1]
		}
	}
	r.rooms = nil
}

// writeSlice has the blocks of a slice written while the next batch runs.
func (d *driver) writeSlice(ctx context.Context, parts []slicePart) *slice {
	out := &slice{batch: d.history.NextBatch}
	if len(d.history.Open) > 0 {
		out.batch = d.history.Open[0].Batch
	}
	inline := d.inlineMost(len(parts) + len(d.s.worker.states))
	epoch := d.cp.lease.Epoch()
	for i := range parts {
		p := &parts[i]
		x := &d.s.job.Plan.Exchanges[p.exchange]
		b := StateBlock{Operator: x.Name, Schema: stateSchema(x), Groups: &p.groups, Length: len(p.block)}
		if len(p.block) > inline {
			b.Length, b.Bytes, b.Epoch = 0, len(p.block), epoch
			out.size += int64(cap(p.block))
			out.rooms = append(out.rooms, p.block)
		} else {
			b.inline = bytes.Clone(p.block)
		}
		d.round.bytes += len(p.block)
		out.blocks = append(out.blocks, b)
	}
	d.s.worker.heap.used.Add(out.size)
	ctx, out.cancel = context.WithCancel(ctx)
	blobs := stateBlobs(d.cp.blobs, out.batch, epoch)
	errand := &errand{of: &d.s.worker.spare}
	out.hurry, blobs.Yield = errand.hurry, errand.pause // the next batch comes first
	var err error
	wait := d.o.beside(func() {
		for i := range out.blocks {
			if b := &out.blocks[i]; b.Epoch > 0 && err == nil {
				b.Digest, err = blobs.Put(ctx, parts[i].block)
			}
		}
		if err == nil {
			err = failpoint.Hit(failpoint.StateSliced)
		}
	})
	out.wait = func() error {
		errand.hurry()
		wait()
		return err
	}
	return out
}

// besideDriver runs f in a goroutine of its own. It returns a function that waits for its end.
func besideDriver(f func()) (wait func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	return func() { <-done }
}

// snapshotBytes is the size of a snapshot, and of the deltas that one in slices is made of beside them.
func (c *Committed) snapshotBytes() (snapshot, deltas int) {
	if len(c.Slices) == 0 && len(c.Base.States) == 0 {
		return stateBytes(c.State), 0
	}
	all := slices.Concat(c.Slices, c.State)
	for _, v := range c.Base.States {
		all = append(all, v.Blocks...)
	}
	isSlice := func(b StateBlock) bool { return b.Groups != nil }
	total := stateBytes(all)
	deltas = stateBytes(slices.DeleteFunc(all, isSlice))
	return total - deltas, deltas
}
