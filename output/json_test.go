package output

import (
	"bytes"
	"encoding/json"
	"testing"
)

// FuzzJSONString compares with the library's quoting.
func FuzzJSONString(f *testing.F) {
	for _, s := range []string{"", "a", `"\`, "\x00\b\f\n\r\t\x1f\x7f", "<&>", "ä€𝄞", "\u2028x\u2029", "\xff\xc3", "a\xe2\x80", "\xe2\x80\xa8\xe2"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, s []byte) {
		var want bytes.Buffer
		enc := json.NewEncoder(&want)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(string(s)); err != nil {
			t.Fatal(err)
		}
		if got := appendJSONString(nil, s); string(got)+"\n" != want.String() {
			t.Errorf("%q: %s, want %s", s, got, &want)
		}
	})
}
