package state

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"

	"github.com/millrace/millrace/columnar"
)

// The block format, version 1: docs/formats/state.md. These values stand in checkpoints and must never change.
const (
	magic     = "MRBLK\x00"
	version   = 1
	keyGroups = columnar.KeyGroupCount // 256
	chunkRows = 65536                  // rows in every chunk but the last
	alignment = 8                      // of chunks, with zero bytes between them

	versionAt  = 6
	checksumAt = 8                         // CRC32C of everything behind it
	keysAt     = 12                        // number of key columns
	chunksAt   = 16                        // number of chunks
	indexAt    = 20                        // first row of every key group, then the number of rows
	lengthsAt  = indexAt + 4*(keyGroups+1) // length of every chunk

	maxRows = 1<<31 - 1 // row numbers are signed in memory
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// encode writes partial groups as a block: by key group, then by all keys. The first of the keys is the namespace.
func encode(schema *columnar.Schema, keys int, parts []*columnar.Batch) ([]byte, error) {
	if len(parts) > 1 {
		if o, ok := inOrder(keys, parts); ok {
			return o.block(keys)
		}
	}
	all, err := Concat(schema, parts)
	if err != nil {
		return nil, err
	}
	filed := fileRows(all, columnar.KeyGroups(all, firstColumns(keys)[1:], nil))
	filed.sort(keys)
	if err := filed.checkDistinct(keys); err != nil {
		return nil, err
	}
	return filed.block(keys)
}

// filed are groups in the order of a block.
type filed struct {
	batch *columnar.Batch
	index [keyGroups + 1]uint32 // the first row of every key group, and at the end the number of rows
	rows  []int32               // rows of batch in order
}

// fileRows files the rows of b under their key groups; there they keep their order.
func fileRows(b *columnar.Batch, groups []uint8) filed {
	f := filed{batch: b, index: countGroups(groups), rows: make([]int32, len(groups))}
	next := f.index
	for row, g := range groups {
		f.rows[next[g]] = int32(row)
		next[g]++
	}
	return f
}

// sort orders the rows of each key group by their keys.
func (f filed) sort(keys int) {
	for g := range keyGroups {
		group := *f.batch
		group.Sel = f.rows[f.index[g]:f.index[g+1]]
		if len(group.Sel) > 1 {
			copy(group.Sel, columnar.SortRows(&group, firstColumns(keys)))
		}
	}
}

func countGroups(groups []uint8) [keyGroups + 1]uint32 {
	var index [keyGroups + 1]uint32
	for _, g := range groups {
		index[int(g)+1]++
	}
	for g := range keyGroups {
		index[g+1] += index[g]
	}
	return index
}

// checkDistinct is the invariant that a group is held once: two shards with the same key would double its rows.
func (f filed) checkDistinct(keys int) error {
	compare := columnar.CompareRows(f.batch, firstColumns(keys))
	for i := 1; i < len(f.rows); i++ {
		if compare(f.rows[i-1], f.rows[i]) == 0 {
			return errors.New("two groups have the same keys")
		}
	}
	return nil
}

// block writes the rows.
func (f filed) block(keys int) ([]byte, error) {
	return assemble(nil, keys, &f.index, func(block []byte, from, to int) ([]byte, error) {
		return columnar.AppendIPC(block, columnar.Take(f.batch, f.rows[from:to]), 0, to-from)
	})
}

// assemble writes a block of the rows that the index counts into room, which is empty; chunk appends the chunk of some of them.
func assemble(room []byte, keys int, index *[keyGroups + 1]uint32, chunk func(block []byte, from, to int) ([]byte, error)) ([]byte, error) {
	rows := int(index[keyGroups])
	chunks := (rows + chunkRows - 1) / chunkRows
	block := append(slices.Grow(room, align(lengthsAt+4*chunks)), magic...)
	block = binary.LittleEndian.AppendUint16(block, version)
	block = append(block, 0, 0, 0, 0) // the checksum, set at the end
	block = binary.LittleEndian.AppendUint32(block, uint32(keys))
	block = binary.LittleEndian.AppendUint32(block, uint32(chunks))
	for _, row := range index {
		block = binary.LittleEndian.AppendUint32(block, row)
	}
	block = pad(append(block, make([]byte, 4*chunks)...))
	for n := range chunks {
		var err error
		begin := len(block)
		if block, err = chunk(block, n*chunkRows, min((n+1)*chunkRows, rows)); err != nil {
			return nil, fmt.Errorf("encode chunk %d: %w", n, err)
		}
		size := len(block) - begin
		binary.LittleEndian.PutUint32(block[lengthsAt+4*n:], uint32(size))
		if block = pad(block); n == 0 && chunks > 2 {
			block = slices.Grow(block, int(float64(size+size/32)*float64(rows-chunkRows)/chunkRows)) // as the others may be, so that the block is seldom copied
		}
	}
	seal(block)
	return block, nil
}

// seal writes the checksum of a block into it.
func seal(block []byte) {
	sum := crc32.Checksum(block[checksumAt+4:], castagnoli)
	binary.LittleEndian.PutUint32(block[checksumAt:], sum)
}

func align(n int) int { return (n + alignment - 1) &^ (alignment - 1) }

func pad(block []byte) []byte { return append(block, make([]byte, align(len(block))-len(block))...) }
