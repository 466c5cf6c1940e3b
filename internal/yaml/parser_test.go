package yaml

import (
	"errors"
	"flag"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"
	"golang.org/x/sys/unix"
)

// The command parse prints the tree, or the error with the place that it names. \t stands for a tab.
func TestParse(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			text := strings.NewReplacer(`\t`, "\t", `\r`, "\r", `\xff`, "\xff", `\x01`, "\x01").Replace(d.Input) + "\n"
			n, err := Parse(text)
			if err == nil {
				var b strings.Builder
				print(&b, n, "")
				return b.String()
			}
			var e *Error
			if !errors.As(err, &e) {
				t.Fatalf("%T is no *Error", err)
			}
			lines := strings.Split(strings.ReplaceAll(text, "\t", " "), "\n")
			return fmt.Sprintf("%s\n%s\n%s^\n", err, strings.ToValidUTF8(lines[e.Line-1], "?"), strings.Repeat(" ", e.Column-1))
		})
	})
}

func print(b *strings.Builder, n *Node, indent string) {
	switch n.Kind {
	case Null:
		fmt.Fprintf(b, "null @%d:%d\n", n.Line, n.Column)
	case Scalar:
		fmt.Fprintf(b, "%q @%d:%d\n", n.Text, n.Line, n.Column)
	case List:
		fmt.Fprintf(b, "list @%d:%d\n", n.Line, n.Column)
		for _, i := range n.Items {
			b.WriteString(indent + "- ")
			print(b, i, indent+"  ")
		}
	case Mapping:
		fmt.Fprintf(b, "mapping @%d:%d\n", n.Line, n.Column)
		for _, e := range n.Entries {
			fmt.Fprintf(b, "%s%s @%d:%d: ", indent, e.Key, e.Line, e.Column)
			print(b, e.Value, indent+"  ")
		}
	}
}

// hostile texts ask for much work.
func hostile() map[string]string {
	var keys, merges strings.Builder
	for i := 0; keys.Len() < MaxBytes-40; i++ {
		fmt.Fprintf(&keys, "k%d: v\n", i)
	}
	merges.WriteString("a: &a {")
	for i := range 3_000 {
		fmt.Fprintf(&merges, "k%d: v, ", i)
	}
	merges.WriteString("}\nb: {<<: [" + strings.Repeat("*a, ", 3_000) + "]}\n")
	bomb := "a0: &a0 [x, x]\n"
	for i := 1; i < 40; i++ {
		bomb += fmt.Sprintf("a%d: &a%d [*a%d, *a%d]\n", i, i, i-1, i-1)
	}
	full := func(head, part string) string { return head + strings.Repeat(part, (MaxBytes-len(head))/len(part)) }
	return map[string]string{
		"keys": keys.String(), "merges": merges.String(), "bomb": bomb,
		"list": full("", "- a\n"), "flow": full("a: [", "a,"), "flow map": full("a: {", "a: b, "), "pairs": full("a: [", "a: b, "),
		"plain": full("a: ", "word "), "lines": full("a: ", "word\n  "), "blank lines": full("a: x", "\n"), "block": full("a: |\n", "  SELECT a\n"),
		"folded": full("a: >\n", "  SELECT a\n"), "blank block": full("a: |+", "\n"), "double": full(`a: "`, `word\n`), "single": full("a: '", "word''"),
		"quoted lines": full(`a: "`, "word  \n"), "escaped lines": full(`a: "`, "\\\n"), "comments": full("", "# c\n"), "colons": full("", "a:"), "questions": full("", "? "),
		"dashes": full("", "- "), "anchors": full("", "&a "), "aliases": full("a: &a x\nb: [", "*a, "), "brackets": full("", "["), "braces": full("", "{a: "),
		"documents": full("", "---\n"), "tabs": full("", "\t"), "spaces": full("a:", " "), "quotes": full("", "''"), "carriage": full("a: b", "\r\n"),
		"staircase": full("", "a:\n"), "nulls": full("a: [", "~,"), "keys of quotes": full("", `"`), "colon lines": full("", ":\n"), "pipe": full("a: |9\n", " x\n"),
	}
}

func TestHostileTexts(t *testing.T) {
	for name, text := range hostile() {
		t.Run(name, func(t *testing.T) {
			if len(text) > MaxBytes {
				t.Fatalf("%d bytes", len(text))
			}
			best := time.Hour
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			for range 3 {
				start := cpuTime(t)
				if _, err := Parse(text); err != nil && len(err.Error()) > 400 {
					t.Errorf("a message of %d bytes", len(err.Error()))
				}
				best = min(best, cpuTime(t)-start)
			}
			fuzzing := flag.Lookup("test.fuzz").Value.String() != "" // with instrumented code
			if best > 100*time.Millisecond && !raceDetector && !fuzzing {
				t.Errorf("took %s", best)
			}
			t.Log(best)
		})
	}
}

// cpuTime is what the thread has used: other packages' tests run beside this one.
func cpuTime(t *testing.T) time.Duration {
	t.Helper()
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &ts); err != nil {
		t.Fatal(err)
	}
	return time.Duration(ts.Nano())
}

func TestTooLong(t *testing.T) {
	_, err := Parse(strings.Repeat("#", MaxBytes+1))
	if err == nil || err.Error() != "1:1: 1048577 bytes are too long; at most 1048576" {
		t.Error(err)
	}
}

func TestDeepestNesting(t *testing.T) {
	for n, ok := range map[int]bool{MaxNesting: true, MaxNesting + 1: false} {
		if _, err := Parse(strings.Repeat("[", n) + strings.Repeat("]", n)); (err == nil) != ok {
			t.Errorf("%d brackets: %v", n, err)
		}
		if _, err := Parse(strings.Repeat("- ", n) + "a"); (err == nil) != ok {
			t.Errorf("%d dashes: %v", n, err)
		}
	}
}

// Nothing panics; every error has a place in the text; what is read twice is the same.
func FuzzParse(f *testing.F) {
	for _, text := range texts {
		f.Add(text)
	}
	for _, s := range fragments {
		f.Add("a: " + s + "\n  b: c\n")
	}
	f.Fuzz(func(t *testing.T, text string) {
		n, err := Parse(text)
		if err == nil {
			_ = shapeBounded(n)
			return
		}
		var e *Error
		if !errors.As(err, &e) {
			t.Fatalf("%T", err)
		}
		lines := strings.Split(text, "\n")
		if e.Line < 1 || e.Line > len(lines) || e.Column < 1 || e.Column > len([]rune(lines[e.Line-1]))+1 {
			t.Errorf("%v has no place in %q", err, text)
		}
	})
}

// shapeBounded writes small trees down: aliases make big ones of small texts.
func shapeBounded(n *Node) string {
	if len(n.Entries)+len(n.Items) > 10 {
		return ""
	}
	return shape(&Node{Kind: n.Kind, Text: n.Text})
}
