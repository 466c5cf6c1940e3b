package store

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"

	"github.com/millrace/millrace/internal/failpoint"
)

// errName says why a name is refused.
var errName = errors.New(`not an object name: want slash-separated parts, none of them empty, ".", ".." or beginning with ".tmp-"`)

// Local keeps objects as files below a directory. Use it by pointer; it is safe for concurrent use, also by several
// processes.
type Local struct {
	Root string // made when the first object is
	FS   FS     // nil: OS{}

	// durable holds the directories whose own names, up to Root's, are known to survive power loss.
	durable sync.Map
}

// PutIfAbsent implements [Store]: temporary file beside the target, synced, linked without replacing, directory
// synced. An error is an [OpError] that says what is wrong with the disk, or write's own.
func (l *Local) PutIfAbsent(ctx context.Context, name string, write func(io.Writer) error) error {
	return l.put(ctx, name, func(w *objectWriter) error { return w.fill(write) })
}

// put creates an object that fill writes.
func (l *Local) put(ctx context.Context, name string, fill func(*objectWriter) error) error {
	draft, err := l.newDraft(ctx, name)
	if err != nil {
		return &OpError{Op: "create", Name: name, Err: err}
	}
	defer draft.Discard()
	w := &objectWriter{ctx: ctx, file: draft}
	if err := fill(w); err != nil && w.err == nil {
		return err
	}
	if err := w.publish(draft); err != nil {
		return &OpError{Op: "create", Name: name, Err: err}
	}
	return nil
}

// Get implements [Store].
func (l *Local) Get(ctx context.Context, name string) (data []byte, err error) {
	return l.readAll(ctx, name, l.fs().ReadFile)
}

func (l *Local) readAll(ctx context.Context, name string, how func(path string) ([]byte, error)) (data []byte, err error) {
	err = l.read(ctx, "read", name, func(path string) error {
		data, err = how(path)
		return err
	})
	if err != nil {
		return nil, err
	}
	return data, nil
}

// Open implements [Opener].
func (l *Local) Open(ctx context.Context, name string) (o Object, size int64, err error) {
	opener, ok := l.fs().(interface {
		OpenFile(name string) (Object, int64, error)
	})
	if !ok {
		data, err := l.Get(ctx, name)
		return whole{bytes.NewReader(data)}, int64(len(data)), err
	}
	err = l.read(ctx, "open", name, func(path string) error {
		o, size, err = opener.OpenFile(path)
		return err
	})
	return o, size, err
}

// whole is an object that is in memory.
type whole struct{ *bytes.Reader }

func (whole) Close() error { return nil }

// List implements [Store].
func (l *Local) List(ctx context.Context, prefix string) ([]string, error) {
	var names []string
	err := failpoint.Hit(failpoint.StoreList)
	if err == nil {
		err = l.walk(ctx, prefix, dirOf(prefix), func(name string, entry fs.DirEntry) {
			if !isTemp(entry.Name()) {
				names = append(names, name)
			}
		})
	}
	if err != nil {
		return nil, &OpError{Op: "list", Name: prefix, Err: err}
	}
	slices.Sort(names)
	return names, nil
}

// Delete implements [Store].
func (l *Local) Delete(ctx context.Context, name string) error {
	err := errors.Join(ctx.Err(), CheckName(name))
	if err == nil {
		err = l.remove(l.path(name))
	}
	if err != nil {
		return &OpError{Op: "delete", Name: name, Err: err}
	}
	return nil
}

// DeleteAll removes objects, and syncs each directory once. Of several errors it returns that of the first name.
func (l *Local) DeleteAll(ctx context.Context, names []string) error {
	var dirs []string
	for _, name := range names {
		err := errors.Join(ctx.Err(), CheckName(name))
		if err == nil {
			err = l.fs().Remove(l.path(name))
		}
		if err != nil && !isMissing(err) {
			return &OpError{Op: "delete", Name: name, Err: err}
		}
		if dir := filepath.Dir(l.path(name)); err == nil && !slices.Contains(dirs, dir) {
			dirs = append(dirs, dir)
		}
	}
	for _, dir := range dirs {
		if err := l.fs().Sync(dir); err != nil {
			return &OpError{Op: "delete", Name: dir, Err: err}
		}
	}
	return nil
}

// newDraft begins the file of an object, in a directory that survives power loss.
func (l *Local) newDraft(ctx context.Context, name string) (*Draft, error) {
	if err := errors.Join(ctx.Err(), CheckName(name)); err != nil {
		return nil, err
	}
	dir, base := filepath.Split(l.path(name))
	dir = filepath.Clean(dir)
	if err := l.makeDir(dir); err != nil {
		return nil, err
	}
	draft, err := NewDraft(l.fs(), dir, base)
	if !errors.Is(err, fs.ErrNotExist) {
		return draft, err
	}
	// Somebody removed the directory since it was made.
	l.durable.Clear()
	if err := l.makeDir(dir); err != nil {
		return nil, err
	}
	return NewDraft(l.fs(), dir, base)
}

// makeDir makes a directory at or below Root so that it survives power loss.
func (l *Local) makeDir(dir string) error {
	if _, ok := l.durable.Load(dir); ok {
		return nil
	}
	if err := l.makeDirUnder(dir); err != nil {
		return err
	}
	l.durable.Store(dir, struct{}{})
	return nil
}

func (l *Local) makeDirUnder(dir string) error {
	if dir == filepath.Clean(l.Root) {
		return MakeDirs(l.fs(), dir)
	}
	if err := l.makeDir(filepath.Dir(dir)); err != nil {
		return err
	}
	return makeDir(l.fs(), dir)
}

// read has f read an object, whose path it is given.
func (l *Local) read(ctx context.Context, op, name string, f func(path string) error) error {
	err := failpoint.Hit(failpoint.StoreGet)
	if err == nil {
		err = errors.Join(ctx.Err(), CheckName(name))
	}
	if err == nil {
		err = f(l.path(name))
	}
	// A directory has a name on disk but is no object; neither is anything below a file.
	if isMissing(err) || errors.Is(err, syscall.EISDIR) {
		err = ErrNotExist
	}
	if err != nil {
		return &OpError{Op: op, Name: name, Err: err}
	}
	return nil
}

// drafts implements sweeper. What cannot be listed has none.
func (l *Local) drafts(ctx context.Context, prefix string) (names []string) {
	_ = l.walk(ctx, prefix, dirOf(prefix), func(name string, entry fs.DirEntry) {
		if isDraft(entry) {
			names = append(names, name)
		}
	})
	return names
}

// removeDrafts implements sweeper. A file that power loss brings back is removed the next time.
func (l *Local) removeDrafts(names []string) {
	for _, name := range names {
		_ = l.fs().Remove(l.path(name))
	}
}

// walk visits the files below dir, a slash-separated path, of which the names begin with prefix, and all that never came into being.
func (l *Local) walk(ctx context.Context, prefix, dir string, visit func(name string, entry fs.DirEntry)) error {
	entries, err := l.fs().ReadDir(l.path(dir))
	if isMissing(err) {
		return ctx.Err()
	}
	if err := errors.Join(err, ctx.Err()); err != nil {
		return err
	}
	for _, entry := range entries {
		name := path.Join(dir, entry.Name())
		switch {
		case isTemp(entry.Name()):
			visit(name, entry)
		case entry.IsDir() && overlaps(name+"/", prefix):
			if err := l.walk(ctx, prefix, name, visit); err != nil {
				return err
			}
		case !entry.IsDir() && strings.HasPrefix(name, prefix):
			visit(name, entry)
		}
	}
	return nil
}

// remove removes a file so that it stays away. One that is not there was maybe removed by somebody who died before that was durable.
func (l *Local) remove(file string) error {
	if err := l.fs().Remove(file); err != nil && !isMissing(err) {
		return err
	}
	if err := l.fs().Sync(filepath.Dir(file)); err != nil && !isMissing(err) {
		return err
	}
	return nil
}

func (l *Local) path(name string) string { return filepath.Join(l.Root, filepath.FromSlash(name)) }

func (l *Local) fs() FS {
	if l.FS == nil {
		return OS{}
	}
	return l.FS
}

// isMissing reports whether nothing has the name, or a file stands where a directory of the name would.
func isMissing(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}

// CheckName refuses what could leave the root or would be taken for a temporary file.
func CheckName(name string) error {
	if !fs.ValidPath(name) || name == "." || strings.ContainsRune(name, 0) {
		return errName
	}
	for part := range strings.SplitSeq(name, "/") {
		if isTemp(part) {
			return errName
		}
	}
	return nil
}

// dirOf returns the directory part of a prefix: "a/b/c" and "a/b/" give "a/b".
func dirOf(prefix string) string {
	if i := strings.LastIndexByte(prefix, '/'); i >= 0 {
		return path.Clean("/" + prefix[:i])[1:]
	}
	return ""
}

// overlaps reports whether names that begin with a can begin with b.
func overlaps(a, b string) bool { return strings.HasPrefix(a, b) || strings.HasPrefix(b, a) }

// objectWriter writes one object and remembers its own first error, to tell it from one of the function that writes.
type objectWriter struct {
	ctx  context.Context
	file *Draft
	err  error
}

// Write implements io.Writer.
func (w *objectWriter) Write(p []byte) (int, error) { return w.write(p, w.file.Write) }

func (w *objectWriter) writeDirect(p []byte) (int, error) { return w.write(p, w.file.WriteDirect) }

func (w *objectWriter) write(p []byte, how func([]byte) (int, error)) (n int, err error) {
	if w.err == nil {
		w.err = w.ctx.Err()
	}
	if w.err == nil {
		n, w.err = how(p)
	}
	return n, w.err
}

// writeBuffers are between those who write objects and the files: most objects are small, and there are many.
var writeBuffers = sync.Pool{New: func() any { return bufio.NewWriterSize(nil, 64<<10) }}

// fill has write write the object.
func (w *objectWriter) fill(write func(io.Writer) error) error {
	buffered := writeBuffers.Get().(*bufio.Writer)
	buffered.Reset(w)
	defer func() {
		buffered.Reset(nil)
		writeBuffers.Put(buffered)
	}()
	if err := write(buffered); err != nil {
		return err
	}
	return buffered.Flush()
}

// publish makes what was written the object, unless an error was met on the way, even one that write kept to itself.
func (w *objectWriter) publish(draft *Draft) error {
	if w.err != nil {
		return w.err
	}
	if err := failpoint.Hit(failpoint.StoreSync); err != nil {
		return err
	}
	if err := draft.Sync(); err != nil {
		return err
	}
	if err := w.ctx.Err(); err != nil {
		return err
	}
	return draft.Publish()
}

// PutBytes creates an object from bytes; see [Store.PutIfAbsent].
func PutBytes(ctx context.Context, s Store, name string, data []byte) error {
	return s.PutIfAbsent(ctx, name, func(w io.Writer) error {
		_, err := io.Copy(w, bytes.NewReader(data))
		return err
	})
}
