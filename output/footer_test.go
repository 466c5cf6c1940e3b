package output

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/parquet-go/parquet-go"
)

// smallFile is a file of parquet-go with the rows_sha256 "abc".
func smallFile(t testing.TB) []byte {
	var file bytes.Buffer
	w := parquet.NewGenericWriter[struct{ A *int64 }](&file, parquet.KeyValueMetadata(keyRows, "abc"), parquet.KeyValueMetadata("a", "b"))
	if _, err := w.Write([]struct{ A *int64 }{{}, {}}); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

func TestReadFooter(t *testing.T) {
	file := smallFile(t)
	if rows, sum, err := readFooter(file); rows != 2 || sum != "abc" || err != nil {
		t.Errorf("readFooter = %d, %q, %v; want 2, abc", rows, sum, err)
	}
	for n := range file {
		if _, _, err := readFooter(file[:n]); !errors.Is(err, errFooter) {
			t.Errorf("of %d bytes of %d: %v", n, len(file), err)
		}
	}
	huge := bytes.Clone(file)
	copy(huge[len(huge)-8:], "\xff\xff\xff\xff")
	if _, _, err := readFooter(huge); !errors.Is(err, errFooter) {
		t.Errorf("a footer longer than the file: %v", err)
	}
}

// TestSkip reads a struct with a value of every type before the one that counts.
func TestSkip(t *testing.T) {
	meta := []byte{
		0x11, 0x12, // field 1 true, field 2 false
		0x06, 0x06, 0x54, // field 3 by its number in full: i64 42
		0x17, 1, 2, 3, 4, 5, 6, 7, 8, // double
		0x1a, 0x21, 1, 0, // set of two booleans
		0x1b, 2, 0x58, 2, 1, 'x', 4, 0, // map of i32 to binary
		0x1b, 0, // empty map
		0x1c, 0x13, 9, 0x14, 2, 0, // struct of byte and i16
		0x19, 0xfc, 1, 0, // long form of a list: one empty struct
		0,
	}
	file := append([]byte("PAR1"), meta...)
	file = append(file, byte(len(meta)), 0, 0, 0)
	rows, sum, err := readFooter(append(file, "PAR1"...))
	if rows != 42 || sum != "" || err != nil {
		t.Errorf("readFooter = %d, %q, %v; want 42", rows, sum, err)
	}
}

func TestDamagedFooters(t *testing.T) {
	const seed = 1
	rng := rand.New(rand.NewPCG(seed, 0))
	file := smallFile(t)
	for range 20_000 {
		damaged := bytes.Clone(file)
		for range 1 + rng.IntN(4) {
			damaged[4+rng.IntN(len(damaged)-8)] = byte(rng.Uint32())
		}
		// Whatever it says, it must come back: a panic fails the test.
		if _, _, err := readFooter(damaged); err != nil && !errors.Is(err, errFooter) {
			t.Fatalf("seed %d: %v", seed, err)
		}
	}
	nested := append(bytes.Repeat([]byte{0x1c}, 1000), 0)
	r := &thriftReader{b: nested}
	if r.skip(thriftStruct, 0); !r.bad {
		t.Error("1,000 levels of structs were accepted")
	}
}

// FuzzReadFooter reads what stands under a name that should be ours: anything at all.
func FuzzReadFooter(f *testing.F) {
	f.Add(smallFile(f))
	f.Add([]byte("PAR1PAR1"))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		if _, _, err := readFooter(data); err != nil && !errors.Is(err, errFooter) {
			t.Fatal(err)
		}
	})
}
