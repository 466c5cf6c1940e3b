package batch

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/dstream"
	"github.com/millrace/millrace/internal/failpoint"
	"github.com/millrace/millrace/internal/state"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/windows"
)

// inlineBlock is the largest state block that stands in the log itself.
const inlineBlock = 1 << 20

// newStates makes the empty state of every exchange, by shard.
func newStates(plan *dstream.Plan, shards int) [][]*windows.Aggregate {
	out := make([][]*windows.Aggregate, len(plan.Exchanges))
	for i := range plan.Exchanges {
		x := &plan.Exchanges[i]
		for range shards {
			out[i] = append(out[i], windows.NewAggregate(x.Operator()))
		}
	}
	return out
}

// stateSchema identifies the state of an operator. State of another schema cannot be gone on with.
func stateSchema(x *dstream.Exchange) string {
	window := "no window"
	if !x.Unwindowed() {
		window = x.Window.Describe() + x.Emit.Canonical()
	}
	return fmt.Sprintf("%s; %s", window, x.Spec.PartialSchema(x.Assigned))
}

// restore loads the logged state. Windows that a later commit closed are dropped on the way. State without a row in an
// open window is not needed by anyone: what made it may have changed.
func (s *session) restore(ctx context.Context, blobs store.Blobs, h *History) error {
	if s.each == nil {
		s.each = onCores(1)
	}
	for i := range s.job.Plan.Exchanges {
		x := &s.job.Plan.Exchanges[i]
		if !h.needed(x.Name) {
			continue
		}
		if err := s.restoreOperator(ctx, blobs, x, s.worker.states[i], h.States); err != nil {
			return err
		}
		if err := s.each(s.shards, func(shard int) error { return s.worker.states[i][shard].Settle(s.each) }); err != nil {
			return err
		}
	}
	late := lateMarks(s.job.Plan, h.Marks, h.Floor)
	for i, shards := range s.worker.states {
		for _, a := range shards {
			a.SetWatermark(late[i]) // so that it says what is open
		}
	}
	if used := s.worker.countState(); s.worker.size.over(used) {
		return s.worker.stateTooLarge(used, "the state in the checkpoint")
	}
	return checkOrphans(s.job.Plan, h)
}

// restoreAgain restores the state anew, in place of what is in memory.
func (s *session) restoreAgain(ctx context.Context, blobs store.Blobs, h *History) error {
	s.worker.setStates(newStates(s.job.Plan, s.shards))
	s.tables, s.zones = nil, nil // so that the next plan gives the new state the rules of its time zones
	return s.restore(ctx, blobs, h)
}

func (s *session) restoreOperator(ctx context.Context, blobs store.Blobs, x *dstream.Exchange, shards []*windows.Aggregate, states []VersionedState) error {
	if err := failpoint.Hit(failpoint.StateRestore); err != nil {
		return err
	}
	rules := map[string]*columnar.Zone{} // by digest
	ahead := s.readBlocks(ctx, blobs, x, states)
	defer ahead.stop()
	for _, v := range states {
		for range v.blocksOf(x.Name) {
			block, err := ahead.take()
			if err == nil {
				err = s.loadBlock(x, shards, block, v.Batch)
			}
			if err != nil {
				return err
			}
		}
		if w, ok := v.Operators[x.Name]; ok {
			if err := dropClosed(ctx, blobs, x, shards, v, w, rules); err != nil {
				return err
			}
		}
	}
	return nil
}

// blocksOf are the blocks of an operator.
func (v *VersionedState) blocksOf(operator string) (out []*StateBlock) {
	for i := range v.Blocks {
		if v.Blocks[i].Operator == operator {
			out = append(out, &v.Blocks[i])
		}
	}
	return out
}

// dropClosed drops what a batch has closed, by the rules of the time zone that it went by: those of another program may put
// the end of a day elsewhere. A snapshot whose plan is not there holds nothing that its batch has closed.
func dropClosed(ctx context.Context, blobs store.Blobs, x *dstream.Exchange, shards []*windows.Aggregate, v VersionedState, watermark int64, rules map[string]*columnar.Zone) error {
	if name := x.Window.Zone; name != "" && name != "UTC" {
		if v.Zones == nil {
			for _, a := range shards {
				a.Resume(watermark)
			}
			return nil
		}
		z := rules[v.Zones[name]]
		if z == nil {
			data, err := copyOf(ctx, blobs, v.Zones, "the rules of time zone", name)
			if err != nil {
				return err
			}
			if z, err = columnar.DecodeZone(name, data); err != nil {
				return err
			}
			rules[v.Zones[name]] = z
		}
		for _, a := range shards {
			a.SetZone(z)
		}
	}
	for _, a := range shards {
		a.DropClosed(watermark)
	}
	return nil
}

func (s *session) loadBlock(x *dstream.Exchange, shards []*windows.Aggregate, block *state.Block, batch int64) error {
	for shard := range shards {
		from, to := keyGroups(shard, s.shards)
		if err := shards[shard].LoadBlock(block, from, to); err != nil {
			return loadError(x, batch, err)
		}
	}
	return nil
}

func loadError(x *dstream.Exchange, batch int64, err error) error {
	return fmt.Errorf("load state of %q, batch %d: %w", x.Name, batch, err)
}

func otherSchema(operator string, batch int64, was, is string) error {
	return refuse("the window, keys or aggregates of %q changed while windows were open (state of batch %d: %s; job: %s); finish the open windows with the old job and --flush-windows, or use a new checkpoint", operator, batch, was, is)
}

// keyGroups is the run of key groups, first and last, of a shard: those for which columnar.Shard gives it.
func keyGroups(shard, shards int) (from, to uint8) {
	first := (shard*256 + shards - 1) / shards
	behind := ((shard+1)*256 + shards - 1) / shards
	return uint8(first), uint8(behind - 1)
}

// checkOrphans refuses open windows of an operator that the job no longer has: they would vanish.
func checkOrphans(plan *dstream.Plan, h *History) error {
	if all := orphans(plan, h); len(all) > 0 {
		return all[0]
	}
	return nil
}

// orphans are those windows, an error for each operator.
func orphans(plan *dstream.Plan, h *History) (out []error) {
	for _, name := range slices.Sorted(maps.Keys(h.Marks.Operators)) {
		found := slices.ContainsFunc(plan.Exchanges, func(x dstream.Exchange) bool { return x.Name == name })
		if rows := h.held(name); !found && rows > 0 {
			out = append(out, refuse("the checkpoint holds %d rows in open windows of the operator %q, which the job no longer has: its keys, window or aggregates changed; finish them with the old job and --flush-windows, or use a new checkpoint", rows, name))
		}
	}
	return out
}

// blocks turns deltas, by exchange, or the whole state when snapshot is set, into what a commit records. Blocks of
// more than inline bytes become blobs of the epoch.
func (s *session) blocks(ctx context.Context, blobs store.Blobs, epoch uint64, deltas map[int][][]byte, snapshot bool, keep *keeper, inline int) ([]StateBlock, error) {
	point := failpoint.StateDelta
	if snapshot {
		point = failpoint.StateSnapshot
	}
	if err := failpoint.Hit(point); err != nil {
		return nil, err
	}
	var out []StateBlock
	for i, shards := range s.worker.states {
		if s.held(i) == 0 {
			continue // whatever older blocks say, their windows are closed
		}
		parts := deltas[i]
		if snapshot {
			var err error
			if parts, err = snapshots(shards, keep); err != nil {
				return nil, err
			}
		}
		b, err := newBlock(ctx, blobs, &s.job.Plan.Exchanges[i], parts, keep, inline)
		if keep.moved.Load() > 0 {
			b.inline = bytes.Clone(b.inline) // it may be one of the parts, which are gone with the batch
		}
		if err != nil {
			return nil, err
		}
		if b.Digest != "" {
			b.Epoch = epoch
		}
		out = append(out, b)
	}
	return out, failpoint.Hit(failpoint.StateKept)
}

// snapshots takes a block of each shard, and keeps them as it keeps rows.
func snapshots(shards []*windows.Aggregate, keep *keeper) ([][]byte, error) {
	var out [][]byte
	for _, a := range shards {
		p, err := a.Snapshot()
		if err != nil {
			return nil, fmt.Errorf("take snapshot: %w", err)
		}
		if p, err = keep.bytes(p); err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	return out, nil
}

// newBlock merges the blocks of all shards of an operator, in memory that counts as what it keeps does.
func newBlock(ctx context.Context, blobs store.Blobs, x *dstream.Exchange, parts [][]byte, keep *keeper, inline int) (StateBlock, error) {
	merged, err := join(parts, keep)
	if err != nil {
		return StateBlock{}, err
	}
	defer keep.passed(int64(len(merged)))
	b := StateBlock{Operator: x.Name, Schema: stateSchema(x), inline: merged, Length: len(merged)}
	if len(merged) > inline {
		if b.Digest, err = blobs.Put(ctx, merged); err != nil {
			return StateBlock{}, fmt.Errorf("write state: %w", err)
		}
		b.inline, b.Length, b.Bytes = nil, 0, len(merged)
	}
	return b, nil
}

// joinSpare is what is asked for beside what comes out, since how long a chunk gets is only known behind it.
const joinSpare = 64 << 10

// join merges blocks. That of one shard alone is the whole already.
func join(parts [][]byte, keep *keeper) (merged []byte, err error) {
	if len(parts) == 1 {
		return parts[0], nil
	}
	n := 0
	for _, p := range parts {
		n += len(p)
	}
	n += n/16 + joinSpare
	var room []byte
	if !keep.onHeap(int64(n)) {
		if room, err = keep.alloc(n); err != nil {
			return nil, err
		}
	}
	if merged, err = state.MergeBlocksInto(room[:0], parts); err != nil {
		return nil, fmt.Errorf("merge state blocks: %w", err)
	}
	return merged, nil
}

// stateBytes is the size of state blocks; of a blob whose size is not known the least that it can be.
func stateBytes(blocks []StateBlock) int {
	n := 0
	for _, b := range blocks {
		if n += b.Length + b.Bytes; b.Digest != "" && b.Bytes == 0 {
			n += inlineBlock
		}
	}
	return n
}

// held is how many rows the state behind an exchange is about: those in open windows, or those that a deduplication knows.
func (s *session) held(exchange int) int64 {
	n := int64(0)
	for _, a := range s.worker.states[exchange] {
		n += a.RowsHeld() + a.Remembered()
	}
	return n
}

// nextClose is, by operator, the end of its earliest open window.
func (s *session) nextClose() map[string]int64 {
	out := map[string]int64{}
	for i, shards := range s.worker.states {
		name := s.job.Plan.Exchanges[i].Name
		for _, a := range shards {
			if end, held := a.NextClose(); held {
				if old, ok := out[name]; !ok || end < old {
					out[name] = end
				}
			}
		}
	}
	return out
}

// operators describes the state after a batch, which is open.
func (s *session) operators(after Marks, open map[string]OpenWindows) []OperatorProgress {
	var out []OperatorProgress
	for i := range s.job.Plan.Exchanges {
		x := &s.job.Plan.Exchanges[i]
		op := OperatorProgress{OperatorName: x.Name, Watermark: windows.FormatTime(after.Operators[x.Name]), HeldBy: heldBy(s.job.Plan, i, after)}
		for _, a := range s.worker.states[i] {
			op.MemoryUsedBytes += a.SizeBytes()
		}
		op.hold(open[x.Name])
		out = append(out, op)
	}
	return out
}

// open is what the operator behind an exchange holds.
func (s *session) open(exchange int) OpenWindows {
	if s.job.Plan.Exchanges[exchange].Window.Kind == windows.Session {
		return s.openSessions(exchange)
	}
	var out OpenWindows
	var open [][2]int64 // end and start
	for _, a := range s.worker.states[exchange] {
		out.Groups += a.Remembered()
		for _, w := range a.Open() {
			out.Groups += int64(w.Groups)
			if !w.Out {
				open = append(open, [2]int64{w.End, w.Start})
			}
		}
	}
	slices.SortFunc(open, func(a, b [2]int64) int { return cmp.Or(cmp.Compare(a[0], b[0]), cmp.Compare(a[1], b[1])) })
	open = slices.Compact(open)
	if out.Windows = len(open); out.Windows > 0 {
		out.Close, out.First = open[0][0], open[0][1]
	}
	return out
}

// openSessions is open for sessions, each of which is a window of its own.
func (s *session) openSessions(exchange int) OpenWindows {
	var out OpenWindows
	for _, a := range s.worker.states[exchange] {
		for _, first := range a.Open() {
			if out.Windows == 0 || first.End < out.Close {
				out.First, out.Close = first.Start, first.End
			}
			out.Windows += a.Sessions()
			out.Groups += int64(first.Groups)
		}
	}
	return out
}

// openWindows is what all operators hold that hold something, by name.
func (s *session) openWindows() map[string]OpenWindows {
	out := map[string]OpenWindows{}
	for i := range s.job.Plan.Exchanges {
		if o := s.open(i); o.Windows > 0 {
			out[s.job.Plan.Exchanges[i].Name] = o
		}
	}
	return out
}
