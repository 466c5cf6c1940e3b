package store

import (
	"errors"
	"io"
	"io/fs"
)

// ErrLocked says that a living process holds the lock of a file.
var ErrLocked = errors.New("file is locked by another process")

// ReadFS reads local files and changes nothing. Names are paths of the operating system. What is not there is
// [fs.ErrNotExist].
type ReadFS interface {
	// ReadFile returns the whole file; the caller owns the bytes.
	ReadFile(name string) ([]byte, error)
	// ReadDir returns the entries of a directory, sorted by name.
	ReadDir(name string) ([]fs.DirEntry, error)
}

// Locker takes advisory locks that end with the process that holds them, however it ends.
type Locker interface {
	// Lock takes the lock of an existing file and holds it until the returned value is closed; [ErrLocked] if
	// somebody else holds it.
	Lock(name string) (io.Closer, error)
	// Locked reports whether somebody holds the lock of a file. Two that ask at the same time do not see each other.
	Locked(name string) (bool, error)
}

// FS is the local file operations on which durability rests. Nothing in it replaces what is there, and nothing but
// FS.Sync and File.Sync makes anything durable. Implementations are safe for concurrent use.
type FS interface {
	ReadFS
	Locker
	// Create makes a new file for writing; a name taken is [fs.ErrExist].
	Create(name string) (File, error)
	// Link gives an existing file a second name; a name taken is [fs.ErrExist].
	Link(oldName, newName string) error
	// Remove takes a name away from a file; a directory is an error.
	Remove(name string) error
	// Mkdir makes one directory; a name taken is [fs.ErrExist], a missing parent [fs.ErrNotExist].
	Mkdir(name string) error
	// Sync makes what stands under a name durable: the bytes of a file, whoever wrote them, or the names in a
	// directory, not the bytes of its files.
	Sync(name string) error
}

// File is a file open for writing.
type File interface {
	io.Writer
	io.WriterAt
	// Allocate makes the file size bytes long with space reserved for all of them; new bytes read as zero.
	Allocate(size int64) error
	// Sync makes everything written durable. After an error nothing is known about the bytes written since the last
	// success, and another Sync cannot find out: the file must be given up.
	Sync() error
	Close() error
}
