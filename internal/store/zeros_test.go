package store

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// The portable way to reserve space is not taken on every system that runs the tests, so it is called by itself.
func TestWriteZeros(t *testing.T) {
	const size = 1<<20 + 3
	f, err := os.Create(filepath.Join(t.TempDir(), "x"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := (osFile{f}).writeZeros(size); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(f.Name())
	if err != nil || !bytes.Equal(data, make([]byte, size)) {
		t.Errorf("file has %d bytes, %v; want %d zeros", len(data), err, size)
	}
}
