package store

import (
	"bytes"
	"errors"
	"os"
	"sync"
	"testing"
	"unsafe"
)

// TestScratch keeps what is written, in many goroutines and over many chunks, and leaves no name behind.
func TestScratch(t *testing.T) {
	dir := t.TempDir()
	s := NewScratch(dir)
	if _, err := s.Alloc(1); errors.Is(err, ErrNoScratch) {
		t.Skip("skipped: " + err.Error())
	}
	for round := range 2 {
		var mu sync.Mutex
		var all [][]byte
		var wg sync.WaitGroup
		for g := range 4 {
			wg.Go(func() {
				for i := range 40 {
					buf, err := s.Alloc(1<<20 + i*777)
					if err != nil {
						t.Error(err)
						return
					}
					if bytes.IndexFunc(buf[:100], func(r rune) bool { return r != 0 }) >= 0 || uintptr(unsafe.Pointer(&buf[0]))%scratchAlign != 0 {
						t.Errorf("round %d: memory is not zero or not aligned", round)
					}
					for k := range buf {
						buf[k] = byte(g*40 + i)
					}
					mu.Lock()
					all = append(all, buf)
					mu.Unlock()
				}
			})
		}
		wg.Wait()
		seen := map[byte]bool{}
		for _, buf := range all {
			if seen[buf[0]] = true; bytes.Count(buf, buf[:1]) != len(buf) {
				t.Fatalf("round %d: memory was given twice", round)
			}
		}
		if len(seen) != 160 {
			t.Errorf("round %d: %d pieces of 160", round, len(seen))
		}
		if err := s.Reset(); err != nil {
			t.Fatal(err)
		}
	}
	if large, err := s.Alloc(3 * scratchChunk); err != nil || len(large) != 3*scratchChunk {
		t.Errorf("%d bytes, %v", len(large), err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 0 {
		t.Errorf("%d names, %v", len(entries), err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// TestScratchNowhere says what is wrong where there is no directory.
func TestScratchNowhere(t *testing.T) {
	s := NewScratch(t.TempDir() + "/missing")
	if _, err := s.Alloc(1); err == nil {
		t.Error("memory in a directory that is not there")
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
