package columnar

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
)

// TestParsePath runs testdata/path: each line is a path, the output its steps and its text.
func TestParsePath(t *testing.T) {
	datadriven.RunTest(t, "testdata/path", func(t *testing.T, d *datadriven.TestData) string {
		var out strings.Builder
		for line := range strings.SplitSeq(d.Input, "\n") {
			path, err := ParsePath(line)
			if err != nil {
				fmt.Fprintln(&out, "error:", err)
				continue
			}
			for _, s := range path {
				if s.IsIndex {
					fmt.Fprintf(&out, "%d ", s.Index)
				} else {
					fmt.Fprintf(&out, "%q ", s.Key)
				}
			}
			fmt.Fprintln(&out, "=", path)
			if again, err := ParsePath(path.String()); err != nil || !slices.Equal(again, path) {
				t.Errorf("%s: its text %s reads as %v, %v", line, path, again, err)
			}
		}
		return out.String()
	})
}

func TestPathBounds(t *testing.T) {
	if _, err := ParsePath(""); err == nil || err.Error() != `path "": want a key at character 1` {
		t.Errorf("the empty path: %v", err)
	}
	text := "a" + strings.Repeat("[0]", maxPathSteps-1)
	if _, err := ParsePath(text); err != nil {
		t.Error(err)
	}
	if _, err := ParsePath(text + ".b"); err == nil || !strings.Contains(err.Error(), "more than 32 steps") {
		t.Errorf("got %v", err)
	}
	for _, path := range []Path{{{Index: 1, IsIndex: true}}, {{Key: "a"}, {Index: -1, IsIndex: true}}, slices.Repeat(Path{{Key: "a"}}, 33)} {
		if _, err := NewJSONDecoder("events", []DecodeField{{Field: Field{"a", Type{Kind: Int64}}, Path: path}}, DecodeOptions{}); err == nil {
			t.Errorf("%v is taken", path)
		}
	}
}

func FuzzParsePath(f *testing.F) {
	for _, s := range []string{"a.b[0]", `"a""b".c`, "a[", "$.a", `"`, "a..b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		path, err := ParsePath(text)
		if err != nil {
			return
		}
		if again, err := ParsePath(path.String()); err != nil || !slices.Equal(again, path) {
			t.Errorf("%q: its text %s reads as %v, %v", text, path, again, err)
		}
	})
}
