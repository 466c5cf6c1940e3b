//go:build !linux

package store

func (s *Scratch) grow(int) error { return ErrNoScratch }

func evict([]byte) {}

func unmap([]byte) error { return nil }
