package state

import (
	"bytes"
	"slices"
	"testing"
)

// TestOpenBlock decodes a block of several chunks, in any order, and loads shards out of it: together they hold what the block does.
// An error of any chunk is told.
func TestOpenBlock(t *testing.T) {
	whole := threeChunks(t)
	backwards := func(n int, f func(i int) error) error {
		for i := n - 1; i >= 0; i-- {
			if err := f(i); err != nil {
				return err
			}
		}
		return nil
	}
	opened, err := OpenBlock(bytes.Clone(whole), backwards)
	if err != nil || len(opened.rows) != 3 {
		t.Fatalf("%d chunks, %v", len(opened.rows), err)
	}
	var shards [][]byte
	for _, groups := range [][2]uint8{{0, 99}, {100, 100}, {101, 255}} {
		l := NewLoader(testShape())
		if err := l.LoadBlock(opened, groups[0], groups[1]); err != nil {
			t.Fatal(err)
		}
		loaded, err := l.Table(backwards)
		if err != nil {
			t.Fatal(err)
		}
		shards = append(shards, snapshot(t, loaded))
	}
	if got, err := MergeBlocks(shards); err != nil || !bytes.Equal(got, whole) {
		t.Errorf("%d bytes in three shards, %v, want the %d of the block", len(got), err, len(whole))
	}
	o, err := openBlock(whole)
	if err != nil {
		t.Fatal(err)
	}
	for i, chunk := range o.chunks {
		damaged := slices.Clone(whole)
		at := bytes.Index(whole, chunk)
		clear(damaged[at : at+1000])
		seal(damaged)
		if _, err := OpenBlock(damaged, backwards); err == nil {
			t.Errorf("chunk %d is damaged, and no error says so", i)
		}
	}
}
