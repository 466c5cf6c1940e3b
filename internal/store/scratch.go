package store

import (
	"errors"
	"fmt"
	"os"
	"sync"
)

// Scratch is memory in a file that has no name: the kernel writes it to disk when memory is short, instead of ending a
// process, and it is gone with the process, however that ends. The file is made at the first Alloc. It is safe for
// concurrent use.
type Scratch struct {
	dir string

	mu     sync.Mutex
	file   *os.File
	size   int64    // of the file
	chunks [][]byte // mapped, one behind the other
	free   []byte   // the rest of the last one
}

// ErrNoScratch says that this system has no such memory.
var ErrNoScratch = errors.New("memory in a file is there on Linux only")

// scratchChunk is how many bytes are mapped at a time, at least.
const scratchChunk = 4 << 20

// scratchAlign is a cache line: what is allocated begins at a multiple of it.
const scratchAlign = 64

// NewScratch returns a scratch whose file is in the directory, which has to be there when it is needed.
func NewScratch(dir string) *Scratch { return &Scratch{dir: dir} }

// Alloc returns n bytes of zeros, aligned to 64. They are there until Reset or Close.
func (s *Scratch) Alloc(n int) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	need := (n + scratchAlign - 1) &^ (scratchAlign - 1)
	if need > len(s.free) {
		if err := s.grow(need); err != nil {
			return nil, fmt.Errorf("make room in a scratch file in %s: %w", s.dir, err)
		}
	}
	buf := s.free[:n:n]
	s.free = s.free[need:]
	return buf, nil
}

// Evict takes what was read and written so far out of the memory of this process: it stays in the file, where the next who
// touches it finds it.
func (s *Scratch) Evict() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.chunks {
		evict(c)
	}
}

// Reset gives back everything: what Alloc has returned must not be touched any more.
func (s *Scratch) Reset() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all error
	for _, c := range s.chunks {
		all = errors.Join(all, unmap(c))
	}
	s.chunks, s.free, s.size = nil, nil, 0
	if s.file != nil {
		all = errors.Join(all, s.file.Truncate(0))
	}
	return all
}

// Close gives the file back too.
func (s *Scratch) Close() error {
	err := s.Reset()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.file != nil {
		err = errors.Join(err, s.file.Close())
		s.file = nil
	}
	return err
}
