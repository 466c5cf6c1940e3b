package dstream

import (
	"math/rand/v2"
	"testing"
)

func TestNearest(t *testing.T) {
	columns := []string{"event_type", "event_time", "ad_id", "n", "Price"}
	tests := []struct{ word, want string }{
		{"evnt_type", "event_type"},
		{"event_tme", "event_time"},
		{"ad_di", "ad_id"}, // a swap is one mistake
		{"adid", "ad_id"},
		{"PRICE", "Price"},
		{"prise", "Price"},
		{"m", "n"},
		{"zzz", ""},
		{"campaign", ""},
		{"", ""},
	}
	for _, tt := range tests {
		if got := Nearest(tt.word, columns); got != tt.want {
			t.Errorf("Nearest(%q) = %q, want %q", tt.word, got, tt.want)
		}
	}
	if got := Nearest("event_t", []string{"event_a", "event_b"}); got != "event_a" {
		t.Errorf("of equally near words, got %q, not the first", got)
	}
	if got := Nearest("cont", []string{"cot", "count", "const"}); got != "count" {
		t.Errorf("of equally near words, got %q, not the longest", got)
	}
}

// TestEditDistance compares with the recursive definition.
func TestEditDistance(t *testing.T) {
	const seed = 7
	rng := rand.New(rand.NewPCG(seed, 0))
	for range 300 {
		a, b := randomWord(rng), randomWord(rng)
		if got, want := editDistance(a, b), slowDistance(a, b); got != want {
			t.Fatalf("seed %d: distance of %q and %q is %d, want %d", seed, a, b, got, want)
		}
	}
}

func randomWord(rng *rand.Rand) string {
	word := make([]byte, rng.IntN(6))
	for i := range word {
		word[i] = 'a' + byte(rng.IntN(3))
	}
	return string(word)
}

func slowDistance(a, b string) int {
	if a == "" || b == "" {
		return len(a) + len(b)
	}
	i, j := len(a)-1, len(b)-1
	d := min(slowDistance(a[:i], b)+1, slowDistance(a, b[:j])+1, slowDistance(a[:i], b[:j])+differ(a[i], b[j]))
	if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
		d = min(d, slowDistance(a[:i-1], b[:j-1])+1)
	}
	return d
}
