package store

import (
	"errors"
	"fmt"
	"syscall"
)

// OpError says what could not be done to which object or file.
type OpError struct {
	Op   string // a verb: create, read, list, delete, append to
	Name string // the object's name in its store, or a file's path
	Err  error
}

// Error names the everyday causes in plain words and keeps the system's own words behind them.
func (e *OpError) Error() string {
	if plain := plainCause(e.Err); plain != "" {
		return fmt.Sprintf("%s %s: %s (%v)", e.Op, e.Name, plain, e.Err)
	}
	return fmt.Sprintf("%s %s: %v", e.Op, e.Name, e.Err)
}

// Unwrap returns the cause.
func (e *OpError) Unwrap() error { return e.Err }

// plainCauses are the errors of a disk that an operator can act on.
var plainCauses = []struct {
	errno syscall.Errno
	plain string
}{
	{syscall.ENOSPC, "disk full"},
	{syscall.EDQUOT, "disk quota used up"},
	{syscall.EROFS, "read-only file system"},
	{syscall.EACCES, "permission denied"},
	{syscall.EPERM, "not permitted"},
	{syscall.EIO, "disk error"},
	{syscall.ENAMETOOLONG, "name too long"},
	{syscall.ENOTDIR, "a file stands where a directory should"},
	{syscall.EMFILE, "too many open files"},
}

func plainCause(err error) string {
	for _, c := range plainCauses {
		if errors.Is(err, c.errno) {
			return c.plain
		}
	}
	return ""
}
