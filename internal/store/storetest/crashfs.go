package storetest

import (
	"errors"
	"io"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/millrace/millrace/internal/store"
)

// ErrPower is what every operation of a [CrashFS] returns once its power is gone.
var ErrPower = errors.New("power lost")

// CrashFS is a file system in memory that keeps apart what was done and what was synced. Safe for concurrent use.
type CrashFS struct {
	mu    sync.Mutex
	root  *node
	ops   int // operations that change something, so far
	last  int // the power goes at this operation; 0: never
	watch func(lose func(seed uint64) *CrashFS)
}

// NewCrashFS returns an empty file system.
func NewCrashFS() *CrashFS { return &CrashFS{root: newDir()} }

// StopAfter cuts the power at the n-th operation from now that would change or sync something: that one has its
// effect, unless it is a sync, but is not reported done; all later ones do nothing.
func (c *CrashFS) StopAfter(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last = c.ops + n
}

// Watch has look called before every operation that would change or sync something, while there is power. lose is what
// [CrashFS.Crash] would return at that moment; look may call it often, and nothing else of this file system. nil ends it.
func (c *CrashFS) Watch(look func(lose func(seed uint64) *CrashFS)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.watch = look
}

// Restart turns an end of power into the end of a process alone: what was done stays done, synced or not, and the locks
// are free. A later [CrashFS.Crash] may still lose what nobody synced.
func (c *CrashFS) Restart() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last = 0
	c.root.unlock()
}

// Count returns how many operations there have been that change or sync something.
func (c *CrashFS) Count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ops
}

// step counts an operation. err is ErrPower when its success must not be told, dead when it must not even happen.
func (c *CrashFS) step() (err error, dead bool) {
	if c.watch != nil && !c.off() {
		c.watch(c.crash)
	}
	c.ops++
	if c.last == 0 || c.ops < c.last {
		return nil, false
	}
	return ErrPower, c.ops > c.last
}

// off reports whether the power is gone, for operations that change nothing.
func (c *CrashFS) off() bool { return c.last > 0 && c.ops >= c.last }

// ReadFile implements store.ReadFS.
func (c *CrashFS) ReadFile(name string) ([]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n, err := c.look("open", name)
	if err != nil {
		return nil, err
	}
	if n.isDir() {
		return nil, pathError("read", name, syscall.EISDIR)
	}
	return slices.Clone(n.data), nil
}

// ReadDir implements store.ReadFS.
func (c *CrashFS) ReadDir(name string) ([]fs.DirEntry, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	dir, err := c.look("open", name)
	if err != nil {
		return nil, err
	}
	if !dir.isDir() {
		return nil, pathError("read", name, syscall.ENOTDIR)
	}
	var entries []fs.DirEntry
	for _, base := range slices.Sorted(maps.Keys(dir.entries)) {
		entries = append(entries, fs.FileInfoToDirEntry(nodeInfo{base, dir.entries[base]}))
	}
	return entries, nil
}

// Create implements store.FS.
func (c *CrashFS) Create(name string) (store.File, error) {
	n := &node{}
	if err := c.enter("create", name, n); err != nil {
		return nil, err
	}
	return &crashFile{fs: c, node: n, name: name}, nil
}

// Mkdir implements store.FS.
func (c *CrashFS) Mkdir(name string) error { return c.enter("mkdir", name, newDir()) }

// Link implements store.FS.
func (c *CrashFS) Link(oldName, newName string) error {
	c.mu.Lock()
	n, err := c.look("link", oldName)
	c.mu.Unlock()
	if err != nil {
		return err
	}
	return c.enter("link", newName, n)
}

// Remove implements store.FS.
func (c *CrashFS) Remove(name string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	n, err := c.look("remove", name)
	if err != nil {
		return err
	}
	if n.isDir() {
		return pathError("remove", name, syscall.EISDIR)
	}
	failed, dead := c.step()
	if !dead {
		dir, base := filepath.Split(clean(name))
		c.find(dir).change(base, nil)
	}
	return failed
}

// Sync implements store.FS.
func (c *CrashFS) Sync(name string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	n, err := c.look("sync", name)
	if err != nil {
		return err
	}
	if failed, _ := c.step(); failed != nil {
		return failed
	}
	n.sync()
	return nil
}

// Lock implements store.Locker. Locks do not outlive a crash.
func (c *CrashFS) Lock(name string) (io.Closer, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n, err := c.look("lock", name)
	if err != nil {
		return nil, err
	}
	if n.locked {
		return nil, pathError("lock", name, store.ErrLocked)
	}
	n.locked = true
	return &crashLock{fs: c, node: n}, nil
}

// Locked implements store.Locker.
func (c *CrashFS) Locked(name string) (bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n, err := c.look("lock", name)
	if err != nil {
		return false, err
	}
	return n.locked, nil
}

// enter gives n a name that must be free.
func (c *CrashFS) enter(op, name string, n *node) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	dir, base := filepath.Split(clean(name))
	parent, err := c.look(op, dir)
	if err != nil {
		return err
	}
	if !parent.isDir() {
		return pathError(op, name, syscall.ENOTDIR)
	}
	if base == "" || parent.entries[base] != nil {
		return pathError(op, name, fs.ErrExist)
	}
	failed, dead := c.step()
	if !dead {
		parent.change(base, n)
	}
	return failed
}

// look returns the node of a name, for an operation that needs one.
func (c *CrashFS) look(op, name string) (*node, error) {
	if c.off() {
		return nil, pathError(op, name, ErrPower)
	}
	n := c.find(name)
	if n == nil {
		return nil, pathError(op, name, fs.ErrNotExist)
	}
	return n, nil
}

// find returns the node of a name, or nil.
func (c *CrashFS) find(name string) *node {
	if strings.Contains(name, "..") {
		name = clean(name)
	}
	n := c.root
	for part := range strings.SplitSeq(name, "/") {
		if part != "" && part != "." && n != nil {
			n = n.entries[part]
		}
	}
	return n
}

func clean(name string) string { return filepath.ToSlash(filepath.Join("/", name)) }

func pathError(op, name string, err error) error {
	return &fs.PathError{Op: op, Path: name, Err: err}
}

// crashFile is a node open for writing.
type crashFile struct {
	fs   *CrashFS
	node *node
	name string
	at   int64
}

func (f *crashFile) Write(p []byte) (int, error) {
	n, err := f.WriteAt(p, f.at)
	f.at += int64(n)
	return n, err
}

func (f *crashFile) WriteAt(p []byte, off int64) (int, error) {
	err := f.do(func(n *node) { n.write(fileChange{at: off, bytes: slices.Clone(p)}) })
	if err != nil {
		return 0, err
	}
	return len(p), nil
}

func (f *crashFile) Allocate(size int64) error {
	return f.do(func(n *node) { n.write(fileChange{at: size}) })
}

func (f *crashFile) Sync() error {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if failed, _ := f.fs.step(); failed != nil {
		return pathError("sync", f.name, failed)
	}
	f.node.sync()
	return nil
}

func (f *crashFile) Close() error { return nil }

// do changes the node, if there is still power.
func (f *crashFile) do(change func(*node)) error {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	failed, dead := f.fs.step()
	if !dead {
		change(f.node)
	}
	if failed != nil {
		return pathError("write", f.name, failed)
	}
	return nil
}

type crashLock struct {
	fs   *CrashFS
	node *node
}

// Close implements io.Closer.
func (l *crashLock) Close() error {
	l.fs.mu.Lock()
	defer l.fs.mu.Unlock()
	l.node.locked = false
	return nil
}

// nodeInfo is a node as an fs.FileInfo.
type nodeInfo struct {
	name string
	node *node
}

func (i nodeInfo) Name() string       { return i.name }
func (i nodeInfo) Size() int64        { return int64(len(i.node.data)) }
func (i nodeInfo) ModTime() time.Time { return time.Time{} }
func (i nodeInfo) IsDir() bool        { return i.node.isDir() }
func (i nodeInfo) Sys() any           { return nil }

func (i nodeInfo) Mode() fs.FileMode {
	if i.node.isDir() {
		return fs.ModeDir | 0o700
	}
	return 0o600
}
