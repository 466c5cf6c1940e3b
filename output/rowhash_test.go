package output_test

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/output/outputtest"
)

// slowRowsSHA256 follows docs/formats/output.md word by word.
func slowRowsSHA256(s *columnar.Schema, rows []outputtest.Row) string {
	text := fmt.Sprintf("millrace rows 1\n%d\n", len(rows))
	for c, f := range s.Fields {
		h := sha256.New()
		for _, row := range rows {
			h.Write(canonical(f.Type.Kind, row[c]))
		}
		text += fmt.Sprintf("%s %s %d %s\n", hex.EncodeToString(h.Sum(nil)), f.Type, len(f.Name), f.Name)
	}
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

func canonical(k columnar.Kind, x any) []byte {
	le := binary.LittleEndian
	switch x := x.(type) {
	case bool:
		if x {
			return []byte{1, 1}
		}
		return []byte{1, 0}
	case int64:
		if k == columnar.Int32 || k == columnar.Date {
			return le.AppendUint32([]byte{1}, uint32(x))
		}
		return le.AppendUint64([]byte{1}, uint64(x))
	case float64:
		if math.IsNaN(x) {
			return []byte{1, 0, 0, 0, 0, 0, 0, 0xf8, 0x7f}
		}
		return le.AppendUint64([]byte{1}, math.Float64bits(x))
	case string:
		return append(le.AppendUint32([]byte{1}, uint32(len(x))), x...)
	case []byte:
		return append(le.AppendUint32([]byte{1}, uint32(len(x))), x...)
	}
	return []byte{0}
}

func TestRowsSHA256(t *testing.T) {
	for seed := range uint64(10) {
		rng := rand.New(rand.NewPCG(seed, 1))
		var rows []outputtest.Row
		for range rng.IntN(1000) + 1 {
			rows = append(rows, randomRow(rng, allKinds))
		}
		l := newLake(t)
		f := l.write(l.config(flat(allKinds)), batches(rng, allKinds, rows, 300)...).Files[0]
		if want := slowRowsSHA256(allKinds, rows); f.RowsSHA256 != want {
			t.Errorf("seed %d: rows_sha256 %s, want %s", seed, f.RowsSHA256, want)
		}
		// What a reader gets has the same digest, so that files can be checked by what is in them.
		if got := slowRowsSHA256(allKinds, readArrow(t, l.get(f.Path)).rows); got != f.RowsSHA256 {
			t.Errorf("seed %d: rows read back have rows_sha256 %s, the footer says %s", seed, got, f.RowsSHA256)
		}
	}
}

func TestRowsSHA256Golden(t *testing.T) {
	rows := []outputtest.Row{
		{int64(1_700_000_000_000_000), "view", int64(-1), true, math.NaN(), int64(7), []byte{0, 255}, int64(20779)},
		{nil, nil, nil, nil, nil, nil, nil, nil},
		{int64(0), "", int64(1) << 40, false, math.Copysign(0, -1), int64(-7), []byte{}, int64(-1)},
	}
	l := newLake(t)
	got := l.write(l.config(flat(allKinds)), outputtest.Batch(allKinds, rows...)).Files[0].RowsSHA256
	const want = "c2a2ca16c0d555c4a38788caf6da82301101710d0dc83a6d88f0e17bab77a8f8"
	if got != want {
		t.Errorf("rows_sha256 %s, want %s: stored footers hold it, so it must not change", got, want)
	}
}

// TestRowsSHA256Differs changes one thing at a time.
func TestRowsSHA256Differs(t *testing.T) {
	s := schema(columnar.String, columnar.Binary)
	seen := map[string]string{}
	for _, test := range []struct {
		name   string
		schema *columnar.Schema
		rows   []outputtest.Row
	}{
		{"as it is", s, []outputtest.Row{{"a", []byte("b")}, {"c", []byte("d")}}},
		{"rows swapped", s, []outputtest.Row{{"c", []byte("d")}, {"a", []byte("b")}}},
		{"columns swapped", s, []outputtest.Row{{"b", []byte("a")}, {"d", []byte("c")}}},
		{"a value moved on", s, []outputtest.Row{{"ac", []byte("b")}, {"", []byte("d")}}},
		{"empty is not NULL", s, []outputtest.Row{{"ac", []byte("b")}, {nil, []byte("d")}}},
		{"a row less", s, []outputtest.Row{{"a", []byte("b")}}},
		{"another type", schema(columnar.String, columnar.String), []outputtest.Row{{"a", "b"}, {"c", "d"}}},
	} {
		if test.name == "another type" {
			test.schema.Fields[1].Name = "binary"
		}
		l := newLake(t)
		sum := l.write(l.config(flat(test.schema)), outputtest.Batch(test.schema, test.rows...)).Files[0].RowsSHA256
		if other, ok := seen[sum]; ok {
			t.Errorf("%q has the digest of %q", test.name, other)
		}
		seen[sum] = test.name
	}
}
