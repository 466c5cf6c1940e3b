package integration

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/apache/arrow/go/v17/parquet/file"
	"github.com/apache/arrow/go/v17/parquet/pqarrow"

	"github.com/millrace/millrace/batch"
)

// plainReader lists a directory again and again while a job writes it, and reads every file that it has not seen before, as
// a reader would who knows nothing of the job: *.parquet, without names that begin with _ or a dot. docs/replay.md says what
// he sees.
type plainReader struct {
	t    *testing.T
	dir  string
	stop chan struct{}
	done chan struct{}

	most   atomic.Int64 // rows that a batch may have
	names  map[string]bool
	seen   map[string]string // what is in each row that must be there once, with its file
	passes int
	checks int           // passes that were compared with the log
	took   time.Duration // by the last pass: it rests for longer, to leave the machine to others
	spent  time.Duration // by all
	faults []string
}

// readAlong begins to read; column is one whose values are there once each. With a checkpoint what is seen is compared with the
// log now and then; batchRowsMax is how many rows a batch may have that a crash has interrupted.
func readAlong(t *testing.T, dir, column, checkpoint string, batchRowsMax int64) *plainReader {
	t.Helper()
	r := &plainReader{t: t, dir: dir, stop: make(chan struct{}), done: make(chan struct{}), names: map[string]bool{}, seen: map[string]string{}}
	r.most.Store(batchRowsMax)
	go func() {
		defer close(r.done)
		for {
			select {
			case <-r.stop:
				return
			case <-time.After(20*time.Millisecond + 4*r.took):
			}
			began := time.Now()
			if r.passes++; r.passes%10 == 0 && checkpoint != "" {
				r.check(column, checkpoint)
			} else {
				r.pass(column)
			}
			r.took = time.Since(began)
			r.spent += r.took
		}
	}()
	return r
}

// end stops reading, reads once more, and returns the faults.
func (r *plainReader) end(column string) []string {
	close(r.stop)
	<-r.done
	r.pass(column)
	return r.faults
}

func (r *plainReader) fault(format string, args ...any) {
	if len(r.faults) < 20 {
		r.faults = append(r.faults, fmt.Sprintf(format, args...))
	}
}

// check reads between two looks at the log: all rows committed before are there, and beyond those committed now one batch.
func (r *plainReader) check(column, checkpoint string) {
	before, err1 := recordsCommitted(r.t, checkpoint)
	r.pass(column)
	after, err2 := recordsCommitted(r.t, checkpoint)
	if err1 != nil || err2 != nil {
		r.fault("read the log: %v, %v", err1, err2)
		return
	}
	if n := int64(len(r.seen)); n < before || n > after+r.most.Load() {
		r.fault("a reader sees %d rows; %d were committed before, and %d behind", n, before, after)
	}
	r.checks++
}

// recordsCommitted is how many records a job has committed whose topic has an offset for each.
func recordsCommitted(t *testing.T, checkpoint string) (n int64, err error) {
	positions, err := batch.CommittedPositions(t.Context(), batch.SystemEnv(), crashName, checkpoint)
	for _, p := range positions {
		n += p.Next
	}
	return n, err
}

// pass lists and reads once.
func (r *plainReader) pass(column string) {
	there := map[string]bool{}
	err := filepath.WalkDir(r.dir, func(path string, d fs.DirEntry, err error) error {
		switch {
		case os.IsNotExist(err):
			return nil // the directory is not made yet, or a temporary file is gone again
		case err != nil:
			return err
		case strings.HasPrefix(d.Name(), "_") || strings.HasPrefix(d.Name(), "."):
			if d.IsDir() {
				return fs.SkipDir
			}
		case !d.IsDir() && filepath.Ext(path) == ".parquet":
			there[path] = true
		}
		return nil
	})
	if err != nil {
		r.fault("list: %v", err)
	}
	for name := range r.names {
		if !there[name] {
			r.fault("%s is gone", name)
		}
	}
	for name := range there {
		if !r.names[name] {
			r.names[name] = true
			r.read(name, column)
		}
	}
}

// read reads a file whole.
func (r *plainReader) read(path, column string) {
	values, err := parquetColumn(path, column)
	if err != nil {
		r.fault("%s cannot be read: %v", path, err)
	}
	for _, v := range values {
		if first, twice := r.seen[v]; twice {
			r.fault("%s is in %s and in %s", v, first, path)
		}
		r.seen[v] = path
	}
}

// parquetColumn returns the values of a column as text.
func parquetColumn(path, column string) ([]string, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	f, err := file.NewParquetReader(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	rows, err := pqarrow.NewFileReader(f, pqarrow.ArrowReadProperties{}, memory.DefaultAllocator)
	if err != nil {
		return nil, err
	}
	table, err := rows.ReadTable(context.Background())
	if err != nil {
		return nil, err
	}
	defer table.Release()
	at := table.Schema().FieldIndices(column)
	if len(at) != 1 {
		return nil, fmt.Errorf("%d columns %s", len(at), column)
	}
	var out []string
	for _, chunk := range table.Column(at[0]).Data().Chunks() {
		for i := range chunk.Len() {
			out = append(out, chunk.ValueStr(i))
		}
	}
	return out, nil
}
