package store

import (
	"context"
	"fmt"
	"time"
)

// Objects is a [Store] over objects without files and locks: what a write-ahead log needs to live there.
type Objects interface {
	Store
	// ListAfter returns the first names, at most limit or with 0 all, that begin with prefix and come behind after, sorted.
	// after need not be there; "" is before all names.
	ListAfter(ctx context.Context, prefix, after string, limit int) ([]string, error)
	// GetAll returns whole objects in the order of their names, several at a time. One that is not there is an [OpError]
	// that names it and wraps [ErrNotExist].
	GetAll(ctx context.Context, names []string) ([][]byte, error)
	// Beat writes an object, whether it is there or not. Nothing may rest on it but politeness: a write that was on its
	// way for long may replace a later one.
	Beat(ctx context.Context, name string, data []byte) error
	// LastBeat returns an object and how long ago it was written, by the store's clock; [ErrNotExist] when there is none.
	LastBeat(ctx context.Context, name string) (data []byte, age time.Duration, err error)
}

// Prober is a [Store] over a server that may not do what a Store promises.
type Prober interface {
	// Probe creates an object again that is there, with the same bytes. That it can be is an [UnsafeError].
	Probe(ctx context.Context, name string) error
	// AbortUploads gives up what was begun below the place and has not come to an end, and returns how much. See [AbortUploads].
	AbortUploads(ctx context.Context, lead func() error) (int, error)
}

// Probe makes sure that a place keeps the promise of a Store that nothing is overwritten, with an object that is there.
// Of most stores that is known.
func Probe(ctx context.Context, s Store, name string) error {
	if p, ok := s.(Prober); ok {
		return p.Probe(ctx, name)
	}
	return nil
}

// AbortUploads clears away what dead processes have left half done. Whoever calls it owns the place, which lead confirms: it is
// asked once what there is to clear away has been listed, so that nothing which a later owner has begun is among it. nil:
// nobody else can own the place.
func AbortUploads(ctx context.Context, s Store, lead func() error) error {
	if p, ok := s.(Prober); ok {
		_, err := p.AbortUploads(ctx, lead)
		return err
	}
	return nil
}

// sweeper is a [Store] in which a process that dies leaves files that never came into being.
type sweeper interface {
	drafts(ctx context.Context, prefix string) []string
	removeDrafts(names []string)
}

// Sweep removes the temporary files below prefixes that dead processes have left: nobody reads them, but they take space. It does so
// as well as it can. Whoever calls it owns the place, and has none under way there himself; lead is asked as in [AbortUploads], and
// its error is the only one. A process that was taken over and still lives cannot publish a file of which the name is gone.
func Sweep(ctx context.Context, s Store, lead func() error, prefixes ...string) error {
	l, ok := s.(sweeper)
	if !ok {
		return nil
	}
	var names []string
	for _, prefix := range prefixes {
		names = append(names, l.drafts(ctx, prefix)...)
	}
	if len(names) == 0 {
		return nil
	}
	if lead != nil {
		if err := lead(); err != nil {
			return err
		}
	}
	l.removeDrafts(names)
	return nil
}

// UnsafeError says that a store overwrites what is there: exactly once is impossible on it.
type UnsafeError struct {
	Place string
	Err   error
}

// Error names the place and the way out.
func (e *UnsafeError) Error() string {
	return fmt.Sprintf("%s cannot be written to safely: %v; use a store that honours conditional writes, nothing was changed", e.Place, e.Err)
}

// Unwrap returns the reason.
func (e *UnsafeError) Unwrap() error { return e.Err }

// MissingPlaceError says that the place of all objects is not there, and that nobody makes it by writing to it.
type MissingPlaceError struct{ Msg string }

// Error implements error.
func (e *MissingPlaceError) Error() string { return e.Msg }

// deleter is a [Store] that removes several objects at a time.
type deleter interface {
	DeleteAll(ctx context.Context, names []string) error
}

// DeleteAll removes objects; what is not there is no error. After an error any of them may be gone.
func DeleteAll(ctx context.Context, s Store, names []string) error {
	if d, ok := s.(deleter); ok {
		return d.DeleteAll(ctx, names)
	}
	for _, name := range names {
		if err := s.Delete(ctx, name); err != nil {
			return err
		}
	}
	return nil
}
