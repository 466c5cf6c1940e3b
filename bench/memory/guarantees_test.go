package memory

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"

	"github.com/millrace/millrace/batch"
	"github.com/millrace/millrace/bench/limit"
	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/internal/parquetfile"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/output"
)

// guarded runs the job that writes its counts to Parquet files, each run to a new directory: as it is, exactly once, or careless.
type guarded struct {
	*engine
	careless bool
	out      string // of the last run
}

func (g *guarded) run() {
	g.runs++
	g.out = filepath.Join(g.dir, fmt.Sprint("lake-", g.runs))
	if err := os.Mkdir(g.out, 0o755); err != nil {
		g.tb.Fatal(err)
	}
	env := map[string]string{"ADS": g.ads(), "OUT": g.out, "CHECKPOINT": filepath.Join(g.dir, fmt.Sprint("checkpoint-", g.runs))}
	job := g.load("guarantees.yaml", env)
	job.Trigger.FlushWindows = true
	o := batch.Options{Job: job, Cores: g.cores, Env: batch.SystemEnv()}
	if g.careless {
		o.Env.FS = unsynced{store.OS{}}
		plan := &job.Plan.Sinks[0]
		job.Sinks[0] = batch.Sink{Name: plan.Name, Guarantee: batch.AtLeastOnce, Open: func(context.Context, output.Opening) (output.Sink, error) {
			return newPlainFiles(g.out, output.Layout{Schema: plan.Schema, Columns: plan.Columns})
		}}
	}
	if err := batch.Run(g.tb.Context(), o); err != nil {
		g.tb.Fatal(err)
	}
}

// check compares the rows of the last run's files with the truth.
func (g *guarded) check() {
	g.tb.Helper()
	counts, truth := map[limit.Group]int64{}, map[limit.Group]int64{}
	for group, n := range g.events.Views {
		truth[group] = n * int64(g.passes)
	}
	err := filepath.WalkDir(g.out, func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".parquet") {
			return err
		}
		rows, err := parquet.ReadFile[struct {
			Campaign string `parquet:"campaign_id,optional"`
			Window   int64  `parquet:"window_start,optional"` // µs
			Views    int64  `parquet:"views,optional"`
		}](path)
		for _, r := range rows {
			counts[limit.Group{Campaign: r.Campaign, StartMs: r.Window / 1000}] += r.Views
		}
		return err
	})
	if err != nil {
		g.tb.Fatal(err)
	}
	if wrong := limit.Wrong(counts, truth); wrong > 0 {
		g.tb.Fatalf("%d of %d counts are wrong", wrong, len(truth))
	}
}

// unsynced is a file system in which nothing is made durable: what a log is worth that survives the process at most.
type unsynced struct{ store.OS }

// Create implements [store.FS].
func (u unsynced) Create(name string) (store.File, error) {
	f, err := u.OS.Create(name)
	return unsyncedFile{f}, err
}

// Sync implements [store.FS].
func (unsynced) Sync(string) error { return nil }

type unsyncedFile struct{ store.File }

// Sync implements [store.File].
func (unsyncedFile) Sync() error { return nil }

// plainFiles is a sink that guarantees nothing: the files of a batch get their names as they are begun, nothing is synced or looked up, there
// is no digest of rows or files, no manifest and no owner.
type plainFiles struct {
	dir     string
	columns []int
	writer  *parquetfile.Writer
	pieces  [][]byte
}

func newPlainFiles(dir string, l output.Layout) (*plainFiles, error) {
	codec, err := parquetfile.CodecOf("zstd")
	if err != nil {
		return nil, err
	}
	w, err := parquetfile.NewWriter(parquetfile.Options{Schema: l.File(), Codec: codec, CreatedBy: "careless"})
	return &plainFiles{dir: dir, columns: l.Columns, writer: w}, err
}

// Prepare implements [output.Sink].
func (p *plainFiles) Prepare(_ context.Context, info output.BatchInfo, shards []output.Shard, _ *output.Pending) (*output.Prepared, error) {
	out := &output.Prepared{Info: info}
	p.writer.Begin(info.Keep)
	for _, shard := range shards {
		for _, rows := range shard.Rows {
			if err := p.add(rows); err != nil {
				return nil, err
			}
			out.Rows += int64(rows.Rows)
		}
	}
	if out.Rows == 0 {
		return out, nil
	}
	pieces, err := p.writer.Finish(nil)
	p.pieces = pieces
	out.Files = []output.File{{Path: fmt.Sprintf("%012d.parquet", info.Batch), Rows: out.Rows}}
	return out, err
}

// add makes a row group.
func (p *plainFiles) add(rows *columnar.Batch) error {
	all := make([]int32, rows.Rows)
	for i := range all {
		all[i] = int32(i)
	}
	for leaf := range p.writer.Leaves() {
		if err := p.writer.Append(leaf, rows.Cols[p.columns[p.writer.Column(leaf)]], all); err != nil {
			return err
		}
		if err := p.writer.EndLeaf(leaf); err != nil {
			return err
		}
	}
	return p.writer.EndRowGroup(rows.Rows)
}

// Publish implements [output.Sink].
func (p *plainFiles) Publish(_ context.Context, pr *output.Prepared) error {
	for _, f := range pr.Files {
		var data []byte
		for _, piece := range p.pieces {
			data = append(data, piece...)
		}
		if err := os.WriteFile(filepath.Join(p.dir, f.Path), data, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// Committed implements [output.Sink].
func (p *plainFiles) Committed(context.Context, int64, []output.File) error { return nil }

// Published implements [output.Sink].
func (p *plainFiles) Published(context.Context) (output.Standing, error) {
	return output.Standing{}, nil
}

// passesGuarded make 32 batches, so that the start of a job is little beside what each of them takes.
const passesGuarded = 8

// BenchmarkGuarantees is what exactly once costs of a whole job on one core, in processor time: the job as it is, with all it syncs, looks up and
// sums up, against the same without any guarantee. Plans, commits and deltas of state are encoded and written in both: they are the engine's
// own way from batch to batch.
func BenchmarkGuarantees(b *testing.B) {
	events := limit.NewEvents(seed, eventBytes())
	exact := &guarded{engine: newEngine(b, events, passes(passesGuarded), 1)}
	none := &guarded{engine: newEngine(b, events, passes(passesGuarded), 1), careless: true}
	for b.Loop() {
		limit.Report(b, limit.Compare(
			limit.Contender{Name: "none", Records: none.records(), Run: none.run},
			limit.Contender{Name: "exactly-once", Records: exact.records(), Run: exact.run},
		))
		none.check()
		exact.check()
	}
}

// TestGuarantees runs both on a few events.
func TestGuarantees(t *testing.T) {
	events := limit.NewEvents(seed, 8<<20)
	for _, careless := range []bool{false, true} {
		g := &guarded{engine: newEngine(t, events, 3, 1), careless: careless}
		g.run()
		g.check()
	}
}
