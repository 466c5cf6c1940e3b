package state

import (
	"errors"
	"fmt"

	"github.com/millrace/millrace/columnar"
)

// MergeBlocks joins the blocks of the shards of one operator into one: the block that a single shard with all their
// groups would have written. The blocks are checked and not changed; the result may be one of them.
func MergeBlocks(blocks [][]byte) ([]byte, error) {
	if len(blocks) == 0 {
		return nil, errors.New("merge state blocks: there are none")
	}
	var m merger
	whole := blocks[0]
	for i, block := range blocks {
		grown, err := m.add(block)
		if err != nil {
			return nil, fmt.Errorf("merge state blocks: block %d: %w", i, err)
		}
		if grown {
			whole = block
		}
	}
	if m.blocks < 2 {
		return whole, nil
	}
	merged, err := encode(m.parts[0].Schema, m.keys, m.parts)
	if err != nil {
		return nil, fmt.Errorf("merge state blocks: %w", err)
	}
	return merged, nil
}

// merger gathers the groups of blocks that have any.
type merger struct {
	keys   int
	parts  []*columnar.Batch
	blocks int
}

// add reports whether the block had groups.
func (m *merger) add(block []byte) (bool, error) {
	o, err := openBlock(block)
	if err != nil {
		return false, err
	}
	parts, err := o.groups(0, keyGroups-1)
	if err != nil || len(parts) == 0 {
		return false, err
	}
	if m.blocks > 0 && (o.keys != m.keys || !parts[0].Schema.Equal(m.parts[0].Schema)) {
		return false, fmt.Errorf("its columns are (%s), those of another block (%s)", parts[0].Schema, m.parts[0].Schema)
	}
	m.keys, m.parts = o.keys, append(m.parts, parts...)
	m.blocks++
	return true, nil
}
