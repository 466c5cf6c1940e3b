package jobspec

import "testing"

func TestSecretsHide(t *testing.T) {
	var s Secrets
	if got := s.Hide("nothing to hide"); got != "nothing to hide" {
		t.Error(got)
	}
	s.Add([]string{"hunter2", "it's", "a hunter2 b", "abc", "two\nlines", "a long one with ä in it"})
	for text, want := range map[string]string{
		"hunter2, 'it''s', a hunter2 b, abc":         "***, '***', ***, abc",
		`"two\nlines" and two` + "\n" + `lines`:      `"***" and ***`,
		`"a long one with…" is not`:                  `"***…" is not`,
		"a long one with \xc3…":                      "***…",
		"x a lo… a long… a long one with ä in it…":   "x ***… ***… ***…",
		"a l… a long one, cut by nothing, but here…": "a l… a long one, cut by nothing, but here…",
		"hunt… hunter22…":                            "***… ***2…",
	} {
		if got := s.Hide(text); got != want {
			t.Errorf("%q became %q, want %q", text, got, want)
		}
	}
}
