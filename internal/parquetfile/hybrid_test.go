package parquetfile

import (
	"math/bits"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/parquet-go/parquet-go/encoding/rle"
)

// TestHybrid reads runs and packed groups of every width back with parquet-go's decoder.
func TestHybrid(t *testing.T) {
	for seed := range uint64(2000) {
		r := rand.New(rand.NewPCG(seed, 1))
		width := 1 + r.IntN(20)
		var vals []uint32
		for n := r.IntN(400); len(vals) < n; {
			run := 1
			if r.IntN(4) == 0 {
				run = r.IntN(100)
			}
			v := r.Uint32() >> (32 - width)
			vals = append(vals, slices.Repeat([]uint32{v}, run)...)
		}
		got, err := (&rle.Encoding{BitWidth: width}).DecodeInt32(nil, appendHybrid(nil, vals, width))
		if err != nil {
			t.Fatalf("seed %d: width %d: %v", seed, width, err)
		}
		if len(got) < len(vals) || len(got) > len(vals)+7 {
			t.Fatalf("seed %d: %d values, want %d and what fills the last group", seed, len(got), len(vals))
		}
		for i, v := range vals {
			if uint32(got[i]) != v {
				t.Fatalf("seed %d: width %d: value %d of %d is %d, want %d", seed, width, i, len(vals), got[i], v)
			}
		}
	}
}

// TestLevels reads definition levels back, of which the first ones may have been counted only.
func TestLevels(t *testing.T) {
	for seed := range uint64(500) {
		r := rand.New(rand.NewPCG(seed, 2))
		l := levels{full: r.IntN(3) * r.IntN(100)}
		most := 1 + r.IntN(9)
		want := slices.Repeat([]uint8{1}, l.full)
		for range r.IntN(200) {
			l.defs = append(l.defs, uint8(r.IntN(most+1)))
		}
		want = append(want, l.defs...)
		got, err := (&rle.Encoding{BitWidth: bits.Len(uint(most))}).DecodeLevels(nil, l.definitions(nil, most)[4:])
		if err != nil || len(got) < len(want) || !slices.Equal(got[:len(want)], want) {
			t.Fatalf("seed %d: levels %v, %v, want %v", seed, got, err, want)
		}
	}
}
