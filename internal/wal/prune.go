package wal

import (
	"cmp"
	"context"
	"errors"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/millrace/millrace/internal/store"
)

// compare orders positions as records were appended; within a chain that is by sequence.
func (p Position) compare(q Position) int {
	return cmp.Or(cmp.Compare(p.Epoch, q.Epoch), cmp.Compare(p.Sequence, q.Sequence))
}

// Prune implements [Chains]: it removes whole segments.
func (c FileChains) Prune(ctx context.Context, keep Position) error {
	segments, err := listSegments(c.FS, c.Dir, anyEpoch)
	if err != nil {
		return err
	}
	for _, s := range segments {
		if s.epoch > keep.Epoch || s.epoch == keep.Epoch && s.segment >= keep.Segment {
			break
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := c.FS.Remove(s.path); err != nil {
			return &store.OpError{Op: "delete", Name: s.path, Err: err}
		}
	}
	return nil
}

// Prune implements [Chains].
func (c ObjectChains) Prune(ctx context.Context, keep Position) error {
	const page = 1000
	after := ""
	for {
		names, err := c.Store.ListAfter(ctx, walPrefix, after, page)
		if err != nil {
			return err
		}
		var gone []string
		for _, name := range names {
			epoch, sequence := parseRecordObject(name)
			if epoch != 0 && (Position{Epoch: epoch, Sequence: sequence}).compare(keep) < 0 {
				gone = append(gone, name)
			}
		}
		if err := store.DeleteAll(ctx, c.Store, gone); err != nil {
			return err
		}
		if len(names) < page || len(gone) == 0 {
			return nil
		}
		after = names[len(names)-1]
	}
}

// begin is where reading a chain begins when what is in front of a segment is not read: behind what its header says of that.
// Whether the header is as it should be is left to [judge]. A chain's first segment has nothing in front of it.
func (s segmentFile) begin(data []byte) link {
	if s.segment == 1 {
		return link{epoch: s.epoch, segment: 1, sequence: 1}
	}
	from := link{epoch: s.epoch, segment: s.segment}
	if len(data) >= headerBytes {
		h, _, _ := decodeHeader(data)
		from.chain, from.sequence = h.chain, h.sequence
	}
	return from
}

// Prune implements [Epochs]. Whoever still holds one of the locks finds out all the same that there is a newer epoch.
func (e FileEpochs) Prune(ctx context.Context, below uint64) error {
	entries, err := e.FS.ReadDir(e.Dir)
	if err != nil {
		return &store.OpError{Op: "list", Name: e.Dir, Err: err}
	}
	for _, entry := range entries {
		if epoch := parseLockName(entry.Name()); epoch == 0 || epoch >= below {
			continue
		}
		name := filepath.Join(e.Dir, entry.Name())
		if err := errors.Join(ctx.Err(), e.FS.Remove(name)); err != nil {
			return &store.OpError{Op: "delete", Name: name, Err: err}
		}
	}
	return nil
}

// Prune implements [Epochs]. A driver of long ago that wakes may write a heartbeat once more: the next call removes that.
func (e ObjectEpochs) Prune(ctx context.Context, below uint64) error {
	for prefix, object := range map[string]func(uint64) string{epochsPrefix: epochObject, beatsPrefix: beatObject} {
		names, err := e.Store.List(ctx, prefix)
		if err != nil {
			return err
		}
		gone := slices.DeleteFunc(names, func(name string) bool {
			epoch, err := strconv.ParseUint(strings.TrimSuffix(path.Base(name), epochSuffix), 10, 64)
			return err != nil || epoch == 0 || epoch >= below || object(epoch) != name
		})
		if err := store.DeleteAll(ctx, e.Store, gone); err != nil {
			return err
		}
	}
	return nil
}
