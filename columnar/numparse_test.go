package columnar

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"testing"
)

func TestParseInt64(t *testing.T) {
	for _, c := range []struct {
		text  string
		want  int64
		fault textFault
	}{
		{"0", 0, textOK},
		{"12345678", 12345678, textOK},
		{"123456789012345678", 123456789012345678, textOK},
		{"9223372036854775807", math.MaxInt64, textOK},
		{"-9223372036854775808", math.MinInt64, textOK},
		{"9223372036854775808", 0, textRange},
		{"-9223372036854775809", 0, textRange},
		{"+7", 7, textOK},
		{"000000000000000000000000000012", 12, textOK},
		{"12.000", 12, textOK},
		{"1.25e2", 125, textOK},
		{"12500e-2", 125, textOK},
		{"0.00e-5", 0, textOK},
		{"9.223372036854775807e18", math.MaxInt64, textOK},
		{"1e18", 1e18, textOK},
		{"1e19", 0, textRange},
		{"0e1000000000000", 0, textOK},
		{"1.5", 0, textFraction},
		{"-0.1", 0, textFraction},
		{"1e-1000000000000", 0, textFraction},
		{"", 0, textMismatch},
		{"-", 0, textMismatch},
		{"1234567x", 0, textMismatch},
		{"1234567/", 0, textMismatch},
		{"1234567:", 0, textMismatch},
		{"1234567\xb0", 0, textMismatch},
		{"1_000", 0, textMismatch},
		{"1e+", 0, textMismatch},
		{"1f3", 0, textMismatch},
		{"1e5.0", 0, textMismatch},
	} {
		if got, fault := parseInt64([]byte(c.text)); fault != c.fault || fault == textOK && got != c.want {
			t.Errorf("parseInt64(%q) = %d, fault %d; want %d, fault %d", c.text, got, fault, c.want, c.fault)
		}
	}
}

// TestEightDigits puts every byte value at every place.
func TestEightDigits(t *testing.T) {
	for at := range 8 {
		for c := range 256 {
			text := []byte("97531864")
			text[at] = byte(c)
			want, err := strconv.ParseUint(string(text), 10, 64)
			got, ok := plainDigits(text)
			if ok != (err == nil) || ok && got != int64(want) {
				t.Fatalf("plainDigits(%q) = %d, %v; want %d, %v", text, got, ok, want, err)
			}
		}
	}
}

// TestParseFloat64AgainstStrconv compares bits with strconv.ParseFloat on random decimal texts.
func TestParseFloat64AgainstStrconv(t *testing.T) {
	const seed = 11
	r := rand.New(rand.NewPCG(seed, seed))
	for range 100_000 {
		text := strconv.FormatUint(r.Uint64()>>r.IntN(64), 10)
		if cut := r.IntN(len(text)); cut > 0 {
			text = text[:cut] + "." + text[cut:]
		}
		if r.IntN(2) == 0 {
			text = "-" + text
		}
		if r.IntN(2) == 0 {
			text += fmt.Sprintf("e%d", r.IntN(80)-40)
		}
		want, err := strconv.ParseFloat(text, 64)
		got, fault := parseFloat64([]byte(text))
		if err != nil || fault != textOK || math.Float64bits(got) != math.Float64bits(want) {
			t.Fatalf("seed %d: parseFloat64(%q) = %v, fault %d; want %v, %v", seed, text, got, fault, want, err)
		}
	}
}
