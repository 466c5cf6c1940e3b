package batch

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/millrace/millrace/dstream"
	"github.com/millrace/millrace/internal/state"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/offsets"
	"github.com/millrace/millrace/output"
	"github.com/millrace/millrace/windows"
)

// session is one job made ready to run: source and sinks open, tables loaded, state restored, for a number of shards.
type session struct {
	job    *Job
	digest string // blob of the recorded job
	source offsets.Source
	sinks  []output.Sink // as job.Sinks
	worker *worker
	exec   Executor
	shards int
	tables map[string]string // digests of what worker.tables was made of
}

// newExecutor makes the executor of a session; tests put another one around the worker.
type newExecutor func(w *worker, cores int) Executor

func localExecutor(w *worker, cores int) Executor { return &local{w: w, cores: max(cores, 1)} }

func openSession(ctx context.Context, job *Job, digest string, owner output.Owner, lastRows map[string]int64, shards int) (*session, error) {
	if err := job.Plan.Check(); err != nil {
		return nil, fmt.Errorf("plan of job %s: %w", job.Name, err)
	}
	s := &session{job: job, digest: digest, shards: shards}
	for _, k := range job.Sinks {
		sink, err := k.Open(ctx, owner, lastRows[k.Name] > 0)
		if err != nil {
			return nil, err
		}
		s.sinks = append(s.sinks, sink)
	}
	source, err := job.Source.Open(ctx)
	if err != nil {
		return nil, fmt.Errorf("open source %s: %w", job.Plan.Source.Name, err)
	}
	s.source = source
	s.worker = newWorker(job, source, nil)
	s.worker.states = newStates(job.Plan, shards)
	return s, nil
}

func (s *session) close() error { return s.source.Close() }

// published asks every sink how far it is.
func (s *session) published(ctx context.Context) (map[string]int64, error) {
	out := map[string]int64{}
	for i, sink := range s.sinks {
		n, err := sink.Published(ctx)
		if err != nil {
			return nil, fmt.Errorf("ask sink %s: %w", s.job.Sinks[i].Name, err)
		}
		out[s.job.Sinks[i].Name] = n
	}
	return out, nil
}

// newStates makes the empty state of every stage behind an exchange.
func newStates(plan *dstream.Plan, shards int) map[int][]*windows.Aggregate {
	out := map[int][]*windows.Aggregate{}
	for i := range plan.Stages {
		st := &plan.Stages[i]
		if st.Input < 0 {
			continue
		}
		x := plan.Stages[st.Input].Exchange
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
		if stage.Input < 0 || h.held(s.worker.exchange(stage.ID).Name) == 0 {
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
		found := slices.ContainsFunc(s.job.Plan.Stages, func(st dstream.Stage) bool { return st.Exchange != nil && st.Exchange.Name == name })
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

// held is how many rows the open windows of a stage hold.
func (s *session) held(stage int) int64 {
	n := int64(0)
	for _, a := range s.worker.states[stage] {
		n += a.RowsHeld()
	}
	return n
}

// inlineBlock is the largest state block that stands in the log itself.
const inlineBlock = 1 << 20
