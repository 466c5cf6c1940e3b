package store

import (
	"context"
	"slices"
)

// BulkStore is a [Store] that has a better way for much data which nobody reads soon.
type BulkStore interface {
	// PutBulk is [Store.PutIfAbsent] of data that is in memory. The caller keeps it.
	PutBulk(ctx context.Context, name string, data []byte) error
	// GetBulk is [Store.Get] of what was so written.
	GetBulk(ctx context.Context, name string) ([]byte, error)
}

// bulkPiece is what is written at a time: so much is on its way to the disk when somebody else wants it, or when the write is
// called off.
const bulkPiece = 4 << 20

// PutBulk implements [BulkStore]: past the page cache, where that can be. Copying into the cache takes more processor time than all
// the rest, the pages push out what others read, and a sync of another file waits for them.
func (l *Local) PutBulk(ctx context.Context, name string, data []byte) error {
	return l.put(ctx, name, func(w *objectWriter) error {
		for piece := range slices.Chunk(data, bulkPiece) {
			if _, err := w.writeDirect(piece); err != nil {
				return err
			}
		}
		return nil
	})
}

// GetBulk implements [BulkStore], past the page cache as well.
func (l *Local) GetBulk(ctx context.Context, name string) ([]byte, error) {
	if direct, ok := l.fs().(interface {
		ReadDirect(name string) ([]byte, error)
	}); ok {
		return l.readAll(ctx, name, direct.ReadDirect)
	}
	return l.Get(ctx, name)
}

// directFile is a [File] that can write past the page cache.
type directFile interface {
	// WriteDirect is Write, past the page cache as far as the system allows it.
	WriteDirect(p []byte) (int, error)
}

// WriteDirect implements directFile with what the file of the draft can do.
func (d *Draft) WriteDirect(p []byte) (int, error) {
	if f, ok := d.File.(directFile); ok {
		return f.WriteDirect(p)
	}
	return d.Write(p)
}
