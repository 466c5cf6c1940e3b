package columnar

import (
	"strings"
	"testing"
	"unicode/utf8"
)

// TestCutReason: at most so many bytes, cut between runes, and cut once is cut for good.
func TestCutReason(t *testing.T) {
	for n := range BadReasonBytes + 10 {
		for _, unit := range []string{"x", "ü", "…", "𝄞", "\xff"} {
			text := strings.Repeat("y", n) + strings.Repeat(unit, 3)
			got, want := CutReason(text), strings.ToValidUTF8(text, "\ufffd")
			switch {
			case len(want) <= BadReasonBytes && got != want:
				t.Fatalf("%q became %q", text, got)
			case len(got) > BadReasonBytes || !utf8.ValidString(got) || CutReason(got) != got:
				t.Fatalf("%q became %q of %d bytes", text, got, len(got))
			case len(want) > BadReasonBytes && (!strings.HasSuffix(got, "…") || !strings.HasPrefix(want, got[:len(got)-len("…")]) || len(got) < BadReasonBytes-3):
				t.Fatalf("%q became %q of %d bytes", text, got, len(got))
			}
		}
	}
}
