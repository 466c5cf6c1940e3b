package output

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/millrace/millrace/internal/store"
)

const (
	// copiesAtATime is how many manifests are read at a time.
	copiesAtATime = 100
	// copiesAgain is how often a reader begins anew because a driver merges manifests meanwhile, which it does once in a while.
	copiesAgain = 10
)

// copies are the manifests beside an output, single and merged ones, by batch: what is in both is there once.
type copies struct {
	names []string // of all there are
	of    map[int64]copied
	bad   []badCopy
}

// copied is the manifest of a batch, and the name of the object it was read from.
type copied struct {
	manifest
	name string
}

// badCopy is an object that cannot be a manifest, or contradicts another one.
type badCopy struct {
	name  string
	batch int64 // 0: several
	msg   string
}

func (b badCopy) Error() string { return b.name + " " + b.msg }

// readCopies reads all manifests of batches up to one. A driver that merges them meanwhile removes single copies of what it has
// written to a merged one before: whoever has listed neither begins anew.
func readCopies(ctx context.Context, s store.Store, upTo int64) (*copies, error) {
	names, err := s.List(ctx, manifestPrefix)
	if err != nil {
		return nil, fmt.Errorf("list manifests: %w", err)
	}
	for range copiesAgain {
		c := &copies{names: names, of: map[int64]copied{}}
		err = c.read(ctx, s, upTo)
		if err != nil && !errors.Is(err, store.ErrNotExist) {
			return nil, err
		}
		again, listErr := s.List(ctx, manifestPrefix)
		if listErr != nil {
			return nil, fmt.Errorf("list manifests: %w", listErr)
		}
		if err == nil && slices.Equal(mergedNames(names), mergedNames(again)) {
			return c, nil
		}
		names = again
	}
	return nil, errors.Join(errors.New("manifests change faster than they can be read"), err)
}

func mergedNames(names []string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool {
		_, ok := mergedSpan(name)
		return !ok
	})
}

// sorted are the manifests by batch.
func (c *copies) sorted() []copied {
	var out []copied
	for _, batch := range slices.Sorted(maps.Keys(c.of)) {
		out = append(out, c.of[batch])
	}
	return out
}

// err is the first thing that is wrong; nil: nothing.
func (c *copies) err() error {
	if len(c.bad) == 0 {
		return nil
	}
	return c.bad[0]
}

// unread reports whether something that may be the manifest of a batch could not be read.
func (c *copies) unread(batch int64) bool {
	return slices.ContainsFunc(c.bad, func(b badCopy) bool {
		s, ok := mergedSpan(b.name)
		return ok && s.holds(batch) || b.batch == batch
	})
}

func (c *copies) read(ctx context.Context, s store.Store, upTo int64) error {
	wanted := slices.DeleteFunc(slices.Clone(c.names), func(name string) bool {
		s, ok := mergedSpan(name)
		first := s.first
		if !ok {
			first = manifestBatch(name)
		}
		return name != markName && (first == 0 || first > upTo)
	})
	slices.SortStableFunc(wanted, func(a, b string) int { return cmp.Compare(newestIn(a), newestIn(b)) })
	for names := range slices.Chunk(wanted, copiesAtATime) {
		data, err := getAll(ctx, s, names)
		if err != nil {
			return fmt.Errorf("read manifest: %w", err)
		}
		for i, name := range names {
			c.add(name, data[i], upTo)
		}
	}
	return nil
}

// getAll reads objects in the order of their names.
func getAll(ctx context.Context, s store.Store, names []string) ([][]byte, error) {
	if objects, ok := s.(store.Objects); ok {
		return objects.GetAll(ctx, names)
	}
	out := make([][]byte, len(names))
	for i, name := range names {
		var err error
		if out[i], err = s.Get(ctx, name); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// add takes what is in an object.
func (c *copies) add(name string, data []byte, upTo int64) {
	if name == markName {
		if err := checkMark(data); err != nil {
			c.bad = append(c.bad, badCopy{name, 0, err.Error()})
		}
		return
	}
	if s, ok := mergedSpan(name); ok {
		m, err := decodeMerged(data, s)
		if err != nil {
			c.bad = append(c.bad, badCopy{name, 0, err.Error()})
			return
		}
		for _, e := range m.Batches {
			if e.Batch <= upTo {
				c.take(copied{manifest{formatVersion, m.Owner, e.Batch, e.Files}, name})
			}
		}
		return
	}
	var m manifest
	if err := json.Unmarshal(data, &m); err != nil {
		c.bad = append(c.bad, badCopy{name, manifestBatch(name), fmt.Sprintf("is no manifest (%v): restore it from a copy", err)})
		return
	}
	if batch := manifestBatch(name); m.Batch != batch {
		c.bad = append(c.bad, badCopy{name, batch, fmt.Sprintf("is the manifest of batch %d: restore it from a copy", m.Batch)})
		return
	}
	c.take(copied{m, name})
}

// take keeps the manifest of a batch. Another one of the same batch must say the same.
func (c *copies) take(m copied) {
	have, there := c.of[m.Batch]
	if there && !have.same(m.manifest) {
		c.bad = append(c.bad, badCopy{m.name, m.Batch, fmt.Sprintf("lists other files of batch %d than %s: restore the one that was changed from a copy", m.Batch, have.name)})
		return
	}
	if !there {
		c.of[m.Batch] = m
	}
}

// same compares meaning, not bytes.
func (m manifest) same(o manifest) bool {
	return m.Format == o.Format && m.Owner == o.Owner && m.Batch == o.Batch && slices.Equal(m.Files, o.Files)
}
