package batch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"

	"github.com/millrace/millrace/internal/failpoint"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/wal"
	"github.com/millrace/millrace/output"
)

// checkpointFormat is the version of the directory's layout, docs/formats/checkpoint.md.
const checkpointFormat = 1

const markerName = "millrace.json"

// writtenByDrivers are the places in a checkpoint that only the driver writes to. Those who try to become it write a marker and lock files.
var writtenByDrivers = []string{"wal/", blobsPrefix, statePrefix, pendingPrefix, snapshotsPrefix, prunedPrefix}

// marker is the content of millrace.json.
type marker struct {
	Format       int    `json:"format"`
	Job          string `json:"job"`
	CheckpointID string `json:"checkpoint_id"`
	Feed         string `json:"feed,omitempty"`
}

// checkpoint is the open place of a job: marker, epoch, log, blobs.
type checkpoint struct {
	place
	env     Env
	id      string
	blobs   store.Blobs
	lease   wal.Lease
	stop    func() // ends the heartbeats; nil: there are none
	version string
	prev    *ChainEnd    // where the newest older chain ended when it was read; nil: there is none
	last    wal.Position // of the last record of this run
	log     wal.Log      // nil until the first append: an idle run writes nothing
	warn    func(string)
}

// openCheckpoint takes the job: it creates the checkpoint at the first start, takes a new epoch, and only then reads
// what older epochs logged. known is asked before a checkpoint is created.
func openCheckpoint(ctx context.Context, env Env, job *Job, known func(context.Context) error, takeOver bool, version string, warn func(string)) (*checkpoint, []Entry, error) {
	p, err := openPlace(ctx, env, job.Checkpoint)
	if err != nil {
		return nil, nil, err
	}
	m, err := claimMarker(ctx, env, p, job, known)
	if err != nil {
		return nil, nil, err
	}
	if err := store.Probe(ctx, p.store, markerName); err != nil {
		return nil, nil, err
	}
	c := &checkpoint{place: p, env: env, id: m.CheckpointID, blobs: store.Blobs{Store: p.store}, version: version, warn: warn}
	c.lease, err = p.epochs.Acquire(ctx, wal.AcquireOptions{TakeOver: takeOver, Now: env.Clock.Now(), Host: env.Host, PID: env.PID})
	if err != nil {
		return nil, nil, err
	}
	c.beat()
	if err = failpoint.Hit(failpoint.LogLocked); err == nil {
		err = store.AbortUploads(ctx, p.store, c.lead)
	}
	var entries []Entry
	if err == nil {
		entries, err = c.read(ctx)
	}
	if err == nil {
		err = store.Sweep(ctx, p.store, c.lead, writtenByDrivers...)
	}
	if err != nil {
		err = c.orSuperseded(ctx, err)
		c.close()
		return nil, nil, err
	}
	return c, entries, nil
}

// claimMarker reads millrace.json, or creates it in a new or empty directory.
func claimMarker(ctx context.Context, env Env, p place, job *Job, known func(context.Context) error) (marker, error) {
	m, err := readMarker(ctx, p)
	if errors.Is(err, store.ErrNotExist) {
		m, err = createMarker(ctx, env, p, job, known)
	}
	if err != nil {
		return m, err
	}
	if m.Job != job.Name {
		return m, otherJob(job, m)
	}
	if m.Feed != job.Feed {
		return m, otherFeed(job, m)
	}
	return m, nil
}

// otherFeed refuses a checkpoint whose offsets are those of other records than the job would read on from there.
func otherFeed(job *Job, m marker) error {
	switch {
	case job.Feed == "":
		return refuse("checkpoint %s was fed with the %s by replay-dead, and its offsets are those of dead letters: go on with replay-dead, or give run a checkpoint and sinks of its own", job.Checkpoint, m.Feed)
	case m.Feed == "":
		return refuse("checkpoint %s is that of a job that reads its sources, not the %s: give the corrected job a name, a checkpoint and sinks of its own", job.Checkpoint, job.Feed)
	}
	return refuse("checkpoint %s was fed with the %s, not with the %s: give each a checkpoint and sinks of its own", job.Checkpoint, m.Feed, job.Feed)
}

func otherJob(job *Job, m marker) error {
	return refuse("checkpoint %s belongs to job %q, not to %q; choose another directory, or give the job its old name", job.Checkpoint, m.Job, job.Name)
}

func readMarker(ctx context.Context, p place) (marker, error) {
	var m marker
	data, err := p.store.Get(ctx, markerName)
	if err != nil {
		return m, err
	}
	if err := json.Unmarshal(data, &m); err != nil {
		return m, refuse("%s is damaged: %v; restore it from a copy", p.at(markerName), err)
	}
	switch {
	case m.Format > checkpointFormat:
		return m, refuse("checkpoint %s has format %d, this program reads format %d: a newer millrace wrote it; run that version, or a newer one", p.path, m.Format, checkpointFormat)
	case m.Format < checkpointFormat || m.Job == "" || m.CheckpointID == "":
		return m, refuse("%s is damaged: it says no format, no job or no checkpoint id; restore it from a copy", p.at(markerName))
	}
	return m, nil
}

func createMarker(ctx context.Context, env Env, p place, job *Job, known func(context.Context) error) (marker, error) {
	names, err := p.store.List(ctx, "")
	if err != nil {
		return marker{}, fmt.Errorf("look at checkpoint: %w", err)
	}
	if len(names) > 0 {
		if m, err := readMarker(ctx, p); !errors.Is(err, store.ErrNotExist) {
			return m, err // another driver started at the same moment
		}
		return marker{}, refuse("%s holds %s but no %s: it is not a checkpoint, or only part of one; choose another directory", job.Checkpoint, names[0], markerName)
	}
	m := marker{Format: checkpointFormat, Job: job.Name, CheckpointID: fmt.Sprintf("%016x%016x", env.Rand.Uint64(), env.Rand.Uint64()), Feed: job.Feed}
	err = vacant(ctx, env, job, m)
	if err == nil {
		err = known(ctx)
	}
	if err != nil {
		if there, markErr := readMarker(ctx, p); !errors.Is(markErr, store.ErrNotExist) {
			return there, markErr // another driver started meanwhile, and the places are this checkpoint's
		}
		return m, err
	}
	data, err := json.Marshal(m)
	if err != nil {
		return m, fmt.Errorf("encode %s: %w", markerName, err)
	}
	if err := store.PutBytes(ctx, p.store, markerName, append(data, '\n')); err != nil {
		if errors.Is(err, store.ErrExists) { // another driver started at the same moment
			return readMarker(ctx, p)
		}
		return m, fmt.Errorf("create checkpoint: %w", err)
	}
	return m, nil
}

// vacant refuses a first start over what can be seen before there is a checkpoint: it would be in the way of the next one. Another
// job may claim a place behind this look; then the claim is refused, and an empty checkpoint stays.
func vacant(ctx context.Context, env Env, job *Job, m marker) error {
	if err := job.check(); err != nil {
		return fmt.Errorf("job %s: %w", job.Name, err)
	}
	// The checkpoint's id is not in it: nobody would find a checkpoint of the id that an error names.
	o := output.Opening{Owner: output.Owner{Job: m.Job}, Clock: env.Clock}
	for _, k := range job.Sinks {
		if k.Vacant == nil {
			continue
		}
		if err := k.Vacant(ctx, o); err != nil {
			return err
		}
	}
	return nil
}

// checkEpochs refuses a checkpoint whose log knows later epochs than its lock files: epochs would be given again, and two
// histories would run side by side.
func (c *checkpoint) checkEpochs(ctx context.Context) error {
	newest, err := c.chains.Newest(ctx, math.MaxUint64)
	if err != nil {
		return fmt.Errorf("list log: %w", err)
	}
	if newest < c.lease.Epoch() {
		return nil
	}
	if err := c.lead(); err != nil {
		return err
	}
	return refuse("checkpoint %s has a log of epoch %d but no lock file of it in %s: lock files are part of the checkpoint; put them back, or restore the whole from a copy",
		c.path, newest, c.at("epochs"))
}

// read reads what older epochs logged, as far back as recovery needs it.
func (c *checkpoint) read(ctx context.Context) ([]Entry, error) {
	if err := c.checkEpochs(ctx); err != nil {
		return nil, err
	}
	entries, end, _, err := c.readLog(ctx, logReader{read: c.chains.Recover, warn: c.warn}, c.lease.Epoch(), false)
	c.prev = end
	return entries, err
}

// open begins the chain of this epoch. It comes before anything is planned or published; a run that has nothing to do
// never calls it and so writes no record.
func (c *checkpoint) open() error {
	if c.log != nil {
		return nil
	}
	log, err := c.chains.Create(context.Background(), c.lease.Epoch())
	if err != nil {
		return fmt.Errorf("create log: %w", err)
	}
	c.log = log
	return c.append(&Opened{Epoch: c.lease.Epoch(), Host: c.env.Host, PID: c.env.PID, At: c.env.Clock.Now().UnixMicro(), Version: c.version, Prev: c.prev})
}

// append makes a record durable.
func (c *checkpoint) append(r Record) error {
	if err := c.open(); err != nil {
		return err
	}
	payload, err := Encode(r)
	if err != nil {
		return err
	}
	if c.last, err = c.log.Append(payload); err != nil {
		// Not even a driver that cannot write leaves its successor to guess.
		if superseded := c.lead(); superseded != nil {
			err = errors.Join(superseded, err)
		}
		return fmt.Errorf("write log: %w", err)
	}
	return nil
}

// beat lets others know that this driver lives, if they cannot see it by themselves.
func (c *checkpoint) beat() {
	if b, ok := c.lease.(wal.Beater); ok && c.env.Beat != nil {
		c.stop = c.env.Beat(b.BeatEvery(), func(ctx context.Context) { _ = b.Beat(ctx) })
	}
}

// lead reports that no newer driver has taken over, or a *SupersededError.
func (c *checkpoint) lead() error {
	newer, err := c.lease.Newer()
	if err != nil {
		return fmt.Errorf("look for a newer driver: %w", err)
	}
	if newer != nil {
		return &SupersededError{Epoch: c.lease.Epoch(), Newer: *newer}
	}
	return nil
}

// orSuperseded is err, unless another driver has taken over: then that is what counts, and mostly the reason. A successor gives up the
// uploads of those before it, and prunes what they may still be reading.
func (c *checkpoint) orSuperseded(ctx context.Context, err error) error {
	if err == nil || ctx.Err() != nil {
		return err
	}
	var superseded *SupersededError
	if lead := c.lead(); errors.As(lead, &superseded) {
		return lead
	}
	return err
}

func (c *checkpoint) close() error {
	if c.stop != nil {
		c.stop()
	}
	if c.log != nil {
		_ = c.log.Close() // it only says again why the last append failed
	}
	return c.lease.Release()
}
