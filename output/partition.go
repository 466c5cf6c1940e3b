package output

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/millrace/millrace/columnar"
)

// PartitionLimitError says that a batch would make more partition directories than allowed. The data alone decides
// it, before anything of the batch is visible.
type PartitionLimitError struct {
	Sink        string
	Column      string // the partition column with the most values
	Values      int    // how many those are
	Directories int    // of the whole batch, over all shards
	Limit       int    // ParquetConfig.MaxPartitions
}

func (e *PartitionLimitError) Error() string {
	return fmt.Sprintf("sink %s: a batch needs %d partition directories, max_partitions is %d; column %q has %d values: partition by something coarser, or raise max_partitions",
		e.Sink, e.Directories, e.Limit, e.Column, e.Values)
}

// group is the rows of one file, before it is cut into parts.
type group struct {
	shard int
	dir   string // "" or "dt=2026-11-22/hour=3/"
	rows  runs
}

// partitioner sorts the rows of a batch by directory.
type partitioner struct {
	sink     string
	layout   Layout
	programs []*columnar.Program // one for each level
	all      selector
}

func newPartitioner(sink string, l Layout) (*partitioner, error) {
	p := &partitioner{sink: sink, layout: l}
	for _, e := range l.Partitions {
		prog, err := columnar.Compile(e.Expr, l.Schema)
		if err != nil {
			return nil, fmt.Errorf("partition column %q: %w", e.Name, err)
		}
		p.programs = append(p.programs, prog)
	}
	return p, nil
}

// groups returns the rows of each shard and directory in their order, sorted by shard and directory. It counts
// directories over all shards; more than limit are a [PartitionLimitError].
func (p *partitioner) groups(shards []Shard, limit int) ([]group, error) {
	tree := newDirTree(p.sink, p.layout.Partitions)
	placed := make([][]placement, len(shards))
	for i, s := range shards {
		var err error
		if placed[i], err = p.place(tree, s.Rows); err != nil {
			return nil, err
		}
	}
	if tree.count() > limit {
		return nil, tree.limitError(limit)
	}
	var out []group
	paths := tree.paths()
	for i, s := range shards {
		out = appendGroups(out, s.ID, paths, placed[i])
	}
	return out, nil
}

// placement is the rows of one batch and the directory of each.
type placement struct {
	run
	dirs []int32
}

func (p *partitioner) place(tree *dirTree, batches []*columnar.Batch) ([]placement, error) {
	var out []placement
	for _, b := range batches {
		sel := p.all.of(b)
		if len(sel) == 0 {
			continue
		}
		dirs, err := p.dirs(tree, b, sel)
		if err != nil {
			return nil, err
		}
		out = append(out, placement{run{b, sel}, dirs})
	}
	return out, nil
}

// dirs returns the directory of each selected row.
func (p *partitioner) dirs(tree *dirTree, b *columnar.Batch, sel []int32) ([]int32, error) {
	dirs := make([]int32, len(sel))
	for i, prog := range p.programs {
		v, err := prog.Eval(b)
		if err != nil {
			return nil, fmt.Errorf("sink %s: partition column %q: %w", p.sink, p.layout.Partitions[i].Name, locate(err, b))
		}
		if err := tree.levels[i].descend(dirs, v, sel); err != nil {
			return nil, err
		}
	}
	return dirs, nil
}

func locate(err error, b *columnar.Batch) error {
	var row *columnar.RowError
	if errors.As(err, &row) {
		return row.Locate(b)
	}
	return err
}

// appendGroups appends the directories that have rows in the shard, sorted by name.
func appendGroups(out []group, shard int, paths []string, placed []placement) []group {
	byDir := make([]runs, len(paths))
	for _, p := range placed {
		p.scatter(byDir)
	}
	first := len(out)
	for d, rows := range byDir {
		if len(rows) > 0 {
			out = append(out, group{shard, paths[d], rows})
		}
	}
	slices.SortFunc(out[first:], func(a, b group) int { return strings.Compare(a.dir, b.dir) })
	return out
}

// scatter appends the rows to the runs of their directories: a counting sort, which keeps their order.
func (p placement) scatter(byDir []runs) {
	if len(byDir) == 1 {
		byDir[0] = append(byDir[0], p.run)
		return
	}
	ends := make([]int32, len(byDir))
	for _, d := range p.dirs {
		ends[d]++
	}
	for d := 1; d < len(ends); d++ {
		ends[d] += ends[d-1]
	}
	rows := make([]int32, len(p.sel))
	for i := len(p.sel) - 1; i >= 0; i-- {
		d := p.dirs[i]
		ends[d]--
		rows[ends[d]] = p.sel[i]
	}
	// Now ends[d] is where directory d begins.
	for d, from := range ends {
		until := int32(len(rows))
		if d+1 < len(ends) {
			until = ends[d+1]
		}
		if from < until {
			byDir[d] = append(byDir[d], run{p.batch, rows[from:until]})
		}
	}
}
