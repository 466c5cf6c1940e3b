package batch

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"regexp"
	"slices"
	"testing"

	"github.com/millrace/millrace/internal/store"
)

// trace is all that a story has done to the world, and what the world has answered, as a hash. With MILLRACE_TRACE it is a
// file as well.
type trace struct {
	sum    hash.Hash
	events int
	text   io.Writer // nil: nowhere
}

func newTrace(t testing.TB, name string) *trace {
	tr := &trace{sum: sha256.New()}
	if dir := os.Getenv("MILLRACE_TRACE"); dir != "" {
		f, err := os.Create(path.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = f.Close() })
		tr.text = f
	}
	return tr
}

// add notes an event.
func (tr *trace) add(what string, args ...any) {
	if tr == nil {
		return
	}
	tr.events++
	fmt.Fprintln(tr.sum, append([]any{what}, args...)...)
	if tr.text != nil {
		fmt.Fprintln(tr.text, append([]any{what}, args...)...)
	}
}

// draftName is a temporary name: the process of the test and a number that all its stories share are in it.
var draftName = regexp.MustCompile(`\.tmp-\d+-\d+-`)

// plainName is a path as it is in every run.
func plainName(name string) string { return draftName.ReplaceAllString(name, ".tmp-") }

// digest is the hash of the events and of all that is there in the end.
func (tr *trace) digest(w *world) string {
	w.t.Helper()
	all := map[string]string{}
	tr.digestDir(w, "/", all)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		tr.add(name, all[name])
	}
	for _, topic := range simTopics {
		for _, r := range w.kafka.Records(topic) {
			tr.add(topic, r)
		}
	}
	return hex.EncodeToString(tr.sum.Sum(nil))
}

func (tr *trace) digestDir(w *world, dir string, all map[string]string) {
	entries, err := w.disk.ReadDir(dir)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, e := range entries {
		name := path.Join(dir, e.Name())
		if e.IsDir() {
			tr.digestDir(w, name, all)
			continue
		}
		data, err := w.disk.ReadFile(name)
		if err != nil {
			w.t.Fatal(err)
		}
		all[plainName(name)] += fmt.Sprintf("%d %x ", len(data), sha256.Sum256(data))
	}
}

// tracedFS notes every operation on a disk.
type tracedFS struct {
	store.FS
	tr *trace
}

func (f tracedFS) note(op, name string, err error) { f.tr.add(op, plainName(name), err != nil) }

func (f tracedFS) ReadFile(name string) ([]byte, error) {
	data, err := f.FS.ReadFile(name)
	f.note("read", name, err)
	return data, err
}

func (f tracedFS) ReadDir(name string) ([]fs.DirEntry, error) {
	entries, err := f.FS.ReadDir(name)
	f.note("list", name, err)
	// Temporary names sort by numbers that differ from run to run.
	slices.SortStableFunc(entries, func(a, b fs.DirEntry) int { return cmp.Compare(plainName(a.Name()), plainName(b.Name())) })
	return entries, err
}

func (f tracedFS) Lock(name string) (io.Closer, error) {
	c, err := f.FS.Lock(name)
	f.note("lock", name, err)
	return c, err
}

func (f tracedFS) Create(name string) (store.File, error) {
	file, err := f.FS.Create(name)
	f.note("create", name, err)
	if err != nil {
		return nil, err
	}
	return tracedFile{file, f, name}, nil
}

func (f tracedFS) Link(oldName, newName string) error {
	err := f.FS.Link(oldName, newName)
	f.note("link", newName, err)
	return err
}

func (f tracedFS) Remove(name string) error {
	err := f.FS.Remove(name)
	f.note("remove", name, err)
	return err
}

func (f tracedFS) Mkdir(name string) error {
	err := f.FS.Mkdir(name)
	f.note("mkdir", name, err)
	return err
}

func (f tracedFS) Sync(name string) error {
	err := f.FS.Sync(name)
	f.note("sync", name, err)
	return err
}

type tracedFile struct {
	store.File
	fs   tracedFS
	name string
}

func (f tracedFile) Write(p []byte) (int, error) {
	n, err := f.File.Write(p)
	f.fs.note(fmt.Sprintf("write %d %x", n, sha256.Sum256(p)), f.name, err)
	return n, err
}

func (f tracedFile) WriteAt(p []byte, off int64) (int, error) {
	n, err := f.File.WriteAt(p, off)
	f.fs.note(fmt.Sprintf("write %d at %d %x", n, off, sha256.Sum256(p)), f.name, err)
	return n, err
}

func (f tracedFile) Sync() error {
	err := f.File.Sync()
	f.fs.note("sync", f.name, err)
	return err
}
