package state

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestGroups: groups are numbered in the order in which their keys come, and found again, by an array and by a hash table, while keys
// become more, get other numbers and are forgotten.
func TestGroups(t *testing.T) {
	const seed = 81
	r := rand.New(rand.NewPCG(seed, 0))
	dense, hashed := 0, 0
	for range 200 {
		g := newGroups(rangeShape())
		var want []uint32
		total := 1 + r.IntN(200)
		for range 8 {
			switch r.IntN(6) {
			case 0:
				total *= 1 + r.IntN(30)
			case 1:
				g.reset()
				want = want[:0]
			case 2:
				became, fewer := renumbered(r, want, total)
				g.renumber(became)
				for i, key := range want {
					want[i] = became[key]
				}
				total = fewer
			}
			keys := make([]uint32, r.IntN(100))
			for i := range keys {
				keys[i] = uint32(r.IntN(total))
			}
			for i, group := range g.number(nil, keys, total) {
				at := slices.Index(want, keys[i])
				if at < 0 {
					at = len(want)
					want = append(want, keys[i])
				}
				if int(group) != at {
					t.Fatalf("seed %d: key %d has group %d, not %d", seed, keys[i], group, at)
				}
			}
			if !slices.Equal(g.keys, want) || g.accs.Len() != len(want) {
				t.Fatalf("seed %d: keys %v with %d groups, want %v", seed, g.keys, g.accs.Len(), want)
			}
			for range 20 {
				key := uint32(r.IntN(total + 5))
				if got := g.find(key); int(got) != slices.Index(want, key) {
					t.Fatalf("seed %d: key %d is found in group %d, not %d", seed, key, got, slices.Index(want, key))
				}
			}
			if g.dense != nil {
				dense++
			} else {
				hashed++
			}
		}
	}
	t.Logf("%d by an array, %d by a hash table", dense, hashed)
	if min(dense, hashed) < 100 {
		t.Error("a way was hardly taken")
	}
}

// renumbered draws new numbers for keys, as [keys.renumber] gives them: the keys without groups are gone.
func renumbered(r *rand.Rand, held []uint32, total int) (became []uint32, fewer int) {
	became = make([]uint32, total)
	for key := range became {
		became[key] = gone
		if slices.Contains(held, uint32(key)) || r.IntN(4) == 0 {
			became[key] = uint32(fewer)
			fewer++
		}
	}
	return became, max(fewer, 1)
}
