package store

import (
	"errors"
	"io/fs"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Sync implements [File] by fdatasync: everything needed to read the bytes back, without the access times. On a
// preallocated file that saves the journal a commit.
func (f osFile) Sync() error {
	if err := uninterrupted(func() error { return unix.Fdatasync(int(f.Fd())) }); err != nil {
		return &fs.PathError{Op: "sync", Path: f.Name(), Err: err}
	}
	return nil
}

// directAlign is what memory, place and length of a write past the page cache are a multiple of on every file system that is known to
// allow one.
const directAlign = 4096

// WriteDirect implements directFile by O_DIRECT. What is no multiple of a block goes the ordinary way, and so does all of it where the
// file system refuses, or stops half-way: that way the error says why.
func (f osFile) WriteDirect(p []byte) (n int, err error) {
	if whole := len(p) &^ (directAlign - 1); whole > 0 && uintptr(unsafe.Pointer(&p[0]))%directAlign == 0 && f.direct(true) {
		n, _ = f.Write(p[:whole])
		if !f.direct(false) {
			return n, &fs.PathError{Op: "write", Path: f.Name(), Err: unix.EINVAL}
		}
	}
	rest, err := f.Write(p[n:])
	return n + rest, err
}

// ReadDirect is ReadFile past the page cache, where the system allows it and the file is large.
func (o OS) ReadDirect(name string) ([]byte, error) {
	f, err := os.OpenFile(name, os.O_RDONLY|unix.O_DIRECT, 0)
	if err != nil {
		return o.ReadFile(name)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || info.Size() < directLeast {
		return o.ReadFile(name)
	}
	size := int(info.Size())
	data := make([]byte, (size+directAlign-1)&^(directAlign-1)) // which is so large that Go aligns it
	for n := 0; n < size; {
		got, err := f.Read(data[n:])
		if n += got; n < size && (err != nil || n%directAlign != 0) {
			return o.ReadFile(name) // which says why
		}
	}
	return data[:size], nil
}

// directLeast is how large a file is at least that is read past the page cache.
const directLeast = 1 << 20

// direct has writes go past the page cache, or not. It reports whether they do as was asked.
func (f osFile) direct(on bool) bool {
	flags, err := unix.FcntlInt(f.Fd(), unix.F_GETFL, 0)
	if err != nil {
		return false
	}
	if flags &^= unix.O_DIRECT; on {
		flags |= unix.O_DIRECT
	}
	_, err = unix.FcntlInt(f.Fd(), unix.F_SETFL, flags)
	return err == nil
}

// reserve has the file system set blocks aside, so that a later write into them cannot run out of space.
func (f osFile) reserve(size int64) error {
	err := uninterrupted(func() error { return unix.Fallocate(int(f.Fd()), 0, 0, size) })
	if errors.Is(err, unix.EOPNOTSUPP) {
		return f.writeZeros(size)
	}
	return err
}
