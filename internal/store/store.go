package store

import (
	"context"
	"errors"
	"io"
)

// ErrExists says that the name is taken.
var ErrExists = errors.New("object exists already")

// ErrNotExist says that nothing has that name.
var ErrNotExist = errors.New("object does not exist")

// Store keeps named objects. Names are slash-separated, relative, without "." or ".." parts. Implementations are safe
// for concurrent use.
type Store interface {
	// PutIfAbsent creates name with what write writes: all of it, durable, or nothing. The name taken is [ErrExists],
	// found out at the latest when the object would become visible. An error of write is returned as it is.
	PutIfAbsent(ctx context.Context, name string, write func(io.Writer) error) error
	// Get returns the whole object; [ErrNotExist] when there is none.
	Get(ctx context.Context, name string) ([]byte, error)
	// List returns the names that begin with prefix, sorted. Objects under way are not listed.
	List(ctx context.Context, prefix string) ([]string, error)
	// Delete removes an object, durably; none there is no error.
	Delete(ctx context.Context, name string) error
}

// Opener is a [Store] whose objects can be read piece by piece.
type Opener interface {
	// Open returns an object and its size in bytes; [ErrNotExist] when there is none. It is the caller's to close.
	Open(ctx context.Context, name string) (Object, int64, error)
}

// Object is an object that is read piece by piece.
type Object interface {
	io.ReaderAt
	io.Closer
}
