package output

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/millrace/millrace/internal/failpoint"
	"github.com/millrace/millrace/internal/store"
)

// ownerFile is the content of _millrace/owner.
type ownerFile struct {
	Format int `json:"format"`
	Owner
}

// claim makes the directory ours, or finds that it is already; with written it must be. An owner file of ours is put
// again: whoever created it may have died before it was durable, and the store makes it so when it finds the name taken.
func (p *Parquet) claim(ctx context.Context, written bool) error {
	if err := failpoint.Hit(failpoint.ParquetClaim); err != nil {
		return err
	}
	err := p.checkOwner(ctx)
	if errors.Is(err, store.ErrNotExist) {
		err = p.checkFree(ctx, written)
	}
	if err != nil {
		return err
	}
	data, err := json.Marshal(ownerFile{formatVersion, p.owner})
	if err != nil {
		return err
	}
	err = store.PutBytes(ctx, p.store, ownerName, append(data, '\n'))
	if errors.Is(err, store.ErrExists) {
		return p.checkOwner(ctx)
	}
	return err
}

// CheckParquet reports whether OpenParquet would claim the directory for an owner that has never written anywhere, by the same
// errors. It changes nothing, so that a start that is refused leaves nothing behind.
func CheckParquet(ctx context.Context, cfg ParquetConfig) error {
	p := &Parquet{sink: cfg.Sink, root: cfg.Root, store: cfg.Store, owner: cfg.Owner}
	if err := p.checkAbove(ctx, cfg.Above); err != nil {
		return err
	}
	err := p.checkOwner(ctx)
	if errors.Is(err, store.ErrNotExist) {
		err = p.checkFree(ctx, false)
	}
	if err != nil {
		return p.claimError(err)
	}
	return nil
}

// CommittedParquet is the highest batch with a manifest beside the output, as Published of an open sink says it; 0 also where the
// directory is nobody's, or belongs to another owner. It changes nothing.
func CommittedParquet(ctx context.Context, cfg ParquetConfig) (int64, error) {
	p := &Parquet{sink: cfg.Sink, root: cfg.Root, store: cfg.Store, owner: cfg.Owner}
	err := p.checkOwner(ctx)
	if owned := (*OwnedError)(nil); errors.Is(err, store.ErrNotExist) || errors.As(err, &owned) {
		return 0, nil
	}
	if err != nil {
		return 0, p.claimError(err)
	}
	at, err := p.Published(ctx)
	return at.Batch, err
}

// checkAbove refuses a directory inside one that belongs to somebody. What cannot be looked at is left alone: the rights of a job
// may end at its own directory.
func (p *Parquet) checkAbove(ctx context.Context, above []Place) error {
	for _, d := range above {
		data, err := d.Store.Get(ctx, ownerName)
		if err := ctx.Err(); err != nil {
			return err
		}
		if err != nil {
			continue
		}
		var have ownerFile
		whose := "another job"
		if json.Unmarshal(data, &have) == nil && have.Job != "" {
			whose = fmt.Sprintf("job %q with checkpoint %s", have.Job, have.Checkpoint)
		}
		return &ConflictError{Sink: p.sink, Path: p.root, Msg: fmt.Sprintf("lies in %s, which belongs to %s: whoever reads that would take the rows of both for one output; choose a path outside of it", d.Root, whose)}
	}
	return nil
}

// vet makes sure that the directory, which is ours, never loses what is there, and clears away half uploads.
func (p *Parquet) vet(ctx context.Context) error {
	if err := store.Probe(ctx, p.store, ownerName); err != nil {
		return err
	}
	return store.AbortUploads(ctx, p.store, p.lead)
}

// checkOwner returns nil when the directory is ours and store.ErrNotExist when it is nobody's.
func (p *Parquet) checkOwner(ctx context.Context) error {
	data, err := p.store.Get(ctx, ownerName)
	if err != nil {
		return err
	}
	var have ownerFile
	if err := json.Unmarshal(data, &have); err != nil {
		return p.conflict(ownerName, fmt.Sprintf("is no owner file (%v): restore it from a copy, or choose another path", err))
	}
	if have.Format != formatVersion {
		return p.conflict(ownerName, fmt.Sprintf("has format %d, this version knows %d; run the version that wrote it, or a newer one", have.Format, formatVersion))
	}
	if have.Owner != p.owner {
		return &OwnedError{Sink: p.sink, Path: p.root, Owner: have.Owner, Want: p.owner}
	}
	return nil
}

// checkFree refuses to claim a directory that had no owner a moment ago: in place of one that the job has written to,
// or with something in it, which readers would take for rows of this job.
func (p *Parquet) checkFree(ctx context.Context, written bool) error {
	if written {
		return &ConflictError{Sink: p.sink, Path: p.root, Msg: fmt.Sprintf("has no %s although the log has committed rows to this sink: is the disk mounted? did the path change? mount it, or give the sink a new name to begin an output anew", ownerName)}
	}
	names, err := p.store.List(ctx, "")
	if err != nil || len(names) == 0 {
		return err
	}
	// What is there may be of another process that claimed the directory between the two looks.
	if err := p.checkOwner(ctx); !errors.Is(err, store.ErrNotExist) {
		return err
	}
	return p.conflict(names[0], fmt.Sprintf("is in the way: the directory holds files but no %s, so this job did not write them; choose an empty or new path", ownerName))
}

func (p *Parquet) conflict(name, msg string) error {
	return &ConflictError{Sink: p.sink, Path: p.at(name), Msg: msg}
}
