package wal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/millrace/millrace/internal/failpoint"
	"github.com/millrace/millrace/internal/store"
)

// Heartbeats of object stores. A holder may lose two of them in a row before a successor takes it for dead; the
// successor then takes over within 15 seconds of the last one.
const (
	beatEvery = 4 * time.Second
	deadAfter = 13 * time.Second
	lookEvery = time.Second
	// endTimeout bounds the last heartbeat of a process that ends.
	endTimeout = 5 * time.Second
)

const (
	epochsPrefix = "epochs/"
	beatsPrefix  = "beats/"
	epochSuffix  = ".json"
)

// ObjectEpochs keeps epochs as objects that are created once. Whether a holder lives is judged by its heartbeats alone,
// and by the store's clock; nothing but politeness rests on that.
type ObjectEpochs struct {
	Store store.Objects
	// Wait returns after a time, or earlier with the context's error.
	Wait func(ctx context.Context, d time.Duration) error
}

// Acquire implements [Epochs]. It waits until it knows whether the holder lives: up to 15 s from its last heartbeat.
func (e ObjectEpochs) Acquire(ctx context.Context, o AcquireOptions) (Lease, error) {
	content, err := encodeHolder(o)
	if err != nil {
		return nil, fmt.Errorf("create epoch: %w", err)
	}
	for {
		newest, err := e.newest(ctx)
		if err != nil {
			return nil, err
		}
		if newest > 0 && !o.TakeOver {
			if err := e.checkFree(ctx, newest); err != nil {
				return nil, err
			}
		}
		if newest == maxEpoch {
			return nil, fmt.Errorf("create epoch %d: there are no more than %d", newest+1, maxEpoch)
		}
		if err := failpoint.Hit(failpoint.LogLock); err != nil {
			return nil, err
		}
		err = store.PutBytes(ctx, e.Store, epochObject(newest+1), content)
		if err == nil {
			return &objectLease{store: e.Store, epoch: newest + 1}, nil
		}
		if !errors.Is(err, store.ErrExists) {
			return nil, err
		}
	}
}

// Current implements [Epochs].
func (e ObjectEpochs) Current(ctx context.Context) (*Holder, error) {
	newest, err := e.newest(ctx)
	if err != nil || newest == 0 {
		return nil, err
	}
	b, err := e.look(ctx, newest)
	if err != nil || b.ended || b.age >= deadAfter {
		return nil, err
	}
	return describeObject(ctx, e.Store, newest), nil
}

// HeldBelow implements [Epochs]. A process whose heartbeats have stopped may wake up again: only one that has said that
// it ends is known to be gone.
func (e ObjectEpochs) HeldBelow(ctx context.Context, below uint64) (*Holder, error) {
	names, err := e.Store.List(ctx, epochsPrefix)
	if err != nil {
		return nil, err
	}
	for i := len(names) - 1; i >= 0; i-- {
		epoch := parseEpochObject(names[i])
		if epoch == 0 || epoch >= below {
			continue
		}
		b, err := e.look(ctx, epoch)
		if err != nil {
			return nil, err
		}
		if !b.ended {
			return describeObject(ctx, e.Store, epoch), nil
		}
	}
	return nil, nil
}

// beat is what is known of a holder's heartbeats.
type beat struct {
	number uint64
	ended  bool
	age    time.Duration
}

// beatContent is a heartbeat's JSON.
type beatContent struct {
	Format int    `json:"format"`
	Number uint64 `json:"number"`
	Ended  bool   `json:"ended,omitempty"`
}

// look reads the last heartbeat of an epoch; before the first one its creation counts.
func (e ObjectEpochs) look(ctx context.Context, epoch uint64) (beat, error) {
	data, age, err := e.Store.LastBeat(ctx, beatObject(epoch))
	if errors.Is(err, store.ErrNotExist) {
		_, age, err = e.Store.LastBeat(ctx, epochObject(epoch))
		return beat{age: age}, err
	}
	if err != nil {
		return beat{}, err
	}
	var c beatContent
	if json.Unmarshal(data, &c) != nil || c.Format != lockFormat {
		return beat{age: age}, nil // of a version that says more: its age still counts
	}
	return beat{c.Number, c.Ended, age}, nil
}

// checkFree is a [HeldError] if the holder of an epoch lives. One that beats is found alive with its next heartbeat; one
// that does not is free when the last one is old enough, or when it has been watched for so long.
func (e ObjectEpochs) checkFree(ctx context.Context, epoch uint64) error {
	var first beat
	for watched := time.Duration(0); ; watched += lookEvery {
		b, err := e.look(ctx, epoch)
		if err != nil {
			return err
		}
		if watched == 0 {
			first = b
		}
		switch {
		case b.ended, b.age >= deadAfter, watched >= deadAfter && b.number == first.number:
			return nil
		case b.number != first.number:
			return &HeldError{*describeObject(ctx, e.Store, epoch)}
		}
		if err := e.Wait(ctx, lookEvery); err != nil {
			return err
		}
	}
}

// newest returns the highest epoch; 0: there is none.
func (e ObjectEpochs) newest(ctx context.Context) (uint64, error) {
	return highest(func(after uint64) (uint64, error) {
		return nextNumber(ctx, e.Store, epochsPrefix, epochObject(after), parseEpochObject)
	})
}

// describeObject says who holds an epoch. One whose object cannot be read is held all the same, by somebody unknown.
func describeObject(ctx context.Context, s store.Store, epoch uint64) *Holder {
	data, err := s.Get(ctx, epochObject(epoch))
	if err != nil {
		return &Holder{Epoch: epoch}
	}
	h := decodeHolder(data, epoch)
	return &h
}

// highest finds the greatest number for which next(n-1) returns n, where next returns the least number there is behind
// another one, or 0: it asks about twice the logarithm of the answer. Numbers that are missing do not mislead it.
func highest(next func(after uint64) (uint64, error)) (uint64, error) {
	var low, step uint64 = 0, 1 // low is there, or 0
	high := low
	for {
		found, err := next(high)
		if err != nil {
			return 0, err
		}
		if found == 0 {
			break
		}
		low = found
		high, step = low+step-1, 2*step
	}
	for low < high { // nothing is behind high
		middle := low + (high-low)/2
		found, err := next(middle)
		if err != nil {
			return 0, err
		}
		if found == 0 {
			high = middle
		} else {
			low = found
		}
	}
	return low, nil
}

// nextNumber returns the number of the first name behind one that parse knows, 0: there is none. Others are passed over.
func nextNumber(ctx context.Context, s store.Objects, prefix, after string, parse func(string) uint64) (uint64, error) {
	for limit := 1; ; limit = 100 {
		names, err := s.ListAfter(ctx, prefix, after, limit)
		if err != nil {
			return 0, err
		}
		for _, name := range names {
			if n := parse(name); n != 0 {
				return n, nil
			}
			after = name
		}
		if len(names) < limit {
			return 0, nil
		}
	}
}

// objectLease is an epoch that an object stands for.
type objectLease struct {
	store store.Objects
	epoch uint64

	mu    sync.Mutex
	beats uint64
	ended bool
}

// Epoch implements [Lease].
func (l *objectLease) Epoch() uint64 { return l.epoch }

// Newer implements [Lease].
func (l *objectLease) Newer() (*Holder, error) {
	ctx := context.Background()
	newer, err := nextNumber(ctx, l.store, epochsPrefix, epochObject(l.epoch), parseEpochObject)
	if err != nil || newer == 0 {
		return nil, err
	}
	return describeObject(ctx, l.store, newer), nil
}

// Beat implements [Beater].
func (l *objectLease) Beat(ctx context.Context) error { return l.beat(ctx, false) }

// BeatEvery implements [Beater].
func (l *objectLease) BeatEvery() time.Duration { return beatEvery }

// Release implements [Lease]. It says that the process ends, as well as it can: otherwise a successor waits.
func (l *objectLease) Release() error {
	ctx, cancel := context.WithTimeout(context.Background(), endTimeout)
	defer cancel()
	_ = l.beat(ctx, true)
	return nil
}

func (l *objectLease) beat(ctx context.Context, ended bool) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended {
		return nil
	}
	l.beats++
	l.ended = ended
	data, err := json.Marshal(beatContent{lockFormat, l.beats, ended})
	if err != nil {
		return err
	}
	return l.store.Beat(ctx, beatObject(l.epoch), append(data, '\n'))
}

func epochObject(epoch uint64) string {
	return fmt.Sprintf("%s%0*d%s", epochsPrefix, epochDigits, epoch, epochSuffix)
}

func beatObject(epoch uint64) string {
	return fmt.Sprintf("%s%0*d%s", beatsPrefix, epochDigits, epoch, epochSuffix)
}

// parseEpochObject returns the epoch of an object's name, 0 for any that epochObject does not make.
func parseEpochObject(name string) uint64 {
	epoch, err := strconv.ParseUint(strings.TrimSuffix(path.Base(name), epochSuffix), 10, 64)
	if err != nil || epochObject(epoch) != name {
		return 0
	}
	return epoch
}
