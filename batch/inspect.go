package batch

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/wal"
)

// Inspection is what a checkpoint says when nobody may be running. Reading it takes no lock and changes nothing.
type Inspection struct {
	CheckpointID string      `json:"checkpoint_id"`
	Job          string      `json:"job"`
	Holder       *wal.Holder `json:"holder,omitempty"` // who runs the job now
	Warnings     []string    `json:"warnings,omitempty"`
	Entries      []Entry     `json:"-"`
	History      *History    `json:"-"`
}

// Inspect reads the checkpoint of a job.
func Inspect(ctx context.Context, env Env, dir string) (*Inspection, error) {
	local := &store.Local{Root: dir, FS: env.FS}
	m, err := readMarker(ctx, local, dir)
	if errors.Is(err, store.ErrNotExist) {
		return nil, refuse("%s is not a checkpoint: the job has not run yet, or ran with another directory", dir)
	}
	if err != nil {
		return nil, err
	}
	in := &Inspection{CheckpointID: m.CheckpointID, Job: m.Job}
	reader := logReader{read: readOnly, fsys: env.FS, dir: walDir(dir), warn: func(w string) { in.Warnings = append(in.Warnings, w) }}
	if in.Entries, _, err = readLog(reader, math.MaxUint64, true); err != nil {
		return nil, err
	}
	if in.History, err = Fold(in.Entries); err != nil {
		return nil, brokenRules(err)
	}
	if in.Holder, err = wal.Current(env.FS, epochsDir(dir)); err != nil {
		return nil, fmt.Errorf("look who runs the job: %w", err)
	}
	return in, nil
}

// readOnly is wal.ReadChain: who only looks makes nothing durable.
func readOnly(fsys store.FS, dir string, epoch uint64) (*wal.Chain, error) {
	return wal.ReadChain(fsys, dir, epoch)
}
