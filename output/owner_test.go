package output_test

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/output"
	"github.com/millrace/millrace/output/outputtest"
)

func TestOpenRefuses(t *testing.T) {
	for _, test := range []struct{ name, content, want string }{
		{"dt=1/foreign.parquet", "x", "sink lake: /lake/dt=1/foreign.parquet: is in the way: the directory holds files but no _millrace/owner, so this job did not write them; choose an empty or new path"},
		{"_millrace/manifest/000000000001.json", "{}", "sink lake: /lake/_millrace/manifest/000000000001.json: is in the way: the directory holds files but no _millrace/owner, so this job did not write them; choose an empty or new path"},
		{"_millrace/owner", `{"format":2}`, "sink lake: /lake/_millrace/owner: has format 2, this version knows 1; run the version that wrote it, or a newer one"},
		{"_millrace/owner", "", "sink lake: /lake/_millrace/owner: is no owner file (unexpected end of JSON input): restore it from a copy, or choose another path"},
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

// TestOpenRefusesLostOutput opens a sink whose rows the log knows where nothing of it is.
func TestOpenRefusesLostOutput(t *testing.T) {
	ctx := context.Background()
	for _, content := range [][]string{{}, {"dt=1/foreign.parquet"}} {
		l := newLake(t)
		for _, name := range content {
			if err := store.PutBytes(ctx, l.store, name, nil); err != nil {
				t.Fatal(err)
			}
		}
		cfg := l.config(outputtest.Layout())
		cfg.Written = true
		_, err := output.OpenParquet(ctx, cfg)
		want := "sink lake: /lake: has no _millrace/owner although the log has committed rows to this sink: is the disk mounted? did the path change? mount it, or give the sink a new name to begin an output anew"
		var conflict *output.ConflictError
		if !errors.As(err, &conflict) || err.Error() != want {
			t.Errorf("error\n%v\nwant\n%s", err, want)
		}
		if names, _ := l.store.List(ctx, ""); !slices.Equal(names, content) {
			t.Errorf("the directory now holds %v, before %v", names, content)
		}
	}
	l := newLake(t)
	cfg := l.config(outputtest.Layout())
	l.open(cfg)
	cfg.Written = true
	l.open(cfg)
}

// TestFirstStartRace lets another process claim and fill the directory when the first one has seen that it is nobody's.
func TestFirstStartRace(t *testing.T) {
	for _, other := range []output.Owner{outputtest.Me, {Job: "other", Checkpoint: "d"}} {
		l := newLake(t)
		theirs := l.config(outputtest.Layout())
		theirs.Owner = other
		mine := l.config(outputtest.Layout())
		mine.Store = &lateStore{Store: l.store, meanwhile: func() { l.write(theirs, keyRows("a")) }}
		p, err := output.OpenParquet(context.Background(), mine)
		if other == outputtest.Me {
			if err != nil {
				t.Fatalf("open beside a process of the same owner: %v", err)
			}
			l.publish(p, 1, output.Shard{Rows: []*columnar.Batch{keyRows("a")}})
		} else if owned := (*output.OwnedError)(nil); !errors.As(err, &owned) || owned.Owner != other {
			t.Errorf("open beside a process of another owner: %v, want an OwnedError", err)
		}
		if files := l.files(); len(files) != 1 {
			t.Errorf("files %v, want one", files)
		}
	}
}

// lateStore does something between the first look at an object that is not there and the return of that look.
type lateStore struct {
	store.Store
	meanwhile func()
}

func (s *lateStore) Get(ctx context.Context, name string) ([]byte, error) {
	data, err := s.Store.Get(ctx, name)
	if f := s.meanwhile; f != nil && errors.Is(err, store.ErrNotExist) {
		s.meanwhile = nil
		f()
	}
	return data, err
}

// TestInsideAnother refuses a directory inside one that belongs to somebody, whoever it is, and leaves both as they are. What cannot
// be looked at is in nobody's way.
func TestInsideAnother(t *testing.T) {
	ctx := context.Background()
	for _, test := range []struct{ owner, want string }{
		{`{"format":1,"job":"other","checkpoint_id":"d"}`, `sink lake: /lake: lies in /lakes, which belongs to job "other" with checkpoint d: whoever reads that would take the rows of both for one output; choose a path outside of it`},
		{`{"format":7}`, `sink lake: /lake: lies in /lakes, which belongs to another job: whoever reads that would take the rows of both for one output; choose a path outside of it`},
		{"", ""},
	} {
		l := newLake(t)
		above := newLake(t).store
		if test.owner != "" {
			if err := store.PutBytes(ctx, above, "_millrace/owner", []byte(test.owner)); err != nil {
				t.Fatal(err)
			}
		}
		cfg := l.config(outputtest.Layout())
		cfg.Above = []output.Place{{Root: "/nobody", Store: forbidden{l.store}}, {Root: "/lakes", Store: above}}
		_, err := output.OpenParquet(ctx, cfg)
		if test.want == "" && err != nil || test.want != "" && (err == nil || err.Error() != test.want) {
			t.Errorf("error\n%v\nwant\n%s", err, test.want)
		}
		if names, _ := l.store.List(ctx, ""); test.want != "" && len(names) > 0 {
			t.Errorf("the directory now holds %v", names)
		}
	}
}

// forbidden is a store of which nothing may be read.
type forbidden struct{ store.Store }

func (forbidden) Get(context.Context, string) ([]byte, error) {
	return nil, errors.New("access denied")
}

// TestPublishFails says once which file could not be written.
func TestPublishFails(t *testing.T) {
	l := newLake(t)
	cfg := l.config(outputtest.Layout())
	cfg.Store = full{l.store}
	p := l.open(cfg)
	prepared, err := p.Prepare(t.Context(), outputtest.Info(1), []output.Shard{{Rows: []*columnar.Batch{keyRows("a")}}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := "sink lake: create /lake/" + prepared.Files[0].Path + ": disk full (no space left on device)"
	if err := p.Publish(t.Context(), prepared); err == nil || err.Error() != want {
		t.Errorf("error\n%v\nwant\n%s", err, want)
	}
}

// full is a store in which no data file can be created.
type full struct{ store.Store }

func (s full) PutIfAbsent(ctx context.Context, name string, write func(io.Writer) error) error {
	if strings.HasSuffix(name, ".parquet") {
		return &store.OpError{Op: "create", Name: name, Err: syscall.ENOSPC}
	}
	return s.Store.PutIfAbsent(ctx, name, write)
}

// TestCommittedParquet looks from outside how far a directory is: for its owner, for others, and where none is.
func TestCommittedParquet(t *testing.T) {
	l := newLake(t)
	cfg := l.config(outputtest.Layout())
	wantCommitted := func(what string, cfg output.ParquetConfig, want int64, message string) {
		t.Helper()
		before, _ := l.store.List(t.Context(), "")
		got, err := output.CommittedParquet(t.Context(), cfg)
		if got != want || (err == nil) != (message == "") || err != nil && !strings.Contains(err.Error(), message) {
			t.Errorf("%s: batch %d, error %v; want %d, %q", what, got, err, want, message)
		}
		if after, _ := l.store.List(t.Context(), ""); !slices.Equal(before, after) {
			t.Errorf("%s: the directory now holds %v, before %v", what, after, before)
		}
	}
	wantCommitted("nobody's", cfg, 0, "")
	sink := l.open(cfg)
	wantCommitted("without a batch", cfg, 0, "")
	if err := sink.Committed(t.Context(), 7, []output.File{{Path: "a.parquet", Rows: 1}}); err != nil {
		t.Fatal(err)
	}
	wantCommitted("with batch 7", cfg, 7, "")
	theirs := cfg
	theirs.Owner = output.Owner{Job: "job", Checkpoint: "d"}
	wantCommitted("of another checkpoint", theirs, 0, "")
	l = newLake(t)
	if err := store.PutBytes(t.Context(), l.store, "_millrace/owner", nil); err != nil {
		t.Fatal(err)
	}
	wantCommitted("of a broken owner", l.config(outputtest.Layout()), 0, "is no owner file")
}
