package storetest

import (
	"io"
	"io/fs"
	"slices"
	"sync"

	"github.com/millrace/millrace/internal/store"
)

// Op is a kind of file operation.
type Op string

// The operations that can be made to fail.
const (
	OpReadFile Op = "read-file"
	OpReadDir  Op = "read-dir"
	OpLock     Op = "lock"
	OpCreate   Op = "create"
	OpLink     Op = "link"
	OpRemove   Op = "remove"
	OpMkdir    Op = "mkdir"
	OpSyncName Op = "sync-name"
	OpWrite    Op = "write" // Write and WriteAt
	OpAllocate Op = "allocate"
	OpSync     Op = "sync"
)

// Ops lists every [Op] that changes something.
var Ops = []Op{OpLock, OpCreate, OpLink, OpRemove, OpMkdir, OpSyncName, OpWrite, OpAllocate, OpSync}

// FaultFS hands everything to another file system, except what it was told to make fail. A write that fails has
// written the first half. Safe for concurrent use.
type FaultFS struct {
	inner store.FS

	mu     sync.Mutex
	counts map[Op]int
	faults map[Op]map[int]error

	all    int // operations of those that change something
	from   int // of these the first that fails with broken, if it is of ops; 0: none
	ops    []Op
	broken error
	failed map[string]bool // files of which a sync has failed
	again  []string        // and those that were written or synced after that
}

// NewFaultFS returns a FaultFS over inner that makes nothing fail yet.
func NewFaultFS(inner store.FS) *FaultFS {
	return &FaultFS{inner: inner, counts: map[Op]int{}, faults: map[Op]map[int]error{}, failed: map[string]bool{}}
}

// Fail makes the n-th operation of a kind from now on, counted from 1, return err; those after it work again.
func (f *FaultFS) Fail(op Op, n int, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.faults[op] == nil {
		f.faults[op] = map[int]error{}
	}
	f.faults[op][f.counts[op]+n] = err
}

// FailFrom makes every operation of these kinds return err from the n-th operation on that would change something, of
// whatever kind, counted from 1 and from now: a disk that is full, or read-only. n 0 ends it.
func (f *FaultFS) FailFrom(n int, err error, ops ...Op) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.from, f.broken, f.ops = 0, err, ops
	if n > 0 {
		f.from = f.all + n
	}
}

// Changes returns how many operations there have been that would change something, failed ones included.
func (f *FaultFS) Changes() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.all
}

// AfterFailedSync returns the files that were written to or synced again after a sync of theirs had failed. There should be
// none: the system may have dropped what it could not write, and say yes to the second sync.
func (f *FaultFS) AfterFailedSync() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.again
}

// Count returns how many operations of a kind there have been, failed ones included.
func (f *FaultFS) Count(op Op) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.counts[op]
}

// step counts an operation and returns the error it is to give.
func (f *FaultFS) step(op Op, name string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.counts[op]++
	err := f.faults[op][f.counts[op]]
	if slices.Contains(Ops, op) {
		f.all++
		if err == nil && f.from > 0 && f.all >= f.from && slices.Contains(f.ops, op) {
			err = f.broken
		}
	}
	if f.failed[name] && (op == OpWrite || op == OpSync) {
		f.again = append(f.again, name)
	}
	if err == nil {
		return nil
	}
	f.failed[name] = f.failed[name] || op == OpSync
	return &fs.PathError{Op: string(op), Path: name, Err: err}
}

// ReadFile implements store.ReadFS.
func (f *FaultFS) ReadFile(name string) ([]byte, error) {
	if err := f.step(OpReadFile, name); err != nil {
		return nil, err
	}
	return f.inner.ReadFile(name)
}

// ReadDir implements store.ReadFS.
func (f *FaultFS) ReadDir(name string) ([]fs.DirEntry, error) {
	if err := f.step(OpReadDir, name); err != nil {
		return nil, err
	}
	return f.inner.ReadDir(name)
}

// Lock implements store.Locker.
func (f *FaultFS) Lock(name string) (io.Closer, error) {
	if err := f.step(OpLock, name); err != nil {
		return nil, err
	}
	return f.inner.Lock(name)
}

// Locked implements store.Locker.
func (f *FaultFS) Locked(name string) (bool, error) { return f.inner.Locked(name) }

// Create implements store.FS.
func (f *FaultFS) Create(name string) (store.File, error) {
	if err := f.step(OpCreate, name); err != nil {
		return nil, err
	}
	file, err := f.inner.Create(name)
	if err != nil {
		return nil, err
	}
	return &faultFile{File: file, fs: f, name: name}, nil
}

// Link implements store.FS.
func (f *FaultFS) Link(oldName, newName string) error {
	if err := f.step(OpLink, newName); err != nil {
		return err
	}
	return f.inner.Link(oldName, newName)
}

// Remove implements store.FS.
func (f *FaultFS) Remove(name string) error {
	if err := f.step(OpRemove, name); err != nil {
		return err
	}
	return f.inner.Remove(name)
}

// Mkdir implements store.FS.
func (f *FaultFS) Mkdir(name string) error {
	if err := f.step(OpMkdir, name); err != nil {
		return err
	}
	return f.inner.Mkdir(name)
}

// Sync implements store.FS.
func (f *FaultFS) Sync(name string) error {
	if err := f.step(OpSyncName, name); err != nil {
		return err
	}
	return f.inner.Sync(name)
}

type faultFile struct {
	store.File
	fs   *FaultFS
	name string
}

func (f *faultFile) Write(p []byte) (int, error) {
	if err := f.fs.step(OpWrite, f.name); err != nil {
		n, _ := f.File.Write(p[:len(p)/2])
		return n, err
	}
	return f.File.Write(p)
}

func (f *faultFile) WriteAt(p []byte, off int64) (int, error) {
	if err := f.fs.step(OpWrite, f.name); err != nil {
		n, _ := f.File.WriteAt(p[:len(p)/2], off)
		return n, err
	}
	return f.File.WriteAt(p, off)
}

func (f *faultFile) Allocate(size int64) error {
	if err := f.fs.step(OpAllocate, f.name); err != nil {
		return err
	}
	return f.File.Allocate(size)
}

func (f *faultFile) Sync() error {
	if err := f.fs.step(OpSync, f.name); err != nil {
		return err
	}
	return f.File.Sync()
}
