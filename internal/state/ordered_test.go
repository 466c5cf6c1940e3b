package state

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/millrace/millrace/columnar"
)

// threeChunks is the block of a table of so many groups, of three namespaces.
func threeChunks(t *testing.T) []byte {
	t.Helper()
	rows := make([]row, 2*chunkRows+7000)
	for i := range rows {
		name := fmt.Sprint(i)
		rows[i] = row{name: &name, window: int64(10 * (i % 3))}
	}
	table := NewTable(testShape())
	mergeRows(t, table, rows)
	return snapshot(t, table)
}

// TestMergeInOrder: the blocks of shards, of many chunks, are joined a chunk at a time to the block of one shard; in another order
// they are joined all the same, and what is there twice is refused.
func TestMergeInOrder(t *testing.T) {
	whole := threeChunks(t)
	shard := func(from, to uint8) []byte { return snapshot(t, load(t, from, to, whole)) }
	blocks := [][]byte{shard(0, 30), shard(31, 31), shard(32, 200), shard(201, 255)}
	var parts []*columnar.Batch
	keys := 0
	for _, b := range blocks {
		o, err := openBlock(b)
		if err != nil {
			t.Fatal(err)
		}
		of, err := o.groups(0, 255)
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range of {
			parts = append(parts, l.rows)
		}
		keys = o.keys
	}
	if _, ok := inOrder(keys, parts); !ok || len(parts) < 5 {
		t.Errorf("%d parts are not in order", len(parts))
	}
	for name, order := range map[string][]int{"in order": {0, 1, 2, 3}, "mixed": {2, 0, 3, 1}} {
		var in [][]byte
		for _, i := range order {
			in = append(in, blocks[i])
		}
		got, err := MergeBlocks(in)
		if err != nil || !bytes.Equal(got, whole) {
			t.Errorf("%s: %d bytes, %v, want the %d of one shard", name, len(got), err, len(whole))
		}
	}
	for _, twice := range [][][]byte{{blocks[0], blocks[0], blocks[3]}, {blocks[1], blocks[1]}} { // the second is of one key group alone
		if _, err := MergeBlocks(twice); err == nil {
			t.Error("groups that are there twice were taken")
		}
	}
}
