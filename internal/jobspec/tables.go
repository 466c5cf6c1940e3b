package jobspec

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/millrace/millrace/batch"
	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/dstream"
	"github.com/millrace/millrace/internal/store/s3"
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

// lookAtTables checks that the files of the tables are there, if they are needed.
func (s *Spec) lookAtTables(recorded bool) error {
	for i := range s.Tables {
		path, pos := s.Tables[i].path()
		if isS3(path) {
			if !strings.Contains(strings.TrimPrefix(path, s3.Scheme), "/") {
				return fail(pos, "write s3://BUCKET/KEY", "tables.%s: %s names no file", s.Tables[i].Name, path)
			}
			continue // [Spec.CheckTables] and the run look; a job file can be read without the store
		}
		if recorded {
			continue
		}
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

// CheckTables reads the files of the static tables as a run would. The error, an *[dstream.Error], names the column in the
// job file that the file of a table does not have, or has in another type, or the value that does not fit.
func (s *Spec) CheckTables() error {
	rules, err := columnar.LoadZone(s.Timezone)
	if err != nil {
		return err
	}
	for i := range s.Tables {
		t := &s.Tables[i]
		path, pos := t.path()
		data, err := s.stores.read(path)
		if err != nil {
			return fail(pos, "", "tables.%s: %v", t.Name, err)
		}
		if _, err := t.decode(path, data, rules); err != nil {
			return t.blame(err)
		}
	}
	return nil
}

// blame gives an error of the table's file the place of the column in the job file, or else of the path.
func (t *Table) blame(err error) error {
	_, pos := t.path()
	var column *columnar.ColumnError
	if errors.As(err, &column) {
		for _, c := range t.Columns {
			if c.Name == column.Column {
				pos = c.Pos
			}
		}
	}
	out := tableError(err)
	out.Pos, out.Msg = pos, fmt.Sprintf("tables.%s: %s", t.Name, out.Msg)
	return out
}

// input reads a file as a static table. Its version is size and time, or the entity tag, so an unchanged file is not read
// again.
func (t Table) input(zone string, from *stores) batch.Table {
	path, _ := t.path()
	return batch.Table{
		Version: func() (string, error) { return from.version(path) },
		Size:    func() (int64, error) { return localSize(path) },
		Read:    func() ([]byte, error) { return from.read(path) },
		Zones:   t.zones(zone),
		Decode: func(data []byte, env *columnar.Env) (*columnar.Batch, error) {
			rules, err := env.Zone(zone)
			if err != nil {
				return nil, err
			}
			b, err := t.decode(path, data, rules)
			if err != nil {
				return nil, tableError(err)
			}
			return b, nil
		},
	}
}

// localSize is how large a local file is; 0: it is not local.
func localSize(path string) (int64, error) {
	if isS3(path) {
		return 0, nil
	}
	info, err := os.Stat(path)
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// zones are those whose rules the texts of the table are read by: that of the job where a column holds instants.
func (t Table) zones(zone string) []string {
	fields, err := decodeFields(t.Columns)
	if err != nil || zone == "UTC" || !slices.ContainsFunc(fields, columnar.DecodeField.NeedsZone) {
		return nil
	}
	return []string{zone}
}
