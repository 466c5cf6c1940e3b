package store

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// grow maps another part of the file, with its blocks set aside, so that writing to it cannot fail.
func (s *Scratch) grow(n int) error {
	if err := s.open(); err != nil {
		return err
	}
	length := max(scratchChunk, (n+os.Getpagesize()-1)/os.Getpagesize()*os.Getpagesize())
	if err := s.reserve(int64(length)); err != nil {
		return err
	}
	chunk, err := unix.Mmap(int(s.file.Fd()), s.size, length, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return os.NewSyscallError("mmap", err)
	}
	s.retire()
	s.chunks, s.free, s.size = append(s.chunks, chunk), chunk, s.size+int64(length)
	return nil
}

// open makes a file without a name; where the file system cannot, one whose name goes at once.
func (s *Scratch) open() error {
	if s.file != nil {
		return nil
	}
	fd, err := unix.Open(s.dir, unix.O_TMPFILE|unix.O_RDWR|unix.O_CLOEXEC, 0o600)
	if err == nil {
		s.file = os.NewFile(uintptr(fd), s.dir)
		return nil
	}
	if s.file, err = os.CreateTemp(s.dir, tempPrefix+"*"+tempSuffix); err != nil {
		return err
	}
	return os.Remove(s.file.Name())
}

// reserve lengthens the file.
func (s *Scratch) reserve(n int64) error {
	err := uninterrupted(func() error { return unix.Fallocate(int(s.file.Fd()), 0, s.size, n) })
	if errors.Is(err, unix.EOPNOTSUPP) {
		_, err = s.file.WriteAt(make([]byte, n), s.size)
	}
	return err
}

// retire has the last chunk, which is full, written in the background, and takes its pages out of this process: they stay in
// the page cache as long as there is room. These are hints, so errors do not matter.
func (s *Scratch) retire() {
	if len(s.chunks) == 0 {
		return
	}
	last := s.chunks[len(s.chunks)-1]
	evict(last)
	_ = unix.SyncFileRange(int(s.file.Fd()), s.size-int64(len(last)), int64(len(last)), unix.SYNC_FILE_RANGE_WRITE)
}

// evict drops a mapping's pages, which stay in the page cache as long as there is room. It is a hint.
func evict(chunk []byte) { _ = unix.Madvise(chunk, unix.MADV_DONTNEED) }

func unmap(chunk []byte) error { return os.NewSyscallError("munmap", unix.Munmap(chunk)) }
