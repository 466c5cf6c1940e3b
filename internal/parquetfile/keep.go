package parquetfile

// Keep takes bytes that will not change any more, and returns them, where they are or in other memory. Several leaves may call
// it at a time. nil leaves them where they are.
type Keep func(data []byte) ([]byte, error)

const (
	keptBytes = 1 << 20  // of pages that are kept together
	keptLeast = 64 << 10 // and of those that a leaf has at its end; fewer are copied behind those of the leaf before
)

// give hands bytes over and returns them, and what may be written over: their room, where they were copied.
func (k Keep) give(data []byte) (kept, room []byte, err error) {
	if k == nil {
		return data, nil, nil
	}
	if kept, err = k(data); err == nil && len(data) > 0 && &kept[0] != &data[0] {
		room = data[:0]
	}
	return kept, room, err
}

// buffer is what there is of a file: pieces that are kept, and bytes behind them.
type buffer struct {
	keep   Keep
	pieces [][]byte
	size   int // of pieces
	data   []byte
}

// Len is the length of the file.
func (b *buffer) Len() int { return b.size + len(b.data) }

// Write copies.
func (b *buffer) Write(p []byte) (int, error) {
	b.data = append(b.data, p...)
	if len(b.data) < keptBytes {
		return len(p), nil
	}
	return len(p), b.flush()
}

// add takes what a leaf has made, which was kept if it is large.
func (b *buffer) add(p []byte) error {
	if len(p) < keptLeast {
		_, err := b.Write(p)
		return err
	}
	err := b.flush()
	b.pieces, b.size = append(b.pieces, p), b.size+len(p)
	return err
}

// flush keeps the bytes behind the pieces.
func (b *buffer) flush() error {
	if len(b.data) == 0 {
		return nil
	}
	kept, room, err := b.keep.give(b.data)
	b.pieces, b.size, b.data = append(b.pieces, kept), b.size+len(kept), room
	return err
}
