package jobspec

import (
	"fmt"
	"slices"
	"strings"

	"github.com/millrace/millrace/batch"
)

// Earlier is a [batch.Earlier]: the job that a checkpoint recorded, to compare with the one of the file at hand and not to be
// opened, and what is not the same, a line for each key. Keys that say how the job is reached and what it may use are not
// recorded, so they are not among them. Secrets stand as references on both sides.
func (s *Spec) Earlier(recorded []byte) (*batch.Job, []string, error) {
	then, err := recordedTree(recorded)
	if err != nil {
		return nil, nil, fmt.Errorf("read recorded job: %w", err)
	}
	data, err := s.Record()
	if err != nil {
		return nil, nil, err
	}
	now, err := recordedTree(data)
	if err != nil {
		return nil, nil, err
	}
	changes := differences("", then, now)
	if err := s.reachBy(then, s.reachSomehow); err != nil {
		return nil, changes, fmt.Errorf("read recorded job: %w", err)
	}
	old, err := s.readTree(then)
	if err != nil {
		return nil, changes, fmt.Errorf("read recorded job: %w", err)
	}
	was, _, err := old.Job()
	if err != nil {
		return nil, changes, fmt.Errorf("recorded job: %w", err)
	}
	return was, changes, nil
}

// reachSomehow is reachOf for a job that is not to be opened: what the file at hand no longer has is nowhere.
func (s *Spec) reachSomehow(section, name string) ([]entry, error) {
	if reach, err := s.reachOf(section, name); err == nil {
		return reach, nil
	}
	brokers := &tree{kind: scalarTree, scalar: "nowhere:9092"}
	brokers.freeze()
	return []entry{{key: "brokers", val: brokers}}, nil
}

// differences are the lines on which two trees differ, in the order of the keys of the first, then of the second.
func differences(path string, was, is *tree) []string {
	switch {
	case was.kind == mapTree && is.kind == mapTree:
		return keyDifferences(path, was, is)
	case was.text() == is.text():
		return nil
	case strings.Contains(was.scalar, "\n") || strings.Contains(is.scalar, "\n"):
		return []string{path + ": " + lineDifference(was.scalar, is.scalar)}
	}
	before, after := beside(was.text(), is.text())
	return []string{fmt.Sprintf("%s: %s -> %s", path, before, after)}
}

// besideBefore is how much of what two long texts have in common stands in front of where they differ.
const besideBefore = 30

// beside shortens two texts to the parts in which they begin to differ: what a long query was changed in must not be cut off.
func beside(was, is string) (before, after string) {
	a, b, n := []rune(was), []rune(is), 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	if from := n - besideBefore; from > 0 && (shortened(was) != was || shortened(is) != is) {
		was, is = "…"+string(a[from:]), "…"+string(b[from:])
	}
	return shortened(was), shortened(is)
}

func keyDifferences(path string, was, is *tree) []string {
	var out []string
	for _, e := range was.entries {
		if now := is.get(e.key); now != nil {
			out = append(out, differences(joinPath(path, e.key), e.val, now)...)
		} else {
			out = append(out, fmt.Sprintf("%s: removed, was %s", joinPath(path, e.key), shortened(oneLine(e.val.text()))))
		}
	}
	for _, e := range is.entries {
		if was.get(e.key) == nil {
			out = append(out, fmt.Sprintf("%s: added, %s", joinPath(path, e.key), shortened(oneLine(e.val.text()))))
		}
	}
	return out
}

func joinPath(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// lineDifference is the first line on which two texts differ.
func lineDifference(was, is string) string {
	a, b := strings.Split(strings.TrimSpace(was), "\n"), strings.Split(strings.TrimSpace(is), "\n")
	n := 0
	for n < len(a) && n < len(b) && strings.TrimSpace(a[n]) == strings.TrimSpace(b[n]) {
		n++
	}
	switch {
	case n == len(a) && n == len(b):
		return "other blanks"
	case n == len(a):
		return fmt.Sprintf("line %d: its end -> %q", n+1, shortened(strings.TrimSpace(b[n])))
	case n == len(b):
		return fmt.Sprintf("line %d: %q -> its end", n+1, shortened(strings.TrimSpace(a[n])))
	}
	before, after := beside(strings.TrimSpace(a[n]), strings.TrimSpace(b[n]))
	return fmt.Sprintf("line %d: %q -> %q", n+1, before, after)
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// text is a value in the form of YAML on one line, but for line breaks of scalars.
func (t *tree) text() string {
	var parts []string
	switch t.kind {
	case scalarTree:
		return t.scalar
	case listTree:
		for _, item := range t.items {
			parts = append(parts, item.text())
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case mapTree:
		for _, e := range t.entries {
			parts = append(parts, e.key+": "+e.val.text())
		}
		slices.Sort(parts) // their order says nothing
		return "{" + strings.Join(parts, ", ") + "}"
	}
	return "nothing"
}
