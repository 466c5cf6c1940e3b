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
		for seed := range uint64(4) {
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

func TestOpenRefuses(t *testing.T) {
	for _, test := range []struct{ name, content, want string }{
		{"dt=1/foreign.parquet", "x", "sink lake: /lake/dt=1/foreign.parquet: is in the way: the directory holds files but no _millrace/owner, so this job did not write them; choose an empty or new path"},
		{"_millrace/manifest/000000000001.json", "{}", "sink lake: /lake/_millrace/manifest/000000000001.json: is in the way: the directory holds files but no _millrace/owner, so this job did not write them; choose an empty or new path"},
		{"_millrace/owner", `{"format":2}`, "sink lake: /lake/_millrace/owner: has format 2, this version knows 1; run the version that wrote it, or a newer one"},
		{"_millrace/owner", "", "sink lake: /lake/_millrace/owner: is no owner file (unexpected end of JSON input)"},
		{"_millrace/owner", `{"format":1,"job":"other","checkpoint_id":"d"}`, `sink lake: /lake belongs to job "other" with checkpoint d, not to job "job" with checkpoint c0ffee; choose another path, or the checkpoint that wrote it`},
	} {
		l := newLake(t)
		if err := store.PutBytes(context.Background(), l.store, test.name, []byte(test.content)); err != nil {
			t.Fatal(err)
		}
		_, err := output.OpenParquet(context.Background(), l.config(outputtest.Layout()))
		if err == nil || err.Error() != test.want {
			t.Errorf("%s %q: error\n%v\nwant\n%s", test.name, test.content, err, test.want)
		}
		if names, _ := l.store.List(context.Background(), ""); !slices.Equal(names, []string{test.name}) {
			t.Errorf("%s: the directory now holds %v", test.name, names)
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
