package jobspec

import (
	"fmt"
	"os"
	"time"

	"github.com/millrace/millrace/batch"
	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/dstream"
)

// path is the file of the table, and where the job file names it.
func (t *Table) path() (string, dstream.Pos) {
	if t.Parquet != "" {
		return string(t.Parquet), t.ParquetPos
	}
	return string(t.CSV), t.CSVPos
}

// lookAtTables checks that the files of the tables are there.
func (s *Spec) lookAtTables() error {
	for i := range s.Tables {
		path, pos := s.Tables[i].path()
		info, err := os.Stat(path)
		if err == nil && !info.Mode().IsRegular() {
			err = fmt.Errorf("%s is not a file", path)
		}
		if err != nil {
			return fail(pos, "", "tables.%s: %v", s.Tables[i].Name, err)
		}
	}
	return nil
}

// input reads a file as a static table. Its version is size and time, so an unchanged file is not read again.
func (t Table) input(zone string) batch.Table {
	path, _ := t.path()
	return batch.Table{
		Version: func() (string, error) {
			info, err := os.Stat(path)
			if err != nil {
				return "", err
			}
			return fmt.Sprintf("%d %s", info.Size(), info.ModTime().Format(time.RFC3339Nano)), nil
		},
		Read: func() ([]byte, error) { return os.ReadFile(path) },
		Decode: func(data []byte, _ *columnar.Env) (*columnar.Batch, error) {
			fields, err := decodeFields(t.Columns)
			if err != nil {
				return nil, err
			}
			b, err := columnar.DecodeCSV(path, data, fields)
			if err != nil {
				return nil, &dstream.Error{Msg: err.Error()} // the table is at fault, as a job file would be
			}
			return b, nil
		},
	}
}
