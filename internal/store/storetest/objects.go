package storetest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/millrace/millrace/internal/store"
)

// Objects is a [store.Objects] in memory. It is safe for concurrent use.
type Objects struct {
	// Now is the store's clock; nil: it stands still.
	Now func() time.Time
	// Fail is asked before every operation, with a word for it (create, read, list, delete, beat) and the object's name.
	// lost says that the operation is done all the same. It may be nil.
	Fail func(op, name string) (err error, lost bool)

	mu      sync.Mutex
	objects map[string]object
	ops     map[string]int
}

type object struct {
	data []byte
	at   time.Time
}

// Ops returns how many operations of each kind there were.
func (o *Objects) Ops() map[string]int {
	o.mu.Lock()
	defer o.mu.Unlock()
	out := map[string]int{}
	for op, n := range o.ops {
		out[op] = n
	}
	return out
}

// Clone returns a store with the same objects.
func (o *Objects) Clone() *Objects {
	o.mu.Lock()
	defer o.mu.Unlock()
	return &Objects{Now: o.Now, objects: maps.Clone(o.objects)}
}

// Damage replaces the bytes of an object; nil removes it.
func (o *Objects) Damage(name string, data []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.objects, name)
	if data != nil {
		o.set(name, data)
	}
}

// do runs an operation under the lock, unless it is to fail.
func (o *Objects) do(ctx context.Context, op, name string, f func() error) error {
	err := ctx.Err()
	lost := false
	if err == nil && op != "list" {
		err = store.CheckName(name)
	}
	if err == nil && o.Fail != nil {
		err, lost = o.Fail(op, name)
	}
	if err == nil || lost {
		o.mu.Lock()
		if o.ops == nil {
			o.ops = map[string]int{}
		}
		o.ops[op]++
		err = errors.Join(err, f())
		o.mu.Unlock()
	}
	if err != nil {
		return &store.OpError{Op: op, Name: name, Err: err}
	}
	return nil
}

func (o *Objects) set(name string, data []byte) {
	if o.objects == nil {
		o.objects = map[string]object{}
	}
	x := object{data: bytes.Clone(data)}
	if o.Now != nil {
		x.at = o.Now()
	}
	o.objects[name] = x
}

// PutIfAbsent implements [store.Store].
func (o *Objects) PutIfAbsent(ctx context.Context, name string, write func(io.Writer) error) error {
	if err := errors.Join(ctx.Err(), store.CheckName(name)); err != nil {
		return &store.OpError{Op: "create", Name: name, Err: err}
	}
	w := &objectBuffer{ctx: ctx}
	if err := write(w); err != nil && w.err == nil {
		return err
	}
	if w.err != nil {
		return &store.OpError{Op: "create", Name: name, Err: w.err}
	}
	return o.do(ctx, "create", name, func() error {
		if _, ok := o.objects[name]; ok {
			return store.ErrExists
		}
		o.set(name, w.buf.Bytes())
		return nil
	})
}

type objectBuffer struct {
	ctx context.Context
	buf bytes.Buffer
	err error
}

func (w *objectBuffer) Write(p []byte) (int, error) {
	if w.err == nil {
		w.err = w.ctx.Err()
	}
	if w.err != nil {
		return 0, w.err
	}
	return w.buf.Write(p)
}

// Get implements [store.Store].
func (o *Objects) Get(ctx context.Context, name string) ([]byte, error) {
	data, _, err := o.get(ctx, "read", name)
	return data, err
}

func (o *Objects) get(ctx context.Context, op, name string) (data []byte, age time.Duration, err error) {
	err = o.do(ctx, op, name, func() error {
		x, ok := o.objects[name]
		if !ok {
			return store.ErrNotExist
		}
		data = bytes.Clone(x.data)
		if o.Now != nil {
			age = o.Now().Sub(x.at)
		}
		return nil
	})
	if err != nil {
		return nil, 0, err
	}
	return data, age, nil
}

// GetAll implements [store.Objects].
func (o *Objects) GetAll(ctx context.Context, names []string) ([][]byte, error) {
	var out [][]byte
	for _, name := range names {
		data, err := o.Get(ctx, name)
		if err != nil {
			return nil, err
		}
		out = append(out, data)
	}
	return out, nil
}

// List implements [store.Store].
func (o *Objects) List(ctx context.Context, prefix string) ([]string, error) {
	return o.ListAfter(ctx, prefix, "", 0)
}

// ListAfter implements [store.Objects]; limit 0 is none.
func (o *Objects) ListAfter(ctx context.Context, prefix, after string, limit int) (names []string, err error) {
	err = o.do(ctx, "list", prefix, func() error {
		for name := range o.objects {
			if strings.HasPrefix(name, prefix) && name > after {
				names = append(names, name)
			}
		}
		slices.Sort(names)
		if limit > 0 && len(names) > limit {
			names = names[:limit]
		}
		return nil
	})
	return names, err
}

// Delete implements [store.Store].
func (o *Objects) Delete(ctx context.Context, name string) error {
	return o.do(ctx, "delete", name, func() error {
		delete(o.objects, name)
		return nil
	})
}

// Beat implements [store.Objects].
func (o *Objects) Beat(ctx context.Context, name string, data []byte) error {
	return o.do(ctx, "beat", name, func() error {
		o.set(name, data)
		return nil
	})
}

// LastBeat implements [store.Objects].
func (o *Objects) LastBeat(ctx context.Context, name string) ([]byte, time.Duration, error) {
	return o.get(ctx, "read", name)
}

// Below is the objects whose names begin with a prefix, under the rest of their names.
func Below(s store.Objects, prefix string) store.Objects { return below{s, prefix} }

type below struct {
	store.Objects
	prefix string
}

func (b below) PutIfAbsent(ctx context.Context, name string, write func(io.Writer) error) error {
	return b.Objects.PutIfAbsent(ctx, b.prefix+name, write)
}
func (b below) Get(ctx context.Context, name string) ([]byte, error) {
	return b.Objects.Get(ctx, b.prefix+name)
}
func (b below) Delete(ctx context.Context, name string) error {
	return b.Objects.Delete(ctx, b.prefix+name)
}
func (b below) Beat(ctx context.Context, name string, data []byte) error {
	return b.Objects.Beat(ctx, b.prefix+name, data)
}
func (b below) LastBeat(ctx context.Context, name string) ([]byte, time.Duration, error) {
	return b.Objects.LastBeat(ctx, b.prefix+name)
}

func (b below) GetAll(ctx context.Context, names []string) ([][]byte, error) {
	var full []string
	for _, name := range names {
		full = append(full, b.prefix+name)
	}
	return b.Objects.GetAll(ctx, full)
}

func (b below) List(ctx context.Context, prefix string) ([]string, error) {
	return b.ListAfter(ctx, prefix, "", 0)
}

func (b below) ListAfter(ctx context.Context, prefix, after string, limit int) ([]string, error) {
	names, err := b.Objects.ListAfter(ctx, b.prefix+prefix, b.prefix+after, limit)
	for i, name := range names {
		names[i] = strings.TrimPrefix(name, b.prefix)
	}
	return names, err
}
