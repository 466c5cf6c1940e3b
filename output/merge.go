package output

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/millrace/millrace/internal/failpoint"
	"github.com/millrace/millrace/internal/store"
)

// Bounds of merging. What is in an object depends on none but the first and the third.
const (
	// DefaultMergeRun is how many batches a merged manifest is of.
	DefaultMergeRun = 1000
	// mergeSteps is how many times in a run there is something to do at most: each time little of it.
	mergeSteps = 50
	// mergedBytes ends a merged manifest with the batch that brings it there.
	mergedBytes = 4 << 20
	// removedAtATime is how many single copies are removed with a batch.
	removedAtATime = 100
	// knownCopies is how many single copies are kept in mind of a directory that can only be listed whole.
	knownCopies = 20_000
)

// Merger is a [Sink] that keeps something for each batch, and merges it once there is much of it.
type Merger interface {
	Sink
	// Merge is called behind Committed, with every batch whether it has files or not. It does little, and mostly nothing. Nobody
	// needs what it does to go on, so that what fails can be left to a later call; a [ConflictError] is another matter.
	Merge(ctx context.Context, batch int64) error
}

// merging is how far a sink is with merging its manifests.
type merging struct {
	run   int64 // batches
	floor int64 // runs up to this batch are left alone
	clean int64 // nothing is to be done for batches up to this one
	rest  int64 // no batch before this one tries again what has failed
	known known
	gone  []int64 // of these batches the single copies are in a merged manifest that is durable
	own   ownCopies
}

// newMerging begins with the first run of which all batches will be there: one that a replay begins in the middle of may be made whole by
// another replay.
func newMerging(run, first int64) merging {
	floor := max(first-1+run-1, 0) / run * run
	return merging{run: run, floor: floor, clean: floor}
}

// known is what a list says of the copies of batches up to one, which ends a run.
type known struct {
	upTo    int64
	singles []int64
	merged  []span
}

// ownCopies are what this process itself has written, as lines of a merged manifest, as long as they are small.
type ownCopies struct {
	lines map[int64][]byte
	size  int
}

func (o *ownCopies) note(batch int64, files []File) {
	line, err := json.Marshal(entries{batch, files})
	if o.size += len(line); o.lines == nil || o.size > mergedBytes || err != nil {
		o.lines, o.size = map[int64][]byte{}, len(line)
	}
	if err == nil && len(line) <= mergedBytes {
		o.lines[batch] = line
	}
}

func (o *ownCopies) drop(batch int64) {
	o.size -= len(o.lines[batch])
	delete(o.lines, batch)
}

// Merge implements [Merger]: of a run of batches that is complete the single manifests become a merged one, then they are removed.
// A batch reads the copies of a run at most, and removes 100.
func (p *Parquet) Merge(ctx context.Context, batch int64) error {
	m := &p.merging
	if batch < m.rest || batch%max(m.run/mergeSteps, 1) != 0 {
		return nil
	}
	err := p.mergeStep(ctx, batch-batch%m.run)
	if err != nil {
		*m = merging{run: m.run, floor: m.floor, clean: m.floor, rest: batch + m.run, own: m.own}
		var conflict *ConflictError
		if !errors.As(err, &conflict) {
			err = fmt.Errorf("sink %s: merge manifests: %w", p.sink, err)
		}
	}
	return err
}

func (p *Parquet) mergeStep(ctx context.Context, end int64) error {
	if len(p.merging.gone) == 0 {
		r, err := p.oldestCopies(ctx, end)
		if err != nil || r == nil {
			return err
		}
		if err := failpoint.Hit(failpoint.ParquetMergeRead); err != nil {
			return err
		}
		if again := r.covered(); len(again) > 0 {
			err = p.compareCopies(ctx, r, again)
		} else {
			err = p.mergeCopies(ctx, r)
		}
		if err != nil {
			return err
		}
	}
	return p.removeCopies(ctx)
}

// copiesOf are the manifests there are of a run.
type copiesOf struct {
	run     span
	singles []int64
	merged  []span
}

// covered are the first single copies that are in the span of a merged one, because a driver died before it had removed them, or one
// that was paused has written them once more.
func (r *copiesOf) covered() (out []int64) {
	for _, batch := range r.singles {
		if len(out) < removedAtATime && slices.ContainsFunc(r.merged, func(s span) bool { return s.holds(batch) }) {
			out = append(out, batch)
		}
	}
	return out
}

// gap is the batches from the first single copy on, back to the merged one before it and on to the next one, or all of the run. None
// of the singles is in a merged one.
func (r *copiesOf) gap() (span, []int64) {
	g := r.run
	for _, s := range r.merged {
		if s.last < r.singles[0] {
			g.first = max(g.first, s.last+1)
		} else {
			g.last = min(g.last, s.first-1)
		}
	}
	return g, slices.DeleteFunc(slices.Clone(r.singles), func(batch int64) bool { return !g.holds(batch) })
}

// oldestCopies are the manifests of the first run up to end that has single ones; nil: there is none.
func (p *Parquet) oldestCopies(ctx context.Context, end int64) (*copiesOf, error) {
	m := &p.merging
	for m.clean < end {
		if m.known.upTo <= m.clean {
			if err := p.listCopies(ctx, end); err != nil {
				return nil, err
			}
		}
		k := &m.known
		if len(k.singles) == 0 {
			m.clean = k.upTo
			continue
		}
		run := span{last: (k.singles[0] + m.run - 1) / m.run * m.run}
		run.first = run.last - m.run + 1
		m.clean = run.first - 1
		return &copiesOf{run,
			slices.DeleteFunc(slices.Clone(k.singles), func(batch int64) bool { return !run.holds(batch) }),
			slices.DeleteFunc(slices.Clone(k.merged), func(s span) bool { return s.last < run.first || s.first > run.last })}, nil
	}
	return nil, nil
}

// listCopies lists manifests behind those of which nothing is to be done: in an object store those of a few runs, else all.
func (p *Parquet) listCopies(ctx context.Context, end int64) error {
	m := &p.merging
	k := known{upTo: end}
	var names []string
	var err error
	if objects, ok := p.store.(store.Objects); ok {
		most := int(2 * m.run)
		names, err = objects.ListAfter(ctx, manifestPrefix, manifestName(m.clean), most)
		if len(names) == most && names[most-1] != markName { // behind which there is none
			k.limit(newestIn(names[most-1]), m.run)
		}
	} else {
		names, err = p.store.List(ctx, manifestPrefix)
	}
	if err != nil {
		return err
	}
	for _, name := range names {
		if s, ok := mergedSpan(name); ok && s.last > m.clean && s.last <= k.upTo {
			k.merged = append(k.merged, s)
		} else if batch := manifestBatch(name); !ok && batch > m.clean && batch <= k.upTo {
			k.singles = append(k.singles, batch)
		}
	}
	slices.Sort(k.singles)
	if len(k.singles) > knownCopies {
		k.limit(k.singles[knownCopies], m.run)
		k.singles = slices.DeleteFunc(k.singles[:knownCopies:knownCopies], func(batch int64) bool { return batch > k.upTo })
		k.singles = slices.Clip(slices.Clone(k.singles))
	}
	if k.upTo <= m.clean {
		return fmt.Errorf("there are too many manifests between batch %d and batch %d", m.clean+1, m.clean+m.run)
	}
	m.known = k
	return nil
}

// limit leaves out the run of a batch, and what is behind it.
func (k *known) limit(batch, run int64) { k.upTo = min(k.upTo, (batch-1)/run*run) }

// compareCopies makes sure that single manifests are in merged ones, and those durable.
func (p *Parquet) compareCopies(ctx context.Context, r *copiesOf, batches []int64) error {
	c := &copies{of: map[int64]copied{}}
	for _, s := range r.merged {
		if !slices.ContainsFunc(batches, s.holds) {
			continue
		}
		data, err := p.store.Get(ctx, s.name())
		if err != nil {
			return err
		}
		// Whoever created it may have died before it was durable: the store makes it so when it finds the name taken.
		if err := store.PutBytes(ctx, p.store, s.name(), data); err != nil && !errors.Is(err, store.ErrExists) {
			return err
		}
		c.add(s.name(), data, s.last)
	}
	names := singleNames(batches)
	data, err := getAll(ctx, p.store, names)
	if err != nil {
		return err
	}
	for i, name := range names {
		if _, in := c.of[batches[i]]; !in && c.err() == nil {
			return p.conflict(name, fmt.Sprintf("is of a batch that %s does not have: restore the one that was changed from a copy", p.at(r.mergedOf(batches[i]).name())))
		}
		c.add(name, data[i], batches[i])
	}
	if len(c.bad) > 0 {
		return p.conflict(c.bad[0].name, c.bad[0].msg)
	}
	p.merging.gone = batches
	return nil
}

func (r *copiesOf) mergedOf(batch int64) span {
	return r.merged[slices.IndexFunc(r.merged, func(s span) bool { return s.holds(batch) })]
}

func singleNames(batches []int64) []string {
	names := make([]string, len(batches))
	for i, batch := range batches {
		names[i] = manifestName(batch)
	}
	return names
}

// mergeCopies writes a merged manifest. What is in it depends on the single ones alone, so that it is the same whoever writes it.
func (p *Parquet) mergeCopies(ctx context.Context, r *copiesOf) error {
	s, batches := r.gap()
	lines, err := p.linesOf(ctx, batches)
	if err != nil {
		return err
	}
	if len(lines) < len(batches) {
		s.last = batches[len(lines)-1]
	}
	data, err := encodeMerged(p.owner, s, lines)
	if err != nil {
		return err
	}
	if err := p.leads(); err != nil {
		return err
	}
	if err := p.putMark(ctx); err != nil {
		return err
	}
	if err := failpoint.Hit(failpoint.ParquetMerge); err != nil {
		return err
	}
	err = store.PutBytes(ctx, p.store, s.name(), data)
	if errors.Is(err, store.ErrExists) {
		err = p.sameMerged(ctx, s, data)
	}
	if err != nil {
		return err
	}
	p.merging.known.merged = append(p.merging.known.merged, s)
	p.merging.gone = batches[:len(lines)]
	return nil
}

// linesOf reads single manifests, as lines of a merged one, until that is large enough.
func (p *Parquet) linesOf(ctx context.Context, batches []int64) (lines [][]byte, err error) {
	size := 0
	for chunk := range slices.Chunk(batches, copiesAtATime) {
		read, err := p.readLines(ctx, chunk)
		if err != nil {
			return nil, err
		}
		for _, line := range read {
			if lines, size = append(lines, line), size+len(line); size >= mergedBytes {
				return lines, nil
			}
		}
	}
	return lines, nil
}

func (p *Parquet) readLines(ctx context.Context, batches []int64) ([][]byte, error) {
	own := p.merging.own.lines
	others := slices.DeleteFunc(slices.Clone(batches), func(batch int64) bool { return own[batch] != nil })
	data, err := getAll(ctx, p.store, singleNames(others))
	if err != nil {
		return nil, err
	}
	out := make([][]byte, len(batches))
	for i, batch := range batches {
		if out[i] = own[batch]; out[i] != nil {
			continue
		}
		if out[i], err = p.lineOf(batch, data[0]); err != nil {
			return nil, err
		}
		data = data[1:]
	}
	return out, nil
}

// lineOf is what a single manifest becomes in a merged one.
func (p *Parquet) lineOf(batch int64, data []byte) ([]byte, error) {
	m, err := p.decodeManifest(manifestName(batch), data)
	if err != nil {
		return nil, err
	}
	if m.Format != formatVersion || m.Owner != p.owner || m.Batch != batch {
		return nil, p.conflict(manifestName(batch), fmt.Sprintf("is not the manifest that this job wrote for batch %d: restore it from a copy", batch))
	}
	return json.Marshal(entries{batch, m.Files})
}

// putMark has version 1 stop at the directory, before anything is gone that it would look for.
func (p *Parquet) putMark(ctx context.Context) error {
	data, err := json.Marshal(formatMark{mergedVersion, p.owner, markBatch, markText})
	if err != nil {
		return err
	}
	if err := failpoint.Hit(failpoint.ParquetMergeMark); err != nil {
		return err
	}
	err = store.PutBytes(ctx, p.store, markName, append(data, '\n'))
	if errors.Is(err, store.ErrExists) {
		return p.checkMark(ctx)
	}
	return err
}

func (p *Parquet) checkMark(ctx context.Context) error {
	data, err := p.store.Get(ctx, markName)
	if err != nil {
		return fmt.Errorf("sink %s: read %s: %w", p.sink, p.at(markName), err)
	}
	if err := checkMark(data); err != nil {
		return p.conflict(markName, err.Error())
	}
	return nil
}

// sameMerged compares meaning, not bytes.
func (p *Parquet) sameMerged(ctx context.Context, s span, data []byte) error {
	have, err := p.store.Get(ctx, s.name())
	if err != nil || bytes.Equal(have, data) {
		return err
	}
	is, err := decodeMerged(have, s)
	if err != nil {
		return p.conflict(s.name(), err.Error())
	}
	want, err := decodeMerged(data, s)
	if err != nil {
		return err
	}
	for i, e := range want.Batches {
		if i >= len(is.Batches) || is.Owner != p.owner || is.Batches[i].Batch != e.Batch || !slices.Equal(is.Batches[i].Files, e.Files) {
			return p.conflict(s.name(), fmt.Sprintf("lists other files of batch %d than %s: restore the one that was changed from a copy", e.Batch, p.at(manifestName(e.Batch))))
		}
	}
	return nil
}

// removeCopies removes single manifests that are in a merged one, unless a newer driver is there. Whoever is paused in here and wakes
// later removes only what is to be removed.
func (p *Parquet) removeCopies(ctx context.Context) error {
	m := &p.merging
	batches := m.gone[:min(len(m.gone), removedAtATime)]
	if err := failpoint.Hit(failpoint.ParquetMerged); err != nil {
		return err
	}
	if err := p.leads(); err != nil {
		return err
	}
	if err := failpoint.Hit(failpoint.ParquetMergeRemove); err != nil {
		return err
	}
	if err := store.DeleteAll(ctx, p.store, singleNames(batches)); err != nil {
		return err
	}
	for _, batch := range batches {
		m.own.drop(batch)
	}
	m.known.singles = slices.DeleteFunc(m.known.singles, func(batch int64) bool {
		_, gone := slices.BinarySearch(batches, batch)
		return gone
	})
	m.gone = m.gone[len(batches):]
	return nil
}

func (p *Parquet) leads() error {
	if p.lead == nil {
		return nil
	}
	return p.lead()
}
