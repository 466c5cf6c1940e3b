package output

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
)

// Constants of merged manifests, version 2 of the directory format (docs/formats/output.md). They must not change.
const (
	mergedVersion = 2
	// markBatch is the batch that [markName] seems to be of, which no job comes to: version 1 takes a directory with it for one that
	// is ahead of its log, and stops.
	markBatch = 999_999_999_999
	markText  = "manifests of this output are merged: a newer version of the program wrote them"
)

// markName is of the object that says that manifests are merged.
var markName = fmt.Sprintf("%s%012d.json", manifestPrefix, int64(markBatch))

// formatMark is its content. Version 1 cannot read it as a manifest, since files is a text.
type formatMark struct {
	Format int `json:"format"`
	Owner
	Batch int64  `json:"batch"`
	Files string `json:"files"`
}

// merged is the content of _millrace/manifest/<last>-<first>.json: the manifests of several batches.
type merged struct {
	Format int `json:"format"`
	Owner
	First   int64     `json:"first_batch"`
	Last    int64     `json:"last_batch"`
	Batches []entries `json:"batches"`
}

// entries are what the manifest of a batch lists.
type entries struct {
	Batch int64  `json:"batch"`
	Files []File `json:"files"`
}

// span is batches that follow one another, first and last with them.
type span struct{ first, last int64 }

func (s span) holds(batch int64) bool { return s.first <= batch && batch <= s.last }

// name is that of the merged manifest of the batches. It sorts where the single ones of its last batch does, so that who lists names
// from a batch on finds it.
func (s span) name() string {
	return fmt.Sprintf("%s%012d-%012d.json", manifestPrefix, s.last, s.first)
}

// mergedSpan reads such a name; false for other names.
func mergedSpan(name string) (s span, ok bool) {
	text, ok := strings.CutSuffix(path.Base(name), ".json")
	last, first, cut := strings.Cut(text, "-")
	if !ok || !cut {
		return s, false
	}
	var err1, err2 error
	s.first, err1 = strconv.ParseInt(first, 10, 64)
	s.last, err2 = strconv.ParseInt(last, 10, 64)
	return s, err1 == nil && err2 == nil && 1 <= s.first && s.first <= s.last && s.name() == name
}

// newestIn is the last batch that a manifest of that name is of, 0 for other names.
func newestIn(name string) int64 {
	if s, ok := mergedSpan(name); ok {
		return s.last
	}
	return manifestBatch(name)
}

// encodeMerged writes one batch a line, which are those of [entries].
func encodeMerged(owner Owner, s span, lines [][]byte) ([]byte, error) {
	head, err := json.Marshal(merged{mergedVersion, owner, s.first, s.last, []entries{}})
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	b.Write(bytes.TrimSuffix(head, []byte("]}")))
	for i, line := range lines {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteByte('\n')
		b.Write(line)
	}
	b.WriteString("]}\n")
	return b.Bytes(), nil
}

// decodeMerged reads the merged manifest of the batches.
func decodeMerged(data []byte, s span) (*merged, error) {
	m := &merged{}
	if err := json.Unmarshal(data, m); err != nil {
		return nil, fmt.Errorf("is no merged manifest (%w): restore it from a copy", err)
	}
	if m.Format != mergedVersion {
		return nil, otherFormat(m.Format)
	}
	if m.First != s.first || m.Last != s.last || !slices.IsSortedFunc(m.Batches, byBatch) {
		return nil, fmt.Errorf("is the merged manifest of other batches, %d to %d: restore it from a copy", m.First, m.Last)
	}
	for i, e := range m.Batches {
		if !s.holds(e.Batch) || i > 0 && m.Batches[i-1].Batch == e.Batch {
			return nil, fmt.Errorf("has batch %d out of its place: restore it from a copy", e.Batch)
		}
	}
	return m, nil
}

func byBatch(a, b entries) int { return int(a.Batch - b.Batch) }

func otherFormat(format int) error {
	return fmt.Errorf("has format %d, this version knows %d; run the version that wrote it, or a newer one", format, mergedVersion)
}

// checkMark refuses what a newer version says of the directory.
func checkMark(data []byte) error {
	var m formatMark
	if err := json.Unmarshal(data, &m); err != nil {
		return fmt.Errorf("does not say which version merges the manifests here (%w): restore it from a copy", err)
	}
	if m.Format != mergedVersion {
		return otherFormat(m.Format)
	}
	return nil
}
