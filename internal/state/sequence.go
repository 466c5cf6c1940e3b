package state

import (
	"errors"
	"fmt"

	"github.com/millrace/millrace/columnar"
)

// sequence are blocks whose key groups follow on each other, as those of shards do. Their rows are decoded as they are written: of all
// blocks together one chunk at a time, since what a state takes decoded is as much again as it takes itself.
type sequence struct {
	blocks []*opened
	schema *columnar.Schema

	rows         *columnar.Batch // of the chunk at hand; nil: there is none yet
	block, chunk int             // that it is
	before       *columnar.Batch // the last row that was written; nil: none was
}

// errOutOfOrder says that rows within a block are in another order than they are written in.
var errOutOfOrder = errors.New("rows are out of order")

// followOn reports whether all groups of each block are in front of those of the next.
func followOn(blocks []*opened) bool {
	end := 0 // behind the last key group so far
	for _, o := range blocks {
		from := 0
		for o.index[from+1] == 0 {
			from++
		}
		if from < end || o.keys != blocks[0].keys {
			return false
		}
		for end = from + 1; o.index[end] < o.index[keyGroups]; {
			end++
		}
	}
	return true
}

// encode writes one block of all into room, which is empty.
func (s *sequence) encode(room []byte) ([]byte, error) {
	var index [keyGroups + 1]uint32
	for _, o := range s.blocks {
		for g := range index {
			index[g] += o.index[g]
		}
	}
	return assemble(room, s.blocks[0].keys, &index, func(block []byte, from, to int) ([]byte, error) {
		parts, err := s.between(from, to)
		if err != nil {
			return nil, err
		}
		if err := s.check(parts); err != nil {
			return nil, err
		}
		rows, err := Concat(s.schema, parts)
		if err != nil {
			return nil, err
		}
		return columnar.AppendIPC(block, rows, 0, rows.Rows)
	})
}

// check makes sure that the rows are in order, and behind those that were written.
func (s *sequence) check(parts []*columnar.Batch) error {
	all := parts
	if s.before != nil {
		all = append([]*columnar.Batch{s.before}, parts...)
	}
	if _, ok := inOrder(s.blocks[0].keys, all); !ok {
		return errOutOfOrder
	}
	last := parts[len(parts)-1]
	s.before = columnar.Take(last, []int32{int32(last.Rows - 1)})
	return nil
}

// between are the rows from..to−1 of all blocks.
func (s *sequence) between(from, to int) (out []*columnar.Batch, err error) {
	begin := 0
	for i, o := range s.blocks {
		rows := int(o.index[keyGroups])
		for low, high := max(from-begin, 0), min(to-begin, rows); low < high; {
			n := low / chunkRows
			if err := s.decode(i, n); err != nil {
				return nil, fmt.Errorf("block %d: %w", i, err)
			}
			end := min(high, (n+1)*chunkRows)
			part := s.rows
			if end-low < part.Rows {
				part = columnar.Take(part, rowRun(low-n*chunkRows, end-n*chunkRows))
			}
			out, low = append(out, part), end
		}
		begin += rows
	}
	return out, nil
}

// decode has a chunk at hand.
func (s *sequence) decode(block, chunk int) (err error) {
	if s.rows != nil && s.block == block && s.chunk == chunk {
		return nil
	}
	s.block, s.chunk = block, chunk
	if s.rows, err = s.blocks[block].chunk(chunk); err != nil {
		return err
	}
	if s.schema == nil {
		s.schema = s.rows.Schema
	}
	if !s.rows.Schema.Equal(s.schema) {
		return otherColumns(s.rows.Schema, s.schema)
	}
	return nil
}
