package state

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"

	"github.com/millrace/millrace/columnar"
)

// CorruptError says what about a block is not as it was written.
type CorruptError struct {
	What string // is wrong, and where in the block
	Err  error  // may be nil
}

func (e *CorruptError) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("corrupt state block: %s: %v", e.What, e.Err)
	}
	return "corrupt state block: " + e.What
}

// Unwrap returns the cause, nil when the block itself is it.
func (e *CorruptError) Unwrap() error { return e.Err }

func corrupt(format string, args ...any) error {
	return &CorruptError{What: fmt.Sprintf(format, args...)}
}

// opened is a block whose frame is checked: magic, checksum, index and chunk lengths. Chunks alias the block.
type opened struct {
	keys   int
	index  [keyGroups + 1]uint32
	chunks [][]byte
	rows   []*columnar.Batch // of the chunks, where they are decoded already
	slice  *sliceOf          // nil: the block is none
}

// sliceOf is the run of key groups of which a slice has all that was held.
type sliceOf struct{ from, to uint8 }

// Block is a block of which everything is checked and decoded, for the loaders of several shards. It is not changed any more.
type Block struct{ *opened }

// OpenBlock decodes a block. It keeps nothing of its bytes. Chunks are decoded by each, which calls f for 0 to n−1, several at a
// time if it likes. A damaged block is a [CorruptError].
func OpenBlock(block []byte, each func(n int, f func(i int) error) error) (*Block, error) {
	o, err := openBlock(block)
	if err == nil {
		o.rows = make([]*columnar.Batch, len(o.chunks))
		err = each(len(o.chunks), func(i int) (err error) {
			o.rows[i], err = o.chunk(i)
			return err
		})
		o.chunks = nil
	}
	if err != nil {
		return nil, fmt.Errorf("load state: %w", err)
	}
	return &Block{o}, nil
}

// OpenSlice is [OpenBlock] of a slice of the key groups from..to.
func OpenSlice(block []byte, from, to uint8, each func(n int, f func(i int) error) error) (*Block, error) {
	b, err := OpenBlock(block, each)
	if err != nil {
		return nil, err
	}
	if from > to || b.index[from] != 0 || b.index[int(to)+1] != b.index[keyGroups] {
		return nil, fmt.Errorf("load state: %w", corrupt("it has rows of other key groups than %d to %d", from, to))
	}
	b.slice = &sliceOf{from, to}
	return b, nil
}

func openBlock(block []byte) (*opened, error) {
	if err := checkFrame(block); err != nil {
		return nil, err
	}
	o := &opened{keys: int(binary.LittleEndian.Uint32(block[keysAt:]))}
	for g := range o.index {
		o.index[g] = binary.LittleEndian.Uint32(block[indexAt+4*g:])
	}
	if err := o.checkIndex(); err != nil {
		return nil, err
	}
	return o, o.cutChunks(block)
}

func checkFrame(block []byte) error {
	if len(block) < checksumAt || string(block[:versionAt]) != magic {
		return corrupt("it does not begin like one")
	}
	if v := binary.LittleEndian.Uint16(block[versionAt:]); v != version {
		return fmt.Errorf("the state block has format %d, this program reads format %d", v, version)
	}
	if len(block) < lengthsAt {
		return corrupt("%d bytes are fewer than its header has", len(block))
	}
	want := binary.LittleEndian.Uint32(block[checksumAt:])
	if got := crc32.Checksum(block[checksumAt+4:], castagnoli); got != want {
		return corrupt("its checksum is %08x, its bytes give %08x", want, got)
	}
	return nil
}

func (o *opened) checkIndex() error {
	if o.index[0] != 0 || o.index[keyGroups] > maxRows {
		return corrupt("its rows run from %d to %d", o.index[0], o.index[keyGroups])
	}
	for g := range keyGroups {
		if o.index[g] > o.index[g+1] {
			return corrupt("key group %d begins at row %d and ends at row %d", g, o.index[g], o.index[g+1])
		}
	}
	return nil
}

func (o *opened) cutChunks(block []byte) error {
	n := int(binary.LittleEndian.Uint32(block[chunksAt:]))
	rows := int(o.index[keyGroups])
	if want := (rows + chunkRows - 1) / chunkRows; n != want {
		return corrupt("%d rows in %d chunks, not %d", rows, n, want)
	}
	at := align(lengthsAt + 4*n)
	for i := range n {
		if at > len(block) {
			return corrupt("it ends before chunk %d", i)
		}
		size := int(binary.LittleEndian.Uint32(block[lengthsAt+4*i:]))
		if size > len(block)-at {
			return corrupt("chunk %d of %d bytes is longer than what is left", i, size)
		}
		o.chunks = append(o.chunks, block[at:at+size])
		at = align(at + size)
	}
	if at != len(block) {
		return corrupt("it is %d bytes long, not %d", len(block), at)
	}
	return nil
}

// groups returns the rows of the key groups from..to, as batches that are not changed any more, each with the key groups of its rows.
// Only the chunks that these rows are in are decoded.
func (o *opened) groups(from, to uint8) ([]layer, error) {
	first, end := int(o.index[from]), int(o.index[int(to)+1])
	if first >= end {
		return nil, nil
	}
	var out []layer
	for i := first / chunkRows; i*chunkRows < end; i++ {
		var chunk *columnar.Batch
		if o.rows != nil {
			chunk = o.rows[i]
		} else {
			var err error
			if chunk, err = o.chunk(i); err != nil {
				return nil, err
			}
		}
		low, high := max(first-i*chunkRows, 0), min(end-i*chunkRows, chunk.Rows)
		if high-low < chunk.Rows {
			chunk = columnar.Take(chunk, rowRun(low, high))
		}
		out = append(out, layer{rows: chunk, groups: o.filedUnder(i*chunkRows+low, i*chunkRows+high)})
	}
	return out, nil
}

// filedUnder lists the key groups of the rows from..to−1.
func (o *opened) filedUnder(from, to int) []uint8 {
	out := make([]uint8, 0, to-from)
	g, _ := slices.BinarySearch(o.index[1:], uint32(from)+1)
	for ; len(out) < to-from; g++ {
		for n := min(int(o.index[g+1]), to) - from; len(out) < n; {
			out = append(out, uint8(g))
		}
	}
	return out
}

// chunk decodes chunk i and checks that its rows are groups, and filed where their keys say.
func (o *opened) chunk(i int) (*columnar.Batch, error) {
	b, err := columnar.DecodeIPC(o.chunks[i])
	if err != nil {
		return nil, &CorruptError{What: fmt.Sprintf("chunk %d", i), Err: err}
	}
	first := i * chunkRows
	if want := min(int(o.index[keyGroups])-first, chunkRows); b.Rows != want || b.Sel != nil {
		return nil, corrupt("chunk %d has %d rows, not %d", i, b.Rows, want)
	}
	if err := o.checkColumns(b); err != nil {
		return nil, &CorruptError{What: fmt.Sprintf("chunk %d", i), Err: err}
	}
	for row, g := range columnar.KeyGroups(b, firstColumns(o.keys)[1:], nil) {
		if at := uint32(first + row); at < o.index[g] || at >= o.index[int(g)+1] {
			return nil, corrupt("row %d is not filed under its key group %d", at, g)
		}
	}
	return b, nil
}

func (o *opened) checkColumns(b *columnar.Batch) error {
	if o.keys < 1 || o.keys >= len(b.Cols) {
		return fmt.Errorf("%d of %d columns are keys", o.keys, len(b.Cols))
	}
	if last := b.Schema.Fields[len(b.Cols)-1]; last.Type.Kind != columnar.Int64 {
		return errors.New("the last column does not count rows")
	}
	return checkNamespaces(b)
}

// rowRun lists the rows low..high−1.
func rowRun(low, high int) []int32 {
	rows := make([]int32, high-low)
	for i := range rows {
		rows[i] = int32(low + i)
	}
	return rows
}
