package store

import (
	"errors"
	"io/fs"

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

// reserve has the file system set blocks aside, so that a later write into them cannot run out of space.
func (f osFile) reserve(size int64) error {
	err := uninterrupted(func() error { return unix.Fallocate(int(f.Fd()), 0, 0, size) })
	if errors.Is(err, unix.EOPNOTSUPP) {
		return f.writeZeros(size)
	}
	return err
}
