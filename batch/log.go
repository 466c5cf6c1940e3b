package batch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/millrace/millrace/internal/failpoint"
	"github.com/millrace/millrace/internal/wal"
)

// logReader reads chains of a checkpoint's log and decodes their records.
type logReader struct {
	read   func(ctx context.Context, epoch uint64, t wal.Tail) (*wal.Chain, error) // Recover or Read of chains
	chains wal.Chains
	warn   func(string) // told of torn tails; may be nil
	from   *LogStart    // what the log begins with; nil: its first record
}

// rawChain is one epoch's chain with its records decoded.
type rawChain struct {
	epoch   uint64
	entries []Entry
}

// readLog returns the records that count, oldest first, of the epochs below one, and where the newest chain ends. The
// newest chain counts as it is. Its Opened record names the chain before it and the last record of that one that
// counts: what a driver wrote after its successor had read its chain never happened. So it goes from link to link, to
// the first chain when whole is set, else no further than a snapshot needs.
func readLog(ctx context.Context, r logReader, below uint64, whole bool) ([]Entry, *ChainEnd, error) {
	enough := isSnapshot
	if whole {
		enough = nil
	}
	chain, err := r.newest(ctx, below, enough)
	if err != nil || chain == nil {
		return nil, nil, err
	}
	last := chain.entries[len(chain.entries)-1].At
	entries := chain.entries
	for {
		end := &ChainEnd{Epoch: last.Epoch, Sequence: last.Sequence}
		if r.from != nil && chain.epoch == r.from.Place.Epoch {
			return entries, end, nil
		}
		if !whole && chain.entries[0].At.Sequence > 1 && lastSnapshot(entries) >= 0 {
			return entries, end, nil // the chain was read no further back than that
		}
		opened, err := chain.opened()
		if err != nil {
			return nil, nil, err
		}
		if opened.Prev == nil || !whole && lastSnapshot(entries) >= 0 {
			return entries, end, nil
		}
		if chain, err = r.upTo(ctx, *opened.Prev, chain.epoch, enough); err != nil {
			return nil, nil, err
		}
		entries = slices.Concat(chain.entries, entries)
	}
}

// lastSnapshot is the position of the last commit from which everything behind it can be understood; −1: none.
func lastSnapshot(entries []Entry) int {
	for i, e := range slices.Backward(entries) {
		if c, ok := e.Record.(*Committed); ok && c.Base != nil {
			return i
		}
	}
	return -1
}

// baseField is in every record with a [Base].
var baseField = []byte(`"base":`)

// isSnapshot reports whether a record is a commit from which everything behind it can be understood. What cannot be
// decoded is none; whoever reads the chain finds out. Most records are told from one without decoding them.
func isSnapshot(payload []byte) bool {
	if !bytes.Contains(payload, baseField) {
		return false
	}
	r, err := Decode(payload)
	if err != nil {
		return false
	}
	c, ok := r.(*Committed)
	return ok && c.Base != nil
}

// newest returns the newest chain below an epoch that has records; nil when there is none.
func (r logReader) newest(ctx context.Context, below uint64, enough func([]byte) bool) (*rawChain, error) {
	for {
		epoch, err := r.chains.Newest(ctx, below)
		if err != nil {
			return nil, fmt.Errorf("list log: %w", err)
		}
		if epoch == 0 {
			return nil, nil
		}
		if chain, err := r.chain(ctx, epoch, wal.Tail{Enough: enough}); err != nil || len(chain.entries) > 0 {
			return chain, err
		}
		below = epoch
	}
}

// upTo returns the chain that a later epoch links to, up to the record that it has read.
func (r logReader) upTo(ctx context.Context, end ChainEnd, later uint64, enough func([]byte) bool) (*rawChain, error) {
	chain, err := r.chain(ctx, end.Epoch, wal.Tail{UpTo: end.Sequence, Enough: enough})
	if err != nil {
		return nil, err
	}
	n := slices.IndexFunc(chain.entries, func(e Entry) bool { return e.At.Sequence == end.Sequence })
	if n < 0 {
		return nil, refuse("the log of epoch %d ends before record %d, which epoch %d has read: restore the checkpoint from a copy", end.Epoch, end.Sequence, later)
	}
	chain.entries = chain.entries[:n+1]
	return chain, nil
}

func (r logReader) chain(ctx context.Context, epoch uint64, t wal.Tail) (*rawChain, error) {
	if err := failpoint.Hit(failpoint.LogRead); err != nil {
		return nil, err
	}
	if r.from != nil {
		t.From = r.from.Place
		if epoch < t.From.Epoch {
			return nil, refuse("the log is %s, and nothing is there from epoch %d on: restore the checkpoint from a copy", r.from, t.From.Epoch)
		}
	}
	chain, err := r.read(ctx, epoch, t)
	if err != nil {
		return nil, corrupt(err)
	}
	if chain.Torn != nil && r.warn != nil {
		r.warn(fmt.Sprintf("log of epoch %d: %s; the unfinished record is left out", epoch, chain.Torn))
	}
	raw := &rawChain{epoch: epoch}
	for _, x := range chain.Records {
		rec, err := Decode(x.Payload)
		if err != nil {
			return nil, refuse("log of epoch %d, record %d: %v", epoch, x.Position.Sequence, err)
		}
		raw.entries = append(raw.entries, Entry{At: x.Position, Record: rec})
	}
	if r.from != nil && epoch == r.from.Place.Epoch && (t.Enough == nil || len(raw.entries) == 0 || raw.entries[0].At.Sequence <= r.from.Place.Sequence) {
		return raw, raw.beginAt(*r.from)
	}
	return raw, nil
}

// opened returns the first record, which every chain begins with. It links to an older chain, so that following links
// comes to an end.
func (c *rawChain) opened() (*Opened, error) {
	o, ok := c.entries[0].Record.(*Opened)
	if !ok || o.Epoch != c.epoch {
		return nil, refuse("the log of epoch %d does not begin with its Opened record: restore the checkpoint from a copy", c.epoch)
	}
	if o.Prev != nil && o.Prev.Epoch >= c.epoch {
		return nil, refuse("the log of epoch %d names epoch %d as the one before it: restore the checkpoint from a copy", c.epoch, o.Prev.Epoch)
	}
	return o, nil
}

// brokenRules turns what [Fold] finds wrong into a refusal.
func brokenRules(err error) error { return refuse("%v: restore the checkpoint from a copy", err) }

// corrupt turns damage into a refusal: another try cannot help.
func corrupt(err error) error {
	var damaged *wal.CorruptionError
	var format *wal.FormatError
	if errors.As(err, &damaged) {
		return refuse("%v; the log is damaged where durable records stand: restore the checkpoint from a copy, nothing was changed", err)
	}
	if errors.As(err, &format) {
		return refuse("%v", err)
	}
	return fmt.Errorf("read log: %w", err)
}
