package wal

import (
	"context"
	"time"

	"github.com/millrace/millrace/internal/store"
)

// Epochs gives the right to drive a job to one process after the other: [FileEpochs] and [ObjectEpochs].
type Epochs interface {
	// Acquire takes the next epoch. If the newest epoch's holder lives it is a [HeldError]. Of several that try at the
	// same time each epoch has one winner; the others look again.
	Acquire(ctx context.Context, o AcquireOptions) (Lease, error)
	// Current returns who holds the newest epoch; nil: nobody. It takes nothing and changes nothing.
	Current(ctx context.Context) (*Holder, error)
	// HeldBelow returns who may still live of the holders of epochs below one, the newest of them; nil: all of them are
	// known to be gone. It takes nothing and changes nothing.
	HeldBelow(ctx context.Context, below uint64) (*Holder, error)
	// Prune removes what says who held epochs below one, of which nothing counts any more. below must not be newer than the
	// caller's own. After an error any of it may be gone.
	Prune(ctx context.Context, below uint64) error
}

// Lease is an epoch taken by this process. It is safe for concurrent use.
type Lease interface {
	// Epoch returns the epoch's number, from 1.
	Epoch() uint64
	// Newer returns who holds a later epoch; nil: nobody does. Once it has returned a holder this process must not make
	// anything visible any more.
	Newer() (*Holder, error)
	// Release ends the lease before the process does, so that another may take the next epoch. Once is enough.
	Release() error
}

// Beater is a [Lease] that others take for abandoned when it is not heard of.
type Beater interface {
	Lease
	// Beat says that the holder lives. An error is no reason to stop: the next beat may come through.
	Beat(ctx context.Context) error
	// BeatEvery is how long to wait from one beat to the next.
	BeatEvery() time.Duration
}

// Chains keeps the records of all epochs: [FileChains] and [ObjectChains].
type Chains interface {
	// Newest returns the newest epoch below one that has a chain; 0: none has.
	Newest(ctx context.Context, below uint64) (uint64, error)
	// Read reads what an epoch logged and changes nothing. No record at all is an empty chain. Damage is a
	// [CorruptionError], something of another format a [FormatError].
	Read(ctx context.Context, epoch uint64, t Tail) (*Chain, error)
	// Recover is Read for a driver that acts on what it reads: what it returns is durable.
	Recover(ctx context.Context, epoch uint64, t Tail) (*Chain, error)
	// Create begins the chain of an epoch, which must be the caller's own; one that has a chain already is
	// [store.ErrExists].
	Create(ctx context.Context, epoch uint64) (Log, error)
	// Prune removes what was logged before a record, as far as that can be done; that may be less, and after a crash or
	// an error any part of it. Whoever reads from then on says with [Tail.From] where the log begins.
	Prune(ctx context.Context, keep Position) error
}

// Tail is how much of a chain somebody needs. The zero value is all of it. A chain may return more than that: records
// before and behind.
type Tail struct {
	From   Position                  // the first record that is not pruned; the zero value: nothing is
	UpTo   uint64                    // the last sequence that counts; 0: whatever is there
	Enough func(payload []byte) bool // records before one of which it is true are not needed; nil: all are
}

// Log appends to the chain of one epoch. It is safe for concurrent use.
type Log interface {
	// Append writes a record of at most [MaxRecordBytes] and returns when it is durable. The caller keeps payload. A
	// payload too long is refused and changes nothing. After any other error nobody knows whether the record will be
	// read, and every later call returns that same error: the process must end, and recovery decide.
	Append(payload []byte) (Position, error)
	// Close ends the use of the log. It returns the error that made it unusable, if there was one; everything appended is
	// durable already.
	Close() error
}

// FileEpochs keeps epochs as locked files in a directory.
type FileEpochs struct {
	FS  store.FS
	Dir string
}

// Acquire implements [Epochs].
func (e FileEpochs) Acquire(_ context.Context, o AcquireOptions) (Lease, error) {
	lease, err := Acquire(e.FS, e.Dir, o)
	if err != nil {
		return nil, err
	}
	return lease, nil
}

// Current implements [Epochs].
func (e FileEpochs) Current(context.Context) (*Holder, error) { return Current(e.FS, e.Dir) }

// HeldBelow implements [Epochs].
func (e FileEpochs) HeldBelow(_ context.Context, below uint64) (*Holder, error) {
	return HeldBelow(e.FS, e.Dir, below)
}

// FileChains keeps chains as segments in a directory.
type FileChains struct {
	FS  store.FS
	Dir string
}

// Newest implements [Chains].
func (c FileChains) Newest(_ context.Context, below uint64) (uint64, error) {
	epochs, err := ChainEpochs(c.FS, c.Dir)
	if err != nil {
		return 0, err
	}
	var newest uint64
	for _, epoch := range epochs {
		if epoch < below {
			newest = epoch
		}
	}
	return newest, nil
}

// Read implements [Chains]. It reads whole segments, and no further back than it must.
func (c FileChains) Read(_ context.Context, epoch uint64, t Tail) (*Chain, error) {
	return readTail(c.FS, c.Dir, epoch, t)
}

// Recover implements [Chains].
func (c FileChains) Recover(_ context.Context, epoch uint64, t Tail) (*Chain, error) {
	return recoverChain(c.FS, c.Dir, epoch, t)
}

// firstSegment is where reading a chain of files begins.
func (t Tail) firstSegment(epoch uint64) uint32 {
	if t.From.Epoch == epoch {
		return max(t.From.Segment, 1)
	}
	return 1
}

// firstSequence is where reading a chain of objects begins.
func (t Tail) firstSequence(epoch uint64) uint64 {
	if t.From.Epoch == epoch {
		return max(t.From.Sequence, 1)
	}
	return 1
}

// Create implements [Chains].
func (c FileChains) Create(_ context.Context, epoch uint64) (Log, error) {
	log, err := Create(c.FS, c.Dir, epoch)
	if err != nil {
		return nil, err
	}
	return log, nil
}
