package batch

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path"

	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/output"
)

// A log without a record is that of a job which has planned nothing yet, or it is gone. What a driver writes only behind a plan tells
// them apart: objects of the checkpoint, and batches that an output has committed.

// behindPlans are the places in a checkpoint that hold nothing before a plan is logged.
var behindPlans = []string{statePrefix, pendingPrefix, snapshotsPrefix, prunedPrefix}

// readLog reads a checkpoint's log, and refuses one that is gone. What tells so is looked for behind the log, so a driver may have
// begun that in between: then it is read once more.
func (p place) readLog(ctx context.Context, r logReader, below uint64, whole bool) ([]Entry, *ChainEnd, *LogStart, error) {
	entries, end, start, err := p.readPruned(ctx, r, below, whole)
	if err != nil || len(entries) > 0 {
		return entries, end, start, err
	}
	left, err := p.behindPlan(ctx)
	if err != nil || left == "" {
		return nil, nil, nil, err
	}
	if entries, end, start, err = p.readPruned(ctx, r, below, whole); err == nil && len(entries) == 0 {
		err = p.logGone(fmt.Sprintf("%s does, where nothing is written before the log has a batch", p.at(left)))
	}
	return entries, end, start, err
}

// behindPlan is the place of an object of the checkpoint that was written when there was a plan; "": there is none.
func (p place) behindPlan(ctx context.Context) (string, error) {
	for _, prefix := range behindPlans {
		names, err := p.store.List(ctx, prefix)
		if err != nil {
			return "", fmt.Errorf("look at checkpoint: %w", err)
		}
		if len(names) > 0 {
			return path.Clean(prefix), nil
		}
	}
	return "", nil
}

// logGone refuses a checkpoint that has lost its log.
func (p place) logGone(why string) error {
	return refuse("the log of checkpoint %s is gone: %s holds nothing, but %s; put the log back, or restore the whole checkpoint from a copy; without one, begin anew with another checkpoint and output; nothing was changed",
		p.path, p.at("wal"), why)
}

// CheckOutputs refuses a job whose checkpoint has no log record although an output has committed a batch of it: the log is gone. It
// returns what it could not look at. It asks no broker, takes no lock and changes nothing; the job may run meanwhile.
func CheckOutputs(ctx context.Context, env Env, job *Job) (warnings []string, err error) {
	p, err := openPlace(ctx, env, job.Checkpoint)
	if err != nil {
		return nil, err
	}
	m, err := readMarker(ctx, p)
	if errors.Is(err, store.ErrNotExist) {
		return nil, checkDeleted(ctx, env, job)
	}
	if err != nil {
		return nil, err
	}
	for _, k := range job.Sinks {
		if k.Committed == nil {
			continue
		}
		last, err := k.Committed(ctx, output.Owner{Job: m.Job, Checkpoint: m.CheckpointID})
		if err != nil {
			warnings = append(warnings, fmt.Sprintf("sink %s: whether it has batches that the log has not is not known: %v", k.Name, err))
		}
		if last == 0 {
			continue
		}
		reader := logReader{read: p.chains.Read}
		if entries, _, _, err := p.readLog(ctx, reader, math.MaxUint64, false); err != nil || len(entries) > 0 {
			return warnings, err
		}
		return warnings, p.logGone(fmt.Sprintf("sink %s has committed batch %d to %s", k.Name, last, k.Place))
	}
	return warnings, nil
}

// checkDeleted refuses a job without a checkpoint of which an output of files knows one.
func checkDeleted(ctx context.Context, env Env, job *Job) error {
	for _, k := range job.Sinks {
		if k.Vacant == nil || k.Topic != "" {
			continue
		}
		var owned *output.OwnedError
		err := k.Vacant(ctx, output.Opening{Owner: output.Owner{Job: job.Name}, Clock: env.Clock})
		if errors.As(err, &owned) && owned.Owner.Job == job.Name {
			return err
		}
	}
	return nil
}
