package batch

import (
	"bytes"
	"maps"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/output"
)

// TestReplayApart keeps a replay out of what the job wrote to when it planned the batches, whatever it writes to by now.
func TestReplayApart(t *testing.T) {
	w := newWorld(t, 1)
	w.generate(40)
	w.mustRun(w.job(stateless))
	moved := w.job(stateless)
	moved.Sinks[0].Place = "/moved"
	for _, into := range []string{"/", simOutput, simOutput + "/below"} {
		_, _, err := w.replay(moved, func(o *ReplayOptions) { o.Into = into })
		wantError[*RefusedError](t, err, "replay batch 1: "+into+" overlaps with "+simOutput+", which sink lake of the job wrote to then")
	}
	if out, _, err := w.replay(moved, func(o *ReplayOptions) { o.Into = simOutput + "-beside" }); err != nil || out.Differences > 0 {
		t.Errorf("beside the output: %+v, %v", out, err)
	}
	for _, test := range []struct {
		a, b string
		want bool
	}{
		{"s3://lake/a", "s3://lake/a", true},
		{"s3://lake", "s3://lake/a", true},
		{"s3://lake/a/b", "s3://lake/a", true},
		{"s3://lake/ab", "s3://lake/a", false},
		{"s3://lake2/a", "s3://lake", false},
		{"/lake/a", "s3://lake/a", false},
	} {
		if got := Overlap(test.a, test.b); got != test.want {
			t.Errorf("%s and %s: %t", test.a, test.b, got)
		}
	}
}

// TestReplayIntoInParts: parts of a job that run again into one directory, in any order and more than once, end in what one replay of
// them all writes.
func TestReplayIntoInParts(t *testing.T) {
	w := newWorld(t, 3)
	w.generate(200)
	w.mustRun(w.job(stateless, rowsMax(12)))
	last := w.history().Last.Batch
	parts := [][2]int64{{5, last - 3}, {2, 4}, {7, last}, {1, last}}
	for i, into := range []string{"/at-once", "/in-parts"} {
		for _, part := range parts {
			if i == 0 {
				part = parts[len(parts)-1]
			}
			out, _, err := w.replay(w.job(stateless), func(o *ReplayOptions) { o.Into, o.Batches = into, Selection{First: part[0], Last: part[1]} })
			if err != nil || out.Differences > 0 {
				t.Fatalf("batches %d to %d into %s: %+v, %v", part[0], part[1], into, out, err)
			}
			got, err := output.Committed(t.Context(), &store.Local{Root: into + "/lake", FS: w.fs}, into, "sim")
			if err != nil {
				t.Fatalf("manifests behind batches %d to %d: %v", part[0], part[1], err)
			}
			for _, f := range got {
				if _, err := w.fs.ReadFile(into + "/lake/" + f.Path); err != nil {
					t.Error(err)
				}
			}
		}
	}
	dataOnly := func(files map[string][]byte) map[string][]byte {
		maps.DeleteFunc(files, func(name string, _ []byte) bool { return strings.HasPrefix(name, "lake/_millrace/") })
		return files
	}
	if !maps.EqualFunc(dataOnly(w.everything("/at-once")), dataOnly(w.everything("/in-parts")), bytes.Equal) {
		t.Error("the files differ")
	}
}

// keepsManifests is a file system that does not let manifests go.
type keepsManifests struct{ store.FS }

func (f keepsManifests) Remove(name string) error {
	if strings.Contains(name, "/_millrace/manifest/0") {
		return syscall.EPERM
	}
	return f.FS.Remove(name)
}

// TestReplayIntoWithoutDelete: a replay into a place where nothing may be removed says that it merges no manifests, and is a replay.
func TestReplayIntoWithoutDelete(t *testing.T) {
	w := newWorld(t, 3)
	w.generate(200)
	w.mustRun(w.job(stateless, rowsMax(12)))
	w.fs = keepsManifests{w.disk}
	var warned []string
	out, _, err := w.replay(w.job(stateless), func(o *ReplayOptions) { o.Into, o.Warn = simAgain, func(s string) { warned = append(warned, s) } })
	if err != nil || out.Differences > 0 || out.Batches != len(committedBatches(w.entries())) {
		t.Errorf("%+v, %v", out, err)
	}
	if !slices.ContainsFunc(warned, func(s string) bool { return strings.Contains(s, "sink lake were not merged") }) {
		t.Errorf("warned of %q", warned)
	}
}
