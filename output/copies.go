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
	// copiesAgain is how often a reader lists. It does once more than it has to, and once for each merged manifest that is
	// written meanwhile; what it has read already it does not read again.
	copiesAgain = 100
)

// copies are the manifests beside an output, single and merged ones, by batch: what is in both is there once.
type copies struct {
	names []string // of all there were at first
	of    map[int64]copied
	bad   []badCopy
	seen  map[string]bool // names that were read
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
// written to a merged one before: whoever has neither lists again, and reads what is new.
func readCopies(ctx context.Context, s store.Store, upTo int64) (*copies, error) {
	c := &copies{of: map[int64]copied{}, seen: map[string]bool{}}
	gone := true
	for range copiesAgain {
		names, err := s.List(ctx, manifestPrefix)
		if err != nil {
			return nil, fmt.Errorf("list manifests: %w", err)
		}
		if c.names == nil {
			c.names = names
		}
		fresh := c.fresh(names, upTo)
		if !gone && len(mergedNames(fresh)) == 0 {
			return c, nil
		}
		if gone, err = c.read(ctx, s, fresh, upTo); err != nil {
			return nil, fmt.Errorf("read manifest: %w", err)
		}
	}
	return nil, errors.New("manifests are merged faster than they can be read")
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

// fresh are the names of manifests of batches up to one that were not read yet, by batch.
func (c *copies) fresh(names []string, upTo int64) []string {
	out := slices.DeleteFunc(slices.Clone(names), func(name string) bool {
		s, ok := mergedSpan(name)
		first := s.first
		if !ok {
			first = manifestBatch(name)
		}
		return c.seen[name] || name != markName && (first == 0 || first > upTo)
	})
	slices.SortStableFunc(out, func(a, b string) int { return cmp.Compare(newestIn(a), newestIn(b)) })
	return out
}

// read reads manifests. gone says that some are not there any more.
func (c *copies) read(ctx context.Context, s store.Store, fresh []string, upTo int64) (gone bool, err error) {
	for names := range slices.Chunk(fresh, copiesAtATime) {
		data, err := getAll(ctx, s, names)
		if errors.Is(err, store.ErrNotExist) {
			gone = true
			data, err = getThere(ctx, s, names)
		}
		if err != nil {
			return gone, err
		}
		for i, name := range names {
			if data[i] != nil {
				c.seen[name] = true
				c.add(name, data[i], upTo)
			}
		}
	}
	return gone, nil
}

// getThere is getAll with nil for what is not there.
func getThere(ctx context.Context, s store.Store, names []string) ([][]byte, error) {
	out := make([][]byte, len(names))
	for i, name := range names {
		data, err := s.Get(ctx, name)
		if err != nil && !errors.Is(err, store.ErrNotExist) {
			return nil, err
		}
		if out[i] = data; err == nil && data == nil {
			out[i] = []byte{} // it is there, and empty
		}
	}
	return out, nil
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
