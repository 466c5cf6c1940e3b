package batch

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/millrace/millrace/internal/failpoint"
	"github.com/millrace/millrace/offsets"
)

var rewrite = flag.Bool("rewrite", false, "make a golden checkpoint of today's formats if there is none")

// goldenCheckpoints are whole small checkpoints as the formats of their names have them, with their output, what their topic held, and
// the rows that they come to; and what makes them.
var goldenCheckpoints = map[string]func(t *testing.T) *damaged{
	fmt.Sprintf("testdata/checkpoint-v%d-journal-v%d", checkpointFormat, payloadVersion): func(t *testing.T) *damaged { return newDamaged(t, windowed, 0) },
	fmt.Sprintf("testdata/checkpoint-v%d-journal-v%d", checkpointFormat, slicesVersion):  func(t *testing.T) *damaged { return newDamaged(t, windowed, 128) },
	fmt.Sprintf("testdata/checkpoint-v%d-journal-v%d", checkpointFormat, discardVersion): newDiscarded,
}

// newDiscarded is a checkpoint of which a third driver has given up an open batch with files, and died with another one open.
func newDiscarded(t *testing.T) *damaged {
	d := newDamaged(t, windowed, 0)
	d.fill(windowed, 60)
	open := d.failAfterFiles(d.job())
	reset := failpoint.Set(failpoint.DriverNextSink, func() error {
		if d.history().Open[0].Batch > open {
			return errDead
		}
		return nil
	})
	defer reset()
	if err := d.run(d.job(), d.options, discarding(open)); !errors.Is(err, errDead) {
		t.Fatalf("the third life ended with %v", err)
	}
	d.files, d.want = keptFiles(t, d.disk, "/"), d.expected(windowed)
	return d
}

// goldenRecord is a record of the topic of a golden checkpoint.
type goldenRecord struct {
	Partition int32  `json:"partition"`
	Timestamp int64  `json:"timestamp"`
	Value     string `json:"value"`
}

// TestGoldenCheckpoints resumes what programs of released formats have left: two drivers, of which the second one died with a
// batch open, windows open, state in the log and in blobs. The rows are those that were right then, and what both have committed is
// verified and replayed. With -rewrite a checkpoint of today's formats is made if there is none; one that is there never changes.
func TestGoldenCheckpoints(t *testing.T) {
	dirs, err := filepath.Glob("testdata/checkpoint-*")
	for dir, made := range goldenCheckpoints {
		if !slices.Contains(dirs, dir) && *rewrite {
			writeGoldenCheckpoint(t, dir, made(t))
		}
		if err != nil || !slices.Contains(dirs, dir) && !*rewrite {
			t.Fatalf("there are golden checkpoints %v, and not all of the formats of today; make them with -rewrite", dirs)
		}
	}
	for _, dir := range dirs {
		t.Run(filepath.Base(dir), func(t *testing.T) { resumeGolden(t, dir, 0) })
		t.Run(filepath.Base(dir)+" merged", func(t *testing.T) { resumeGolden(t, dir, 2) })
	}
}

func resumeGolden(t *testing.T, dir string, mergeRun int64) {
	w := newWorld(t, 1)
	w.mergeRun = mergeRun
	files := map[string][]byte{}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(filepath.WalkDir(dir+"/disk", func(name string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		data, err := os.ReadFile(name)
		files[strings.TrimPrefix(filepath.ToSlash(name), dir+"/disk")] = data
		return err
	}))
	w.disk = diskOf(t, files)
	w.fs = w.disk
	data, err := os.ReadFile(dir + "/records.json")
	must(err)
	var records []goldenRecord
	must(json.Unmarshal(data, &records))
	for _, r := range records {
		w.source.Append(simTopic, r.Partition, offsets.MemoryRecord{Value: []byte(r.Value), Timestamp: r.Timestamp})
	}
	before := w.history()
	if len(before.Open) != 1 || len(before.States) < 2 {
		t.Errorf("the checkpoint has %d open batches and %d versions of state", len(before.Open), len(before.States))
	}
	if rounds, _ := w.rounds(); rounds == 0 && strings.HasSuffix(dir, fmt.Sprint("-v", slicesVersion)) {
		t.Error("no snapshot is in slices")
	}
	discarded := slices.ContainsFunc(w.entries(), func(e Entry) bool {
		c, ok := e.Record.(*Cancelled)
		return ok && len(c.Discarded) > 0
	})
	if !discarded && strings.HasSuffix(dir, fmt.Sprint("-v", discardVersion)) {
		t.Error("no batch was discarded with files")
	}
	w.mustRun(w.job(windowed, flushing, rowsMax(15)))
	if !w.reports[0].Rerun {
		t.Error("the open batch was not run again")
	}
	want, err := os.ReadFile(dir + "/rows")
	must(err)
	if got := goldenRows(w.rows()); got != string(want) {
		t.Errorf("rows:\n%swant\n%s", got, want)
	}
	after, merged := keptFiles(t, w.disk, "/"), 0
	for name, data := range files {
		if strings.Contains(name, "/wal/") || string(after[name]) == string(data) {
			continue
		}
		if mergeRun > 0 && after[name] == nil && strings.HasPrefix(name, simOutput+"/_millrace/manifest/") {
			merged++
			continue
		}
		t.Errorf("%s was changed", name)
	}
	if mergeRun > 0 && merged == 0 && !discarded { // where one batch alone is left
		t.Error("no manifest was merged")
	}
	w.wantVerified("resumed", w.job(windowed), false)
	again, batches, err := w.replay(w.job(windowed))
	if err != nil || again.First != 1 || again.Records != int64(len(records)) {
		t.Errorf("replayed: %+v, %v", again, err)
	}
	for _, b := range batches {
		for _, d := range b.Differences {
			if !strings.HasPrefix(d.Why, "equal rows in other bytes") { // as an older program wrote them
				t.Errorf("batch %d, replayed: %s", b.Batch, d)
			}
		}
	}
}

// goldenRows are rows as text, with all digits of their doubles that do not depend on the order of sums.
func goldenRows(rows []simRow) string {
	var b strings.Builder
	for _, r := range rows {
		b.WriteString(r.text)
		for _, x := range r.doubles {
			fmt.Fprintf(&b, "%.10e ", x)
		}
		b.WriteString("\n")
	}
	return b.String()
}

func writeGoldenCheckpoint(t *testing.T, dir string, d *damaged) {
	write := func(name string, data []byte) {
		name = filepath.Join(dir, filepath.FromSlash(name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o700), os.WriteFile(name, data, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(d.files)) {
		write("disk"+name, d.files[name])
	}
	var records []goldenRecord
	for _, e := range d.events {
		records = append(records, goldenRecord{e.partition, e.ms, string(e.json())})
	}
	data, err := json.MarshalIndent(records, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	write("records.json", append(data, '\n'))
	write("rows", []byte(goldenRows(d.want)))
}
