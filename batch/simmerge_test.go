package batch

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/millrace/millrace/output"
)

// mergedWorld has run a job whose manifests are merged, three at a time.
func mergedWorld(t *testing.T) *world {
	w := newWorld(t, 1)
	w.fill(stateless, 200)
	w.mustRun(w.job(stateless, flushing, rowsMax(20)))
	w.wantVerified("before", w.job(stateless), false)
	return w
}

const mergedManifest = "_millrace/manifest/000000000003-000000000001.json"

// TestVerifyFindsInMerged: what happens to a merged manifest is found, by its name, and nothing else is.
func TestVerifyFindsInMerged(t *testing.T) {
	const single = "_millrace/manifest/000000000002.json"
	replaced := func(old, new string) func(*world) {
		return func(w *world) {
			w.change(mergedManifest, func(data []byte) []byte { return []byte(strings.Replace(string(data), old, new, 1)) })
		}
	}
	for _, d := range []struct {
		name string
		do   func(*world)
		want []string // kind, path and batch of each finding
	}{
		{"it is gone", func(w *world) { w.check(w.disk.Remove(simOutput + "/" + mergedManifest)) },
			[]string{"missing _millrace/manifest/000000000001.json 1", "missing " + single + " 2", "missing _millrace/manifest/000000000003.json 3"}},
		{"it is cut", func(w *world) { w.change(mergedManifest, func(data []byte) []byte { return data[:len(data)/2] }) },
			[]string{"changed " + mergedManifest + " 0"}},
		{"it lists other rows", replaced(`"rows":`, `"rows":1`), []string{"changed " + mergedManifest + " 1"}},
		{"it is of a newer version", replaced(`"format":2`, `"format":3`), []string{"changed " + mergedManifest + " 0"}},
		{"a single one is there once more", func(w *world) { w.copySingle(2, `"rows":`) }, nil},
		{"a single one is there once more and lists other rows", func(w *world) { w.copySingle(2, `"rows":1`) },
			[]string{"changed " + single + " 2", "changed " + mergedManifest + " 2"}},
		{"one of later batches", func(w *world) { w.copyFile(mergedManifest, "_millrace/manifest/000000000903-000000000901.json") },
			[]string{"foreign _millrace/manifest/000000000903-000000000901.json 903"}},
	} {
		w := mergedWorld(t)
		d.do(w)
		var got []string
		for _, f := range w.verify(w.job(stateless), false).Findings {
			got = append(got, fmt.Sprint(f.Kind, " ", f.Path, " ", f.Batch))
		}
		slices.Sort(got)
		if !slices.Equal(got, d.want) {
			t.Errorf("%s: found %q, want %q", d.name, got, d.want)
		}
	}
}

// copySingle leaves the manifest of a batch beside the merged one that has it.
func (w *world) copySingle(batch int64, rows string) {
	w.t.Helper()
	data, err := w.disk.ReadFile(simOutput + "/" + mergedManifest)
	w.check(err)
	lines := strings.Split(string(data), "\n")
	line := strings.TrimRight(lines[batch], ",]}") + "}]}\n"
	head, _, _ := strings.Cut(lines[0], `,"first_batch"`)
	text := strings.Replace(head, `"format":2`, `"format":1`, 1) + "," + strings.TrimPrefix(strings.Replace(line, `"rows":`, rows, 1), "{")
	w.put(fmt.Sprintf("_millrace/manifest/%012d.json", batch), []byte(text))
}

// TestMergedAhead: a checkpoint that is older than the merged manifests beside the output is refused, though no single one says so.
func TestMergedAhead(t *testing.T) {
	w := newWorld(t, 1)
	w.fill(stateless, 60)
	w.mustRun(w.job(stateless, rowsMax(20)))
	before := keptFiles(t, w.disk, simCheckpoint)
	last := w.history().Last.Batch
	w.fill(stateless, 200)
	w.mustRun(w.job(stateless, rowsMax(20)))
	files := keptFiles(t, w.disk, "/")
	for name := range files {
		_, batch, single := strings.Cut(name, "_millrace/manifest/")
		if strings.HasPrefix(name, simCheckpoint) || single && !strings.Contains(batch, "-") && batch != "999999999999.json" {
			delete(files, name)
		}
	}
	for name, data := range before {
		files[name] = data
	}
	w.disk = diskOf(t, files)
	w.fs = w.disk
	wantError[*RefusedError](t, w.run(w.job(stateless)), "has committed batch", fmt.Sprintf("the log ends with batch %d", last), "old copy")
}

// TestMergeConflict: a manifest that contradicts a merged one stops the job behind the commit, by the names of both, and stays.
func TestMergeConflict(t *testing.T) {
	w := mergedWorld(t)
	w.copySingle(2, `"rows":1`)
	w.fill(stateless, 100)
	wantError[*output.ConflictError](t, w.run(w.job(stateless, rowsMax(20), flushing), func(o *Options) { o.Reopen = true }), "000000000002.json", "000000000003-000000000001.json")
	if _, err := w.disk.ReadFile(simOutput + "/_millrace/manifest/000000000002.json"); err != nil {
		t.Errorf("the single manifest: %v", err)
	}
}

// TestMergeLeftAlone: that manifests cannot be merged is said, and stops nothing.
func TestMergeLeftAlone(t *testing.T) {
	w := newWorld(t, 1)
	w.fill(stateless, 200)
	w.onObjects()
	fail := w.objects.Fail
	w.objects.Fail = func(op, name string) (error, bool) {
		if op == "delete" && strings.Contains(name, "/manifest/") {
			return errFailpoint, false
		}
		return fail(op, name)
	}
	w.mustRun(w.job(stateless, flushing, rowsMax(20)))
	w.wantRows("without the right to delete", w.expected(stateless), equalRows)
	if n := len(slices.DeleteFunc(slices.Clone(w.warned), func(s string) bool { return !strings.Contains(s, "were not merged") })); n == 0 || n > 4 {
		t.Errorf("it was said %d times: %q", n, w.warned)
	}
	w.objects.Fail = fail
	w.fill(stateless, 200)
	w.mustRun(w.job(stateless, flushing, rowsMax(20)), func(o *Options) { o.Reopen = true })
	names, err := w.objects.List(t.Context(), "out/_millrace/manifest/0")
	w.check(err)
	if slices.ContainsFunc(names, func(name string) bool { return strings.HasSuffix(name, "/000000000001.json") }) {
		t.Errorf("it did not go on: %q", names)
	}
}
