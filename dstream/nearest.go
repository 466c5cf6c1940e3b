package dstream

import "strings"

// nearestWork bounds the letters that [Nearest] compares: among thousands of long names there may be no hint.
const nearestWork = 4_000_000

// Nearest returns the word among those given that a typing mistake most likely turned into word: the one with the
// least edit distance (case ignored), if that is at most a third of the word's length rounded up; else "". Of equally
// near ones the longest wins, because letters are left out more often than added, then the first.
func Nearest(word string, among []string) string {
	limit := (len(word) + 2) / 3
	best, bestDistance, work := "", limit+1, 0
	for _, w := range among {
		if len(w) > len(word)+limit || len(w) < len(word)-limit {
			continue
		}
		if work += len(w) * len(word); work > nearestWork {
			break
		}
		if d := editDistance(strings.ToLower(word), strings.ToLower(w)); d < bestDistance || d == bestDistance && d <= limit && len(w) > len(best) {
			best, bestDistance = w, d
		}
	}
	return best
}

// didYouMean is the hint for an unknown word, "" when nothing is near.
func didYouMean(word string, among []string) string {
	if n := Nearest(word, among); n != "" {
		return `did you mean "` + n + `"?`
	}
	return ""
}

// editDistance counts insertions, deletions, substitutions and swaps of neighbours (optimal string alignment).
func editDistance(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+differ(a[i-1], b[j-1]))
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}

func differ(a, b byte) int {
	if a == b {
		return 0
	}
	return 1
}
