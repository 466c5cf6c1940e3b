package jobspec

import (
	"fmt"
	"os"
	"slices"
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

// TablePath is the file of a static table, "" when the job has no such table.
func (s *Spec) TablePath(name string) string {
	for i := range s.Tables {
		if s.Tables[i].Name == name {
			path, _ := s.Tables[i].path()
			return path
		}
	}
	return ""
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
		Read:  func() ([]byte, error) { return os.ReadFile(path) },
		Zones: t.zones(zone),
		Decode: func(data []byte, env *columnar.Env) (*columnar.Batch, error) {
			rules, err := env.Zone(zone)
			if err != nil {
				return nil, err
			}
			return t.decode(path, data, rules)
		},
	}
}

// zones are those whose rules the texts of the table are read by: that of the job where a column holds instants.
func (t Table) zones(zone string) []string {
	fields, err := decodeFields(t.Columns)
	if err != nil || zone == "UTC" || !slices.ContainsFunc(fields, columnar.DecodeField.NeedsZone) {
		return nil
	}
	return []string{zone}
}
