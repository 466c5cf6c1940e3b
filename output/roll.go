package output

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/internal/failpoint"
	"github.com/millrace/millrace/offsets"
)

// How many pieces of rows are pending behind a batch at most, so that the log can list them; part of the format. Of more, those
// directories get their files first whose rows have waited longest.
const (
	pendingMost     = 20_000
	pendingDirBytes = 128 // of a directory's name, for which it counts as one more piece
)

// roller decides which rows of a batch, and of those that were pending, go into files now. What it decides depends on
// rows, their estimated sizes and plan times only.
type roller struct {
	p       *Parquet
	info    BatchInfo
	pending *Pending
	encoder *encoder // of the columns of files
	groups  []*rollGroup
	blocks  map[int64]*loadedBlock // by batch
}

// rollGroup is a directory and shard.
type rollGroup struct {
	PendingGroup
	old      []oldRows
	oldRows  int64
	oldBytes int64
	since    int64 // plan time of the first of its rows
	rows     runs  // of the batch, with the columns of files
	ends     []int // of rows: where files end
	rest     int64 // rows behind the last end
	restSize int64 // and their estimated size
	all      bool  // those are put into a file too
}

// oldRows is a piece of rows of an earlier batch.
type oldRows struct {
	batch *PendingBatch
	piece *PendingPiece
}

type loadedBlock struct {
	data []byte
	head pendingHead
}

// rolls reports whether files of a batch may have rows of earlier ones, or its rows be left to later ones.
func (p *Parquet) rolls(pending *Pending) bool {
	return p.maxAge > 0 || pending != nil && len(pending.Batches) > 0
}

// roll is Prepare behind the partitions, for files that are rolled over batches.
func (p *Parquet) roll(ctx context.Context, b *parquetBatch, groups []group, pending *Pending) error {
	encoder, err := p.rollEncoder()
	if err != nil {
		return fmt.Errorf("sink %s: %w", p.sink, err)
	}
	if pending == nil {
		pending = &Pending{}
	}
	r := &roller{p: p, info: b.out.Info, pending: pending, encoder: encoder, blocks: map[int64]*loadedBlock{}}
	r.collect(groups)
	for _, g := range r.groups {
		g.decide(p.fileLimit(&r.info), p.columnsOfFiles(), r.info, p.maxAge)
	}
	r.bound()
	if err := r.load(ctx); err != nil {
		return fmt.Errorf("sink %s: %w", p.sink, err)
	}
	return r.write(ctx, b)
}

// rollEncoder encodes batches that have the columns of files and no others: pending rows have no others.
func (p *Parquet) rollEncoder() (*encoder, error) {
	if p.rolled == nil {
		file := p.layout.File()
		e, err := newEncoder(Layout{Schema: file, Columns: ramp(len(file.Fields))}, p.compression)
		if err != nil {
			return nil, err
		}
		e.each, p.rolled = p.encoder.each, e
	}
	return p.rolled, nil
}

func (p *Parquet) columnsOfFiles() []int { return ramp(len(p.columns)) }

func ramp(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

// collect brings together what is pending and what the batch has, by shard, then directory.
func (r *roller) collect(groups []group) {
	known := map[PendingGroup]*rollGroup{}
	of := func(key PendingGroup, since int64) *rollGroup {
		g := known[key]
		if g == nil {
			g = &rollGroup{PendingGroup: key, since: since}
			known[key] = g
			r.groups = append(r.groups, g)
		}
		return g
	}
	for i := range r.pending.Batches {
		b := &r.pending.Batches[i]
		for j := range b.Pieces {
			piece := &b.Pieces[j]
			g := of(piece.group(), b.At)
			g.old, g.oldRows, g.oldBytes = append(g.old, oldRows{b, piece}), g.oldRows+piece.Rows, g.oldBytes+piece.Bytes
		}
	}
	projected := map[*columnar.Batch]*columnar.Batch{}
	for _, n := range groups {
		of(PendingGroup{n.dir, n.shard}, r.info.PlanTime).rows = r.project(n.rows, projected)
	}
	slices.SortFunc(r.groups, func(a, b *rollGroup) int { return cmp.Or(cmp.Compare(a.Shard, b.Shard), cmp.Compare(a.Dir, b.Dir)) })
}

// project leaves of rows the columns of files.
func (r *roller) project(rows runs, done map[*columnar.Batch]*columnar.Batch) runs {
	out := make(runs, len(rows))
	for i, x := range rows {
		b := done[x.batch]
		if b == nil {
			b = &columnar.Batch{Schema: r.encoder.schema, Rows: x.batch.Rows}
			for _, c := range r.p.columns {
				b.Cols = append(b.Cols, x.batch.Cols[c])
			}
			done[x.batch] = b
		}
		out[i] = run{b, x.sel}
	}
	return out
}

// decide says where files end. One that has waited for maxAge takes what the batch has and is closed, as all are where
// the batch says so.
func (g *rollGroup) decide(limit fileLimit, columns []int, info BatchInfo, maxAge time.Duration) {
	g.ends, g.rest, g.restSize = limit.ends(g.rows, columns, g.oldRows, g.oldBytes)
	g.all = info.Roll || maxAge <= 0 || len(g.old) > 0 && due(g.since, maxAge, info.PlanTime)
}

// files is how many files the group gets.
func (g *rollGroup) files() int {
	n := len(g.ends)
	if g.all && (g.rest > 0 || n == 0 && len(g.old) > 0) {
		n++
	}
	return n
}

// pieces is how many pieces of the group are pending behind the batch, as they count for pendingMost.
func (g *rollGroup) pieces() int {
	n := 0
	if len(g.ends) == 0 {
		n = len(g.old)
	}
	if g.rest > 0 {
		n++
	}
	if g.all {
		return 0
	}
	return n * (1 + len(g.Dir)/pendingDirBytes)
}

// first is the batch of the first rows of the group's next file.
func (g *rollGroup) first(info BatchInfo) int64 {
	if len(g.old) > 0 {
		return g.old[0].batch.Batch
	}
	return info.Batch
}

// bound closes the files of directories whose rows have waited longest until what is pending can be listed.
func (r *roller) bound() {
	n := 0
	for _, g := range r.groups {
		n += g.pieces()
	}
	if n <= pendingMost {
		return
	}
	oldest := slices.Clone(r.groups)
	slices.SortStableFunc(oldest, func(a, b *rollGroup) int { return cmp.Compare(a.since, b.since) })
	for _, g := range oldest {
		if n <= pendingMost {
			return
		}
		n -= g.pieces()
		g.all = true
	}
}

// load reads the blocks that files need.
func (r *roller) load(ctx context.Context) error {
	for _, g := range r.groups {
		if g.files() == 0 {
			continue
		}
		for _, o := range g.old {
			if err := r.loadBlock(ctx, o.batch); err != nil {
				return err
			}
		}
	}
	return nil
}

func (r *roller) loadBlock(ctx context.Context, b *PendingBatch) error {
	if _, loaded := r.blocks[b.Batch]; loaded {
		return nil
	}
	err := failpoint.Hit(failpoint.PendingLoad)
	var data []byte
	if err == nil {
		data, err = r.pending.Load(ctx, b)
	}
	if errors.Is(err, ErrPendingGone) {
		r.blocks[b.Batch] = nil
		return nil
	}
	var head pendingHead
	if err == nil {
		head, err = readPendingHead(data)
	}
	if err == nil {
		data, err = r.info.keep(data)
	}
	if err != nil {
		return fmt.Errorf("read pending rows of batch %d: %w", b.Batch, err)
	}
	r.blocks[b.Batch] = &loadedBlock{data, head}
	return nil
}

// write encodes the files, and what is left.
func (r *roller) write(ctx context.Context, b *parquetBatch) error {
	change := &PendingChange{Before: PendingRows(r.pending.Batches)}
	block, err := newPendingBlock(r.info)
	if err != nil {
		return fmt.Errorf("sink %s: %w", r.p.sink, err)
	}
	added := &PendingBatch{Batch: r.info.Batch, At: r.info.PlanTime}
	for _, g := range r.groups {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := r.writeFiles(b, g); err != nil {
			return err
		}
		if g.files() > 0 && len(g.old) > 0 {
			change.Rolled = append(change.Rolled, g.PendingGroup)
		}
		if g.all || g.rest == 0 {
			continue
		}
		piece := PendingPiece{Dir: g.Dir, Shard: g.Shard, Rows: g.rest, Bytes: g.restSize}
		_, rest := g.rows.cut(g.lastEnd())
		if piece.Offset, piece.Length, err = block.add(rest); err != nil {
			return fmt.Errorf("sink %s: encode pending rows: %w", r.p.sink, err)
		}
		added.Pieces = append(added.Pieces, piece)
	}
	if len(added.Pieces) > 0 {
		change.Added, b.out.Block = added, block.data
	}
	change.After = PendingRows(change.Apply(r.pending.Batches))
	b.out.Pending = change
	return nil
}

func (g *rollGroup) lastEnd() int {
	if len(g.ends) == 0 {
		return 0
	}
	return g.ends[len(g.ends)-1]
}

// writeFiles encodes the files of a group.
func (r *roller) writeFiles(b *parquetBatch, g *rollGroup) error {
	n, from, rest := g.files(), 0, g.rows
	for i := range n {
		rows := rest
		if i < len(g.ends) {
			rows, rest = rest.cut(g.ends[i] - from)
			from = g.ends[i]
		}
		part := 0
		if n > 1 {
			part = i + 1
		}
		var old []oldRows
		if i == 0 {
			old = g.old
		}
		if err := r.writeFile(b, g.Dir+fileName(r.info, g.first(r.info), g.Shard, part), old, rows); err != nil {
			return err
		}
	}
	return nil
}

// writeFile encodes one file: old rows, then those of the batch.
func (r *roller) writeFile(b *parquetBatch, name string, old []oldRows, rows runs) error {
	all, ranges, first, whole := runs{}, slices.Clone(r.info.Ranges), r.info.Batch, true
	n := int64(rows.rows())
	for _, o := range old {
		n += o.piece.Rows
		block := r.blocks[o.batch.Batch]
		if block == nil {
			whole = false
			continue
		}
		batch, err := readPending(block.data, o.piece)
		if err != nil {
			return fmt.Errorf("sink %s: pending rows of batch %d: %w", r.p.sink, o.batch.Batch, err)
		}
		if differ := sameColumns(batch.Schema, r.encoder.schema); differ != nil {
			return r.p.conflict(name, fmt.Sprintf("cannot be made: %d rows of batch %d wait for it, and %v: run the job with the columns of then until it ends", o.piece.Rows, o.batch.Batch, differ))
		}
		all = append(all, run{batch, r.p.partitions.all.of(batch)})
		ranges, first = coverRanges(ranges, block.head.Ranges), min(first, o.batch.Batch)
	}
	if !whole {
		b.out.Unmade = append(b.out.Unmade, File{Path: name, Rows: n})
		return nil
	}
	footer := b.footer
	if first < r.info.Batch {
		var err error
		if footer, err = footerOf(r.info, first, ranges); err != nil {
			return fmt.Errorf("sink %s: %w", r.p.sink, err)
		}
	}
	return b.file(r.encoder, footer, name, append(all, rows...))
}

// coverRanges widens ranges so that they hold those of an earlier batch.
func coverRanges(ranges, earlier []offsets.Range) []offsets.Range {
	for _, e := range earlier {
		i := slices.IndexFunc(ranges, func(r offsets.Range) bool {
			return r.Source == e.Source && r.Topic == e.Topic && r.TopicID == e.TopicID && r.Partition == e.Partition
		})
		if i < 0 {
			ranges = append(ranges, e)
			continue
		}
		ranges[i].From = min(ranges[i].From, e.From)
		ranges[i].Until = max(ranges[i].Until, e.Until)
	}
	return ranges
}
