package state

import (
	"errors"
	"fmt"

	"github.com/millrace/millrace/columnar"
)

// MergeBlocks joins the blocks of the shards of one operator into one: the block that a single shard with all their
// groups would have written. The blocks are not changed; the result may be one of them: then its frame alone is checked.
func MergeBlocks(blocks [][]byte) ([]byte, error) { return MergeBlocksInto(nil, blocks) }

// MergeBlocksInto is [MergeBlocks], and joins the blocks of shards in room, which is empty, as far as that goes.
func MergeBlocksInto(room []byte, blocks [][]byte) ([]byte, error) {
	if len(blocks) == 0 {
		return nil, errors.New("merge state blocks: there are none")
	}
	whole := blocks[0]
	var held []*opened // those with groups
	for i, block := range blocks {
		o, err := openBlock(block)
		if err != nil {
			return nil, fmt.Errorf("merge state blocks: block %d: %w", i, err)
		}
		if len(o.chunks) > 0 {
			whole, held = block, append(held, o)
		}
	}
	if len(held) < 2 {
		return whole, nil
	}
	merged, err := merge(room, held)
	if err != nil {
		return nil, fmt.Errorf("merge state blocks: %w", err)
	}
	return merged, nil
}

// merge joins blocks that have groups, in room as far as it goes. Those of shards follow on each other; others are decoded as a whole, and sorted.
func merge(room []byte, blocks []*opened) ([]byte, error) {
	if followOn(blocks) {
		merged, err := (&sequence{blocks: blocks}).encode(room)
		if !errors.Is(err, errOutOfOrder) {
			return merged, err
		}
	}
	return mergeAny(blocks)
}

func mergeAny(blocks []*opened) ([]byte, error) {
	var parts []*columnar.Batch
	for i, o := range blocks {
		layers, err := o.groups(0, keyGroups-1)
		if err != nil {
			return nil, fmt.Errorf("block %d: %w", i, err)
		}
		if schema := layers[0].rows.Schema; i > 0 && (o.keys != blocks[0].keys || !schema.Equal(parts[0].Schema)) {
			return nil, otherColumns(schema, parts[0].Schema)
		}
		for _, l := range layers {
			parts = append(parts, l.rows)
		}
	}
	return encode(parts[0].Schema, blocks[0].keys, parts)
}

func otherColumns(schema, first *columnar.Schema) error {
	return fmt.Errorf("the columns of a block are (%s), those of another (%s)", schema, first)
}
