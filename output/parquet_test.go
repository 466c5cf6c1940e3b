package output_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/store/storetest"
	"github.com/millrace/millrace/output"
	"github.com/millrace/millrace/output/outputtest"
)

func TestParquetContract(t *testing.T) {
	outputtest.TestSink(t, func(t *testing.T) outputtest.Place {
		l := newLake(t)
		faults := storetest.NewFaultFS(storetest.NewCrashFS())
		l.store = &store.Local{Root: "/lake", FS: faults}
		return outputtest.Place{
			Open: func(owner output.Owner) (output.Sink, error) {
				cfg := l.config(outputtest.Layout())
				cfg.Owner = owner
				return output.OpenParquet(context.Background(), cfg)
			},
			Read:      func() ([]string, error) { return l.keyNumbers(), nil },
			Interrupt: func(n int) { faults.Fail(storetest.OpLink, n+1, errors.New("crash")) },
		}
	})
}

// keyNumbers reads rows of outputtest.Layout: the key from the directory, the number from the file.
func (l *lake) keyNumbers() []string {
	l.t.Helper()
	var out []string
	for _, name := range l.files() {
		key := strings.TrimPrefix(path.Dir(name), "key=")
		for _, row := range readArrow(l.t, l.get(name)).rows {
			out = append(out, fmt.Sprint(key, " ", row[0]))
		}
	}
	return out
}

func keyRows(keys ...string) *columnar.Batch {
	var rows []outputtest.Row
	for i, k := range keys {
		rows = append(rows, outputtest.Row{k, int64(i)})
	}
	return outputtest.Batch(outputtest.Layout().Schema, rows...)
}

// TestPowerLoss cuts the power at every operation of a first start, a batch and its commit, and once more while the
// next process repeats them. In the end the rows are there once, and nothing else is.
func TestPowerLoss(t *testing.T) {
	job := func(fs *storetest.CrashFS) error { return publishKeys(&store.Local{Root: "/lake", FS: fs}) }
	whole := storetest.NewCrashFS()
	if err := job(whole); err != nil {
		t.Fatal(err)
	}
	want := listing(t, whole)
	for first := 1; first <= whole.Count(); first++ {
		for seed := range uint64(cases(4, 2)) {
			fs := storetest.NewCrashFS()
			fs.StopAfter(first)
			crashed := job(fs)
			// An odd seed: only the process died, and the power goes in the next life.
			if seed%2 == 0 {
				fs = fs.Crash(seed)
			} else {
				fs.Restart()
			}
			fs.StopAfter(int(seed) * 7)
			_ = job(fs)
			fs = fs.Crash(seed)
			if err := job(fs); err != nil {
				t.Fatalf("operation %d, seed %d: %v after %v", first, seed, err, crashed)
			}
			if got := listing(t, fs); got != want {
				t.Fatalf("operation %d, seed %d: the directory holds\n%swant\n%s", first, seed, got, want)
			}
		}
	}
}

// publishKeys is a process that opens the sink, publishes one batch of three files and records it.
func publishKeys(s store.Store) error {
	ctx := context.Background()
	p, err := output.OpenParquet(ctx, output.ParquetConfig{Sink: "lake", Store: s, Layout: outputtest.Layout(), Owner: outputtest.Me})
	if err != nil {
		return err
	}
	pr, err := p.Prepare(ctx, outputtest.Info(1), []output.Shard{{Rows: []*columnar.Batch{keyRows("a", "b", "a", "c")}}}, nil)
	if err != nil {
		return err
	}
	if err := p.Publish(ctx, pr); err != nil {
		return err
	}
	return p.Committed(ctx, 1, pr.Files)
}

func listing(t *testing.T, fs *storetest.CrashFS) string {
	t.Helper()
	s := &store.Local{Root: "/lake", FS: fs}
	names, err := s.List(context.Background(), "")
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, name := range names {
		data, err := s.Get(context.Background(), name)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "%s %d bytes\n", name, len(data))
	}
	return b.String()
}

func TestOwnerAndManifestText(t *testing.T) {
	l := newLake(t)
	p := l.open(l.config(outputtest.Layout()))
	files := []output.File{
		{Path: "key=a/x.parquet", Rows: 2, Bytes: 900, RowsSHA256: "ab"},
		{Path: "key=b%2F/x.parquet", Rows: 1, Bytes: 800, RowsSHA256: "cd"},
	}
	if err := p.Committed(context.Background(), 4, files); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"_millrace/owner": `{"format":1,"job":"job","checkpoint_id":"c0ffee"}
`,
		"_millrace/manifest/000000000004.json": `{"format":1,"job":"job","checkpoint_id":"c0ffee","batch":4,"files":[
{"path":"key=a/x.parquet","rows":2,"bytes":900,"rows_sha256":"ab"},
{"path":"key=b%2F/x.parquet","rows":1,"bytes":800,"rows_sha256":"cd"}]}
`,
	} {
		if got := string(l.get(name)); got != want {
			t.Errorf("%s is\n%swant\n%s", name, got, want)
		}
	}
}

// TestUpgrade finds files of another version: other bytes, same rows.
func TestUpgrade(t *testing.T) {
	l := newLake(t)
	cfg := l.config(outputtest.Layout())
	cfg.Compression = "none"
	before := l.write(cfg, keyRows("a", "a"))
	data := l.get(before.Files[0].Path)
	cfg.Compression = "zstd"
	after := l.write(cfg, keyRows("a", "a"))
	if !slices.Equal(after.Files, before.Files) {
		t.Errorf("files %v, want %v: the manifest tells what is there", after.Files, before.Files)
	}
	if !bytes.Equal(l.get(before.Files[0].Path), data) {
		t.Error("the file was overwritten")
	}
}

func TestConflicts(t *testing.T) {
	ctx := context.Background()
	for _, test := range []struct {
		content []byte
		want    string
	}{
		{[]byte("no parquet"), "was there before and cannot be read as Parquet"},
		{nil, "was there before and cannot be read as Parquet"},
		{foreignFile(t), "was there before with other rows: 3 with rows_sha256 "},
	} {
		l := newLake(t)
		p := l.open(l.config(outputtest.Layout()))
		pr, err := p.Prepare(ctx, outputtest.Info(1), []output.Shard{{Rows: []*columnar.Batch{keyRows("a")}}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := store.PutBytes(ctx, l.store, pr.Files[0].Path, test.content); err != nil {
			t.Fatal(err)
		}
		var conflict *output.ConflictError
		if err := p.Publish(ctx, pr); !errors.As(err, &conflict) || !strings.HasPrefix(conflict.Msg, test.want) {
			t.Errorf("error %v, want a ConflictError with %s", err, test.want)
		} else if conflict.Path != "/lake/"+pr.Files[0].Path || conflict.Sink != "lake" {
			t.Errorf("the error is about sink %s, %s", conflict.Sink, conflict.Path)
		}
		if !bytes.Equal(l.get(pr.Files[0].Path), test.content) {
			t.Error("the file was overwritten")
		}
	}
}

// TestLeftoverConflict reruns batch 1, which made key=a and key=b, with rows of key=a only. Files that are not of the
// batch, or under _millrace, are none of its business.
func TestLeftoverConflict(t *testing.T) {
	ctx := context.Background()
	l := newLake(t)
	cfg := l.config(outputtest.Layout())
	l.write(cfg, keyRows("a", "b"))
	for _, name := range []string{
		"_millrace/job-b000000000001-s000-00000000.parquet", "key=a/job-b000000000002-s000-00000000.parquet",
		"key=a/my-job-b000000000001-s000-00000000.parquet", "key=a/job-b000000000001-notes.txt",
	} {
		if err := store.PutBytes(ctx, l.store, name, nil); err != nil {
			t.Fatal(err)
		}
	}
	p := l.open(cfg)
	info := outputtest.Info(1)
	info.Rerun = true
	pr, err := p.Prepare(ctx, info, []output.Shard{{Rows: []*columnar.Batch{keyRows("a")}}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := "sink lake: /lake/key=b/job-b000000000001-s000-00000000.parquet: is there from an earlier attempt at batch 1, which the rerun does not make; nothing is removed: move it out of the output, then start the job again"
	if err := p.Publish(ctx, pr); err == nil || err.Error() != want {
		t.Errorf("error\n%v\nwant\n%s", err, want)
	}
	if err := l.store.Delete(ctx, "key=b/job-b000000000001-s000-00000000.parquet"); err != nil {
		t.Fatal(err)
	}
	if err := p.Publish(ctx, pr); err != nil {
		t.Errorf("after the file is gone: %v", err)
	}
}

// TestEqualPathsAreRefused gives two shards one number: the second file would be lost.
func TestEqualPathsAreRefused(t *testing.T) {
	l := newLake(t)
	shard := output.Shard{ID: 3, Rows: []*columnar.Batch{keyRows("a")}}
	_, err := l.open(l.config(outputtest.Layout())).Prepare(context.Background(), outputtest.Info(1), []output.Shard{shard, shard}, nil)
	want := "sink lake: internal error: batch 1 makes two files key=a/job-b000000000001-s003-00000000.parquet"
	if err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
}

func foreignFile(t *testing.T) []byte {
	l := newLake(t)
	return l.get(l.write(l.config(outputtest.Layout()), keyRows("a", "a", "a")).Files[0].Path)
}

func TestPartsAreFiles(t *testing.T) {
	s := schema(columnar.Int64)
	var rows []outputtest.Row
	for i := range 2500 {
		rows = append(rows, outputtest.Row{int64(i)})
	}
	l := newLake(t)
	cfg := l.config(flat(s))
	cfg.MaxFileBytes = 8 * 1024
	l.write(cfg, outputtest.Batch(s, rows...))
	want := []string{"job-b000000000001-s000-001-00000000.parquet", "job-b000000000001-s000-002-00000000.parquet", "job-b000000000001-s000-003-00000000.parquet"}
	if got := l.files(); !slices.Equal(got, want) {
		t.Errorf("files %v, want %v", got, want)
	}
	var got []outputtest.Row
	for _, name := range l.files() {
		got = append(got, readArrow(t, l.get(name)).rows...)
	}
	wantRows(t, got, rows)
}

func TestPublishStopsWithItsContext(t *testing.T) {
	l := newLake(t)
	p := l.open(l.config(outputtest.Layout()))
	ctx, cancel := context.WithCancel(context.Background())
	pr, err := p.Prepare(ctx, outputtest.Info(1), []output.Shard{{Rows: []*columnar.Batch{keyRows("a")}}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := p.Publish(ctx, pr); !errors.Is(err, context.Canceled) {
		t.Errorf("publish: %v", err)
	}
	if len(l.files()) != 0 {
		t.Error("a file was created")
	}
}
