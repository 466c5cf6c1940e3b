package batch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/wal"
)

// checkpointFormat is the version of the directory's layout, docs/formats/checkpoint.md.
const checkpointFormat = 1

const markerName = "millrace.json"

func epochsDir(checkpoint string) string { return filepath.Join(checkpoint, "epochs") }

func walDir(checkpoint string) string { return filepath.Join(checkpoint, "wal") }

// marker is the content of millrace.json.
type marker struct {
	Format       int    `json:"format"`
	Job          string `json:"job"`
	CheckpointID string `json:"checkpoint_id"`
}

// checkpoint is the open directory of a job: marker, epoch, log, blobs.
type checkpoint struct {
	dir     string
	env     Env
	id      string
	blobs   store.Blobs
	lease   *wal.Lease
	version string
	chains  []ChainEnd // older chains as read
	log     *wal.Log   // nil until the first append: an idle run writes nothing
	warn    func(string)
}

// openCheckpoint takes the job: it creates the directory at the first start, takes a new epoch, and only then reads
// what older epochs logged.
func openCheckpoint(ctx context.Context, env Env, job *Job, takeOver bool, version string, warn func(string)) (*checkpoint, []Entry, error) {
	local := &store.Local{Root: job.Checkpoint, FS: env.FS}
	m, err := claimMarker(ctx, env, local, job)
	if err != nil {
		return nil, nil, err
	}
	c := &checkpoint{dir: job.Checkpoint, env: env, id: m.CheckpointID, blobs: store.Blobs{Store: local}, version: version, warn: warn}
	c.lease, err = wal.Acquire(env.FS, epochsDir(c.dir), wal.AcquireOptions{TakeOver: takeOver, Now: env.Clock.Now(), Host: env.Host, PID: env.PID})
	if err != nil {
		return nil, nil, err
	}
	entries, err := c.read()
	if err != nil {
		c.close()
		return nil, nil, err
	}
	return c, entries, nil
}

// claimMarker reads millrace.json, or creates it in a new or empty directory.
func claimMarker(ctx context.Context, env Env, local *store.Local, job *Job) (marker, error) {
	m, err := readMarker(ctx, local, job.Checkpoint)
	if errors.Is(err, store.ErrNotExist) {
		m, err = createMarker(ctx, env, local, job)
	}
	if err != nil {
		return m, err
	}
	if m.Job != job.Name {
		return m, refuse("checkpoint %s belongs to job %q, not to %q; choose another directory, or give the job its old name", job.Checkpoint, m.Job, job.Name)
	}
	return m, nil
}

func readMarker(ctx context.Context, local *store.Local, dir string) (marker, error) {
	var m marker
	data, err := local.Get(ctx, markerName)
	if err != nil {
		return m, err
	}
	if err := json.Unmarshal(data, &m); err != nil {
		return m, refuse("%s is damaged: %v", filepath.Join(dir, markerName), err)
	}
	if m.Format != checkpointFormat {
		return m, refuse("checkpoint %s has format %d, this program reads format %d: a newer millrace wrote it", dir, m.Format, checkpointFormat)
	}
	return m, nil
}

func createMarker(ctx context.Context, env Env, local *store.Local, job *Job) (marker, error) {
	names, err := local.List(ctx, "")
	if err != nil {
		return marker{}, fmt.Errorf("look at checkpoint: %w", err)
	}
	if len(names) > 0 {
		return marker{}, refuse("%s holds %s but no %s: it is not a checkpoint, or only part of one; choose another directory", job.Checkpoint, names[0], markerName)
	}
	m := marker{Format: checkpointFormat, Job: job.Name, CheckpointID: fmt.Sprintf("%016x%016x", env.Rand.Uint64(), env.Rand.Uint64())}
	data, err := json.Marshal(m)
	if err != nil {
		return m, fmt.Errorf("encode %s: %w", markerName, err)
	}
	if err := store.PutBytes(ctx, local, markerName, append(data, '\n')); err != nil {
		if errors.Is(err, store.ErrExists) { // another driver started at the same moment
			return readMarker(ctx, local, job.Checkpoint)
		}
		return m, fmt.Errorf("create checkpoint: %w", err)
	}
	return m, nil
}

// read reads the chains of all older epochs.
func (c *checkpoint) read() ([]Entry, error) {
	chains, err := readChains(wal.RecoverChain, c.env.FS, c.dir, c.lease.Epoch(), c.warn)
	if err != nil {
		return nil, err
	}
	entries, ends, err := effective(chains)
	c.chains = ends
	return entries, err
}

type chainReader func(fsys store.FS, dir string, epoch uint64) (*wal.Chain, error)

// rawChain is one epoch's chain with its records decoded.
type rawChain struct {
	epoch   uint64
	entries []Entry
}

// readChains reads every chain below an epoch, oldest first, with read (wal.ReadChain or wal.RecoverChain). A torn tail
// is told to warn.
func readChains(read chainReader, fsys store.FS, checkpoint string, below uint64, warn func(string)) ([]rawChain, error) {
	dir := walDir(checkpoint)
	epochs, err := wal.Epochs(fsys, dir)
	if err != nil {
		return nil, fmt.Errorf("list log: %w", err)
	}
	var out []rawChain
	for _, epoch := range epochs {
		if epoch >= below {
			break
		}
		chain, err := read(fsys, dir, epoch)
		if err != nil {
			return nil, corrupt(err)
		}
		if chain.Torn != nil && warn != nil {
			warn(fmt.Sprintf("log of epoch %d: %s; the unfinished record is left out", epoch, chain.Torn))
		}
		raw := rawChain{epoch: epoch}
		for _, r := range chain.Records {
			rec, err := Decode(r.Payload)
			if err != nil {
				return nil, refuse("log of epoch %d, record %d: %v", epoch, r.Position.Sequence, err)
			}
			raw.entries = append(raw.entries, Entry{At: r.Position, Record: rec})
		}
		if len(raw.entries) > 0 {
			out = append(out, raw)
		}
	}
	return out, nil
}

func corrupt(err error) error {
	var f *wal.FormatError
	if errors.As(err, &f) {
		return refuse("%v", err)
	}
	var c *wal.CorruptionError
	if errors.As(err, &c) {
		return refuse("%v; the log is damaged where durable records stand: restore the checkpoint from a copy, nothing was changed", err)
	}
	return fmt.Errorf("read log: %w", err)
}

// effective puts the chains in one order and leaves out what does not count. The newest chain counts as it is; of the
// older ones its Opened record names all that count, each with its last record: what a driver wrote after its
// successor had read its chain never happened.
func effective(chains []rawChain) ([]Entry, []ChainEnd, error) {
	if len(chains) == 0 {
		return nil, nil, nil
	}
	newest := chains[len(chains)-1]
	opened, err := newest.opened()
	if err != nil {
		return nil, nil, err
	}
	var entries []Entry
	ends := slices.Clone(opened.Chains)
	for _, end := range opened.Chains {
		i := slices.IndexFunc(chains, func(c rawChain) bool { return c.epoch == end.Epoch })
		if i < 0 {
			return nil, nil, refuse("the log of epoch %d is gone; epoch %d still needs it: restore the checkpoint from a copy", end.Epoch, newest.epoch)
		}
		part := upTo(chains[i].entries, end.Sequence)
		if n := len(part); n == 0 || part[n-1].At.Sequence != end.Sequence {
			return nil, nil, refuse("the log of epoch %d ends before record %d, which epoch %d has read: restore the checkpoint from a copy", end.Epoch, end.Sequence, newest.epoch)
		}
		entries = append(entries, part...)
	}
	last := newest.entries[len(newest.entries)-1].At.Sequence
	return append(entries, newest.entries...), append(ends, ChainEnd{Epoch: newest.epoch, Sequence: last}), nil
}

// opened returns the first record, which every chain begins with.
func (c rawChain) opened() (*Opened, error) {
	o, ok := c.entries[0].Record.(*Opened)
	if !ok || o.Epoch != c.epoch {
		return nil, refuse("the log of epoch %d does not begin with its Opened record: restore the checkpoint from a copy", c.epoch)
	}
	return o, nil
}

func upTo(entries []Entry, sequence uint64) []Entry {
	for i, e := range entries {
		if e.At.Sequence > sequence {
			return entries[:i]
		}
	}
	return entries
}

// open begins the chain of this epoch. It comes before anything is planned or published; a run that has nothing to do
// never calls it and so writes no record.
func (c *checkpoint) open() error {
	if c.log != nil {
		return nil
	}
	log, err := wal.Create(c.env.FS, walDir(c.dir), c.lease.Epoch())
	if err != nil {
		return fmt.Errorf("create log: %w", err)
	}
	c.log = log
	return c.append(&Opened{Epoch: c.lease.Epoch(), Host: c.env.Host, PID: c.env.PID, At: c.env.Clock.Now().UnixMicro(), Version: c.version, Chains: c.chains})
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
	if _, err := c.log.Append(payload); err != nil {
		return fmt.Errorf("write log: %w", err)
	}
	return nil
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

func (c *checkpoint) close() error {
	if c.log != nil {
		_ = c.log.Close() // it only says again why the last append failed
	}
	return c.lease.Release()
}
