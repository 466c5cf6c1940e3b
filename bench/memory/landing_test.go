package memory

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"

	"github.com/millrace/millrace/batch"
	"github.com/millrace/millrace/bench/limit"
)

// lander runs the job that writes every event as a row, each run to a new directory.
type lander struct {
	*engine
	out string // of the last run
}

func (l *lander) run() {
	if err := os.RemoveAll(l.out); err != nil {
		l.tb.Fatal(err)
	}
	l.runs++
	l.out = filepath.Join(l.dir, fmt.Sprint("lake-", l.runs))
	env := map[string]string{"OUT": l.out, "CHECKPOINT": filepath.Join(l.dir, fmt.Sprint("checkpoint-", l.runs))}
	job := l.load("landing.yaml", env)
	if err := batch.Run(l.tb.Context(), batch.Options{Job: job, Cores: l.cores}); err != nil {
		l.tb.Fatal(err)
	}
}

// check counts the rows of the last run's files.
func (l *lander) check() {
	l.tb.Helper()
	rows := int64(0)
	err := filepath.WalkDir(l.out, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".parquet") {
			return err
		}
		data, err := os.Open(path)
		if err != nil {
			return err
		}
		defer data.Close()
		info, err := d.Info()
		if err != nil {
			return err
		}
		f, err := parquet.OpenFile(data, info.Size())
		if err == nil {
			rows += f.NumRows()
		}
		return err
	})
	if err != nil {
		l.tb.Fatal(err)
	}
	if rows != int64(l.records()) {
		l.tb.Fatalf("%d rows landed of %d records", rows, l.records())
	}
}

// BenchmarkLanding is the job on one core, in processor time.
func BenchmarkLanding(b *testing.B) {
	l := &lander{engine: newEngine(b, limit.NewEvents(seed, eventBytes()), passes(passesAlone), 1)}
	for b.Loop() {
		limit.Report(b, limit.Compare(limit.Contender{Name: "landing", Records: l.records(), Run: l.run}))
		l.check()
	}
}
