package store

import (
	"errors"
	"io"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// OS is the [FS] of the operating system.
type OS struct {
	// Private makes new files 0600 and directories 0700, as a checkpoint wants them: it holds the job's data. Else
	// they are 0666 and 0777 less the umask, as a lake that others read wants them.
	Private bool
}

// ReadFile implements [ReadFS].
func (OS) ReadFile(name string) ([]byte, error) { return os.ReadFile(name) }

// OpenFile opens a file for reading, and returns its size.
func (OS) OpenFile(name string) (Object, int64, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, 0, err
	}
	info, err := f.Stat()
	if err == nil && info.IsDir() {
		err = &fs.PathError{Op: "open", Path: name, Err: unix.EISDIR}
	}
	if err != nil {
		f.Close()
		return nil, 0, err
	}
	return f, info.Size(), nil
}

// ReadDir implements [ReadFS].
func (OS) ReadDir(name string) ([]fs.DirEntry, error) { return os.ReadDir(name) }

// Create implements [FS].
func (o OS) Create(name string) (File, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, o.mode(0o666))
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
}

// Link implements [FS].
func (OS) Link(oldName, newName string) error { return os.Link(oldName, newName) }

// Remove implements [FS]. It is unlink alone, because os.Remove takes empty directories away as well.
func (OS) Remove(name string) error {
	if err := unix.Unlink(name); err != nil {
		return &fs.PathError{Op: "remove", Path: name, Err: err}
	}
	return nil
}

// Mkdir implements [FS].
func (o OS) Mkdir(name string) error { return os.Mkdir(name, o.mode(0o777)) }

// Sync implements [FS].
func (OS) Sync(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}

// Lock implements [Locker] by flock.
func (OS) Lock(name string) (io.Closer, error) {
	return flock(name, os.O_RDWR, unix.LOCK_EX)
}

// Locked implements [Locker]. It asks for a shared lock, which conflicts with a holder's but not with another asker's.
func (OS) Locked(name string) (bool, error) {
	lock, err := flock(name, os.O_RDONLY, unix.LOCK_SH)
	if errors.Is(err, ErrLocked) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	return false, lock.Close()
}

func (o OS) mode(public fs.FileMode) fs.FileMode {
	if o.Private {
		return public & 0o700
	}
	return public
}

// flock opens a file and locks it without waiting. The lock belongs to the open file: closing it, also by the end of
// the process, is what releases it.
func flock(name string, flag, how int) (*os.File, error) {
	f, err := os.OpenFile(name, flag, 0)
	if err != nil {
		return nil, err
	}
	err = uninterrupted(func() error { return unix.Flock(int(f.Fd()), how|unix.LOCK_NB) })
	if err == nil {
		return f, nil
	}
	f.Close()
	if errors.Is(err, unix.EWOULDBLOCK) {
		err = ErrLocked
	}
	return nil, &fs.PathError{Op: "lock", Path: name, Err: err}
}

// uninterrupted calls a system call again when a signal cut it short; the Go runtime sends such signals itself.
func uninterrupted(call func() error) error {
	for {
		if err := call(); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// osFile adds to os.File what differs between systems: see os_linux.go and os_other.go.
type osFile struct{ *os.File }

// Allocate implements [File].
func (f osFile) Allocate(size int64) error {
	if err := f.reserve(size); err != nil {
		return &fs.PathError{Op: "allocate", Path: f.Name(), Err: err}
	}
	return nil
}

// writeZeros fills the first size bytes, which must be new: the way to reserve space where the system has no call
// for it.
func (f osFile) writeZeros(size int64) error {
	zeros := make([]byte, 1<<20)
	for at := int64(0); at < size; at += int64(len(zeros)) {
		if _, err := f.WriteAt(zeros[:min(int64(len(zeros)), size-at)], at); err != nil {
			return err
		}
	}
	return nil
}
