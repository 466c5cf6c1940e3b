package jobspec

import (
	"slices"
	"strconv"
	"strings"
)

// Secrets takes secrets out of texts that are printed or logged. The zero Secrets knows none.
type Secrets struct {
	forms []string // longest first: one may hold another
}

// shortestHidden keeps the hidden words of a text from being more than the text.
const shortestHidden = 4

// Add makes secrets known: as they are, as SQL and messages quote them, and what they are where they stand inside of quotes
// of SQL.
func (s *Secrets) Add(values []string) {
	for _, v := range values {
		quoted := strconv.Quote(v)
		for _, form := range []string{v, strings.ReplaceAll(v, "'", "''"), strings.ReplaceAll(v, "''", "'"), quoted[1 : len(quoted)-1]} {
			if len(form) >= shortestHidden && !slices.Contains(s.forms, form) {
				s.forms = append(s.forms, form)
			}
		}
	}
	slices.SortStableFunc(s.forms, func(a, b string) int { return len(b) - len(a) })
}

// Hide writes *** in the place of secrets, also of the beginning of one that a message has cut off.
func (s *Secrets) Hide(text string) string {
	for _, form := range s.forms {
		text = hideCut(strings.ReplaceAll(text, form, "***"), form)
	}
	return text
}

// cutMark stands behind what messages cut off, and longestCut is more than they show of a value.
const (
	cutMark    = "…"
	longestCut = 512
)

// hideCut hides the beginnings of the secret that stand in front of a cut.
func hideCut(text, secret string) string {
	if !strings.Contains(text, cutMark) {
		return text
	}
	parts := strings.Split(text, cutMark)
	for i, p := range parts[:len(parts)-1] {
		for n := min(len(secret)-1, len(p), longestCut); n >= shortestHidden; n-- {
			if strings.HasSuffix(p, secret[:n]) {
				parts[i] = p[:len(p)-n] + "***"
				break
			}
		}
	}
	return strings.Join(parts, cutMark)
}
