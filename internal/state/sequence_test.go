package state

import (
	"bytes"
	"errors"
	"testing"

	"github.com/millrace/millrace/columnar"
)

// openAll opens blocks that have groups.
func openAll(t *testing.T, blocks ...[]byte) (out []*opened) {
	t.Helper()
	for _, b := range blocks {
		o, err := openBlock(b)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, o)
	}
	return out
}

// TestSequence: blocks whose key groups follow on each other are joined as they are decoded, to the bytes that sorting all of their rows
// gives; whatever does not follow on is told.
func TestSequence(t *testing.T) {
	whole := threeChunks(t)
	shard := func(from, to uint8) []byte { return snapshot(t, load(t, from, to, whole)) }
	for name, c := range map[string]struct {
		blocks [][]byte
		want   bool
	}{
		"shards":             {[][]byte{shard(0, 0), shard(1, 120), shard(121, 254), shard(255, 255)}, true},
		"one":                {[][]byte{whole}, true},
		"backwards":          {[][]byte{shard(121, 255), shard(0, 120)}, false},
		"a key group shared": {[][]byte{shard(0, 120), shard(120, 255)}, false},
	} {
		blocks := openAll(t, c.blocks...)
		if got := followOn(blocks); got != c.want {
			t.Errorf("%s: follow on: %t", name, got)
		}
		if !c.want {
			continue
		}
		if got, err := (&sequence{blocks: blocks}).encode(nil); err != nil || !bytes.Equal(got, whole) {
			t.Errorf("%s: %d bytes, %v, want the %d of one shard", name, len(got), err, len(whole))
		}
	}
}

// TestMergeBlocksInto: blocks are joined in the room that is given; where it is too small the rest of memory is taken.
func TestMergeBlocksInto(t *testing.T) {
	whole := threeChunks(t)
	shards := [][]byte{snapshot(t, load(t, 0, 120, whole)), snapshot(t, load(t, 121, 255, whole))}
	for _, bytesOf := range []int{0, 1000, len(whole) / 2, len(whole), len(shards[0]) + len(shards[1]) + len(whole)/16} {
		room := make([]byte, bytesOf)
		got, err := MergeBlocksInto(room[:0], shards)
		if err != nil || !bytes.Equal(got, whole) {
			t.Errorf("room for %d bytes: %d bytes, %v, want the %d of one shard", bytesOf, len(got), err, len(whole))
		}
		if inRoom := bytesOf > 0 && &got[0] == &room[0]; inRoom != (bytesOf > len(whole)) {
			t.Errorf("room for %d bytes of %d: joined there: %t", bytesOf, len(whole), inRoom)
		}
	}
}

// TestSequenceOutOfOrder: rows of a key group that are not sorted are found, also where a chunk ends between them, and sorted.
func TestSequenceOutOfOrder(t *testing.T) {
	whole := threeChunks(t)
	shard := func(from, to uint8) []byte { return snapshot(t, load(t, from, to, whole)) }
	layers, err := openAll(t, shard(0, 200))[0].groups(0, keyGroups-1)
	if err != nil {
		t.Fatal(err)
	}
	var parts []*columnar.Batch
	for _, l := range layers {
		parts = append(parts, l.rows)
	}
	keys, all := openAll(t, whole)[0].keys, columnar.Concat(parts)
	for _, swap := range [][2]int{{0, 1}, {chunkRows - 1, chunkRows}, {all.Rows - 2, all.Rows - 1}} {
		f := fileRows(all, columnar.KeyGroups(all, firstColumns(keys)[1:], nil))
		a, b := &f.rows[swap[0]], &f.rows[swap[1]]
		*a, *b = *b, *a
		mixed, err := f.block(keys)
		if err != nil {
			t.Fatal(err)
		}
		in := [][]byte{mixed, shard(201, 255)}
		if _, err := (&sequence{blocks: openAll(t, in...)}).encode(nil); !errors.Is(err, errOutOfOrder) {
			t.Errorf("rows %v are in each other's place: %v", swap, err)
		}
		if got, err := MergeBlocks(in); err != nil || !bytes.Equal(got, whole) {
			t.Errorf("rows %v are in each other's place: %d bytes, %v, want the %d of one shard", swap, len(got), err, len(whole))
		}
	}
}
