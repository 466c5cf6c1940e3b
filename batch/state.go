package batch

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/millrace/millrace/dstream"
	"github.com/millrace/millrace/internal/state"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/windows"
)

// inlineBlock is the largest state block that stands in the log itself.
const inlineBlock = 1 << 20

// newStates makes the empty state of every stage behind an exchange.
func newStates(plan *dstream.Plan, shards int) map[int][]*windows.Aggregate {
	out := map[int][]*windows.Aggregate{}
	for i := range plan.Stages {
		st := &plan.Stages[i]
		if st.From.Exchange < 0 {
			continue
		}
		x := feeding(plan, st)
		for range shards {
			out[st.ID] = append(out[st.ID], windows.NewAggregate(x.Window, x.Assigned, x.Spec))
		}
	}
	return out
}

// stateSchema identifies the state of an operator. State of another schema cannot be gone on with.
func stateSchema(x *dstream.Exchange) string {
	return fmt.Sprintf("tumbling %d us offset %d us; %s", x.Window.Size, x.Window.Offset, x.Spec.PartialSchema(x.Assigned))
}

// restore loads the logged state. Windows that a later commit closed are dropped on the way. State without a row in an
// open window is not needed by anyone: what made it may have changed.
func (s *session) restore(ctx context.Context, blobs store.Blobs, h *History) error {
	for i := range s.job.Plan.Stages {
		stage := &s.job.Plan.Stages[i]
		if stage.From.Exchange < 0 || h.held(s.worker.exchange(stage.ID).Name) == 0 {
			continue
		}
		if err := s.restoreStage(ctx, blobs, stage, h.States); err != nil {
			return err
		}
	}
	return s.checkOrphans(h)
}

func (s *session) restoreStage(ctx context.Context, blobs store.Blobs, stage *dstream.Stage, states []VersionedState) error {
	x := s.worker.exchange(stage.ID)
	for _, v := range states {
		i := slices.IndexFunc(v.Blocks, func(b StateBlock) bool { return b.Operator == x.Name })
		if i >= 0 {
			if err := s.loadBlock(ctx, blobs, stage.ID, x, &v.Blocks[i], v.Batch); err != nil {
				return err
			}
		}
		if w, ok := v.Operators[x.Name]; ok {
			for _, a := range s.worker.states[stage.ID] {
				a.DropClosed(w)
			}
		}
	}
	return nil
}

func (s *session) loadBlock(ctx context.Context, blobs store.Blobs, stage int, x *dstream.Exchange, b *StateBlock, batch int64) error {
	if want := stateSchema(x); b.Schema != want {
		return refuse("the window, keys or aggregates of %q changed while windows were open (state of batch %d: %s; job: %s); finish the open windows with the old job and --flush-windows, or use a new checkpoint", x.Name, batch, b.Schema, want)
	}
	block := b.inline
	if b.Digest != "" {
		var err error
		if block, err = blobs.Get(ctx, b.Digest); err != nil {
			return fmt.Errorf("read state of batch %d: %w", batch, err)
		}
	}
	for shard, a := range s.worker.states[stage] {
		from, to := keyGroups(shard, s.shards)
		if err := a.Load(block, from, to); err != nil {
			return fmt.Errorf("load state of %q, batch %d: %w", x.Name, batch, err)
		}
	}
	return nil
}

// keyGroups is the run of key groups, first and last, of a shard: those for which columnar.Shard gives it.
func keyGroups(shard, shards int) (from, to uint8) {
	first := (shard*256 + shards - 1) / shards
	behind := ((shard+1)*256 + shards - 1) / shards
	return uint8(first), uint8(behind - 1)
}

// checkOrphans refuses open windows of an operator that the job no longer has: they would vanish.
func (s *session) checkOrphans(h *History) error {
	for _, name := range slices.Sorted(maps.Keys(h.Marks.Operators)) {
		found := slices.ContainsFunc(s.job.Plan.Exchanges, func(x dstream.Exchange) bool { return x.Name == name })
		if rows := h.held(name); !found && rows > 0 {
			return refuse("the checkpoint holds %d rows in open windows of the operator %q, which the job no longer has: its keys, window or aggregates changed; finish them with the old job and --flush-windows, or use a new checkpoint", rows, name)
		}
	}
	return nil
}

// blocks turns deltas, or the whole state when snapshot is set, into what a commit records. Blocks above
// inlineBlock become blobs.
func (s *session) blocks(ctx context.Context, blobs store.Blobs, deltas map[int][][]byte, snapshot bool) ([]StateBlock, error) {
	var out []StateBlock
	for _, stage := range slices.Sorted(maps.Keys(s.worker.states)) {
		if s.held(stage) == 0 {
			continue // whatever older blocks say, their windows are closed
		}
		parts := deltas[stage]
		if snapshot {
			parts = nil
			for _, a := range s.worker.states[stage] {
				p, err := a.Snapshot()
				if err != nil {
					return nil, fmt.Errorf("take snapshot: %w", err)
				}
				parts = append(parts, p)
			}
		}
		merged, err := state.MergeBlocks(parts)
		if err != nil {
			return nil, fmt.Errorf("merge state blocks: %w", err)
		}
		x := s.worker.exchange(stage)
		b := StateBlock{Operator: x.Name, Schema: stateSchema(x), inline: merged, Length: len(merged)}
		if len(merged) > inlineBlock {
			if b.Digest, err = blobs.Put(ctx, merged); err != nil {
				return nil, fmt.Errorf("write state: %w", err)
			}
			b.inline, b.Length = nil, 0
		}
		out = append(out, b)
	}
	return out, nil
}

// stateBytes is about the size of state blocks; of those that are blobs the least that they can be.
func stateBytes(blocks []StateBlock) int {
	n := 0
	for _, b := range blocks {
		n += b.Length
		if b.Digest != "" {
			n += inlineBlock
		}
	}
	return n
}

// held is how many rows the open windows of a stage hold.
func (s *session) held(stage int) int64 {
	n := int64(0)
	for _, a := range s.worker.states[stage] {
		n += a.RowsHeld()
	}
	return n
}

// nextClose is the end of the earliest open window of any operator.
func (s *session) nextClose() int64 {
	next := int64(math.MaxInt64)
	for _, shards := range s.worker.states {
		for _, a := range shards {
			if end, held := a.NextClose(); held {
				next = min(next, end)
			}
		}
	}
	return next
}

// operators describes the state after a batch.
func (s *session) operators(marks map[string]int64) []OperatorProgress {
	var out []OperatorProgress
	for i := range s.job.Plan.Stages {
		stage := &s.job.Plan.Stages[i]
		if stage.From.Exchange < 0 {
			continue
		}
		x := s.worker.exchange(stage.ID)
		op := OperatorProgress{OperatorName: x.Name, Watermark: windows.FormatTime(marks[x.Name])}
		open := map[int64]int64{}
		for _, a := range s.worker.states[stage.ID] {
			op.MemoryUsedBytes += a.SizeBytes()
			for _, w := range a.Open() {
				open[w.Start] = w.End
				op.NumRowsTotal += int64(w.Groups)
			}
		}
		op.NumWindowsOpen = len(open)
		next := int64(windows.MaxWatermark)
		for _, end := range open {
			next = min(next, end)
		}
		if len(open) > 0 {
			op.NextClose = windows.FormatTime(next)
		}
		out = append(out, op)
	}
	return out
}
