package batch

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/wal"
	"github.com/millrace/millrace/offsets"
	"github.com/millrace/millrace/output"
)

// Inspection is what a checkpoint says when nobody may be running. Reading it takes no lock and changes nothing.
type Inspection struct {
	CheckpointID string      `json:"checkpoint_id"`
	Job          string      `json:"job"`
	Feed         string      `json:"feed,omitempty"`   // what its batches read in place of the sources' records, see Job; "": nothing else
	Holder       *wal.Holder `json:"holder,omitempty"` // who runs the job now
	Warnings     []string    `json:"warnings,omitempty"`
	Start        *LogStart   `json:"pruned,omitempty"` // what the log begins with; nil: its first record
	Entries      []Entry     `json:"-"`
	History      *History    `json:"-"`
}

// Inspect reads the checkpoint of a job.
func Inspect(ctx context.Context, env Env, dir string) (*Inspection, error) {
	p, err := openPlace(ctx, env, dir)
	if err != nil {
		return nil, err
	}
	m, err := readMarker(ctx, p)
	if errors.Is(err, store.ErrNotExist) {
		return nil, refuse("%s is not a checkpoint: the job has not run yet, or ran with another directory", dir)
	}
	if err != nil {
		return nil, err
	}
	in := &Inspection{CheckpointID: m.CheckpointID, Job: m.Job, Feed: m.Feed}
	reader := logReader{read: p.chains.Read, warn: func(w string) { in.Warnings = append(in.Warnings, w) }}
	if in.Entries, _, in.Start, err = p.readLog(ctx, reader, math.MaxUint64, true); err != nil {
		return nil, err
	}
	if in.History, err = Fold(in.Entries); err != nil {
		return nil, brokenRules(err)
	}
	if in.Holder, err = p.epochs.Current(ctx); err != nil {
		return nil, fmt.Errorf("look who runs the job: %w", err)
	}
	return in, nil
}

// startMarks are the watermarks behind what a pruned log begins with.
func (in *Inspection) startMarks() Marks {
	if in.Start == nil {
		return Marks{}
	}
	return in.Entries[0].Record.(*Committed).After
}

// checkpointView is what a checkpoint says of a job, as far back as its last snapshot.
type checkpointView struct {
	id       string      // "": the job has not run yet
	holder   *wal.Holder // who runs it now
	warnings []string
	history  *History
}

// view reads the checkpoint of a job without a lock; of a job that has not run yet the history is empty.
func view(ctx context.Context, env Env, job *Job) (*checkpointView, error) {
	v := &checkpointView{}
	p, err := openPlace(ctx, env, job.Checkpoint)
	if err != nil {
		return nil, err
	}
	m, err := readMarker(ctx, p)
	switch {
	case errors.Is(err, store.ErrNotExist):
		v.history, err = Fold(nil)
		return v, err
	case err != nil:
		return nil, err
	case m.Job != job.Name:
		return nil, otherJob(job, m)
	}
	v.id = m.CheckpointID
	if v.holder, err = p.epochs.Current(ctx); err != nil {
		return nil, fmt.Errorf("look who runs the job: %w", err)
	}
	reader := logReader{read: p.chains.Read, warn: func(w string) { v.warnings = append(v.warnings, w) }}
	entries, _, _, err := p.readLog(ctx, reader, math.MaxUint64, false)
	if err != nil {
		return nil, err
	}
	if v.history, err = Fold(entries); err != nil {
		return nil, brokenRules(err)
	}
	return v, nil
}

// CommittedBatch is the last batch that a job has committed, by its checkpoint dir; 0: none yet. ran is false when the
// checkpoint is not there. It takes no lock: the job may go on meanwhile.
func CommittedBatch(ctx context.Context, env Env, job, dir string) (last int64, ran bool, err error) {
	v, err := view(ctx, env, &Job{Name: job, Checkpoint: dir})
	if err != nil {
		return 0, false, err
	}
	if v.history.Last != nil {
		last = v.history.Last.Batch
	}
	return last, v.id != "", nil
}

// CommittedPending is how many rows that a job has committed are in no file of a sink yet, as [CommittedBatch] reads it.
func CommittedPending(ctx context.Context, env Env, job, dir, sink string) (int64, error) {
	v, err := view(ctx, env, &Job{Name: job, Checkpoint: dir})
	if err != nil {
		return 0, err
	}
	return output.PendingRows(v.history.Pending[sink]), nil
}

// CommittedPositions are where a job stands by the last batch that it has committed, as [CommittedBatch] reads it; none when
// the checkpoint is not there.
func CommittedPositions(ctx context.Context, env Env, job, dir string) ([]offsets.Position, error) {
	v, err := view(ctx, env, &Job{Name: job, Checkpoint: dir})
	if err != nil {
		return nil, err
	}
	return v.history.Positions, nil
}
