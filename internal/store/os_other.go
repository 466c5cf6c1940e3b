//go:build unix && !linux

package store

// reserve writes zeros: the portable way to have blocks set aside.
func (f osFile) reserve(size int64) error { return f.writeZeros(size) }
