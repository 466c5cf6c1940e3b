package jobspec

import (
	"fmt"
	"strings"

	"github.com/millrace/millrace/batch"
)

// check looks at what depends on more than one key. t is the file, for the places of keys.
func (s *Spec) check(t *tree) error {
	if s.Trigger.Cron != "" {
		if _, err := batch.ParseCron(s.Trigger.Cron, s.Timezone); err != nil {
			return s.badCron(t, err)
		}
	}
	if err := s.S3.check(t); err != nil {
		return err
	}
	if err := s.checkMemory(t); err != nil {
		return err
	}
	if err := s.OnBadRecord.check(t.get("on_bad_record")); err != nil {
		return err
	}
	if err := s.OnLateRow.check(); err != nil {
		return err
	}
	if err := s.checkBackpressure(t); err != nil {
		return err
	}
	if err := s.checkQueryNames(); err != nil {
		return err
	}
	if err := s.checkGroups(); err != nil {
		return err
	}
	for i := range s.Sources {
		if err := s.Sources[i].check(); err != nil {
			return err
		}
		if err := s.Sources[i].checkStart(s.Timezone); err != nil {
			return err
		}
	}
	for i := range s.Tables {
		if err := s.Tables[i].check(); err != nil {
			return err
		}
	}
	for _, k := range s.Sinks {
		if p := k.Parquet; p != nil && p.DoneMarker && p.File.MaxAge > 0 {
			return fail(p.File.MaxAgePos, "leave out one of the two", "sinks.%s.parquet.file: max_age lets rows of a directory wait that done_marker would call complete; a sink has one or the other", k.Name)
		}
		if k.Kafka != nil {
			if err := k.Kafka.check("sinks." + k.Name + ".kafka"); err != nil {
				return err
			}
		}
	}
	if err := s.checkSides(); err != nil {
		return err
	}
	return s.checkPaths()
}

// checkQueryNames keeps the names of queries apart from those of sources and tables. Names in SQL ignore case.
func (s *Spec) checkQueryNames() error {
	taken := map[string]string{}
	for _, r := range s.Sources {
		taken[strings.ToLower(r.Name)] = "a source"
	}
	for _, r := range s.Tables {
		taken[strings.ToLower(r.Name)] = "a table"
	}
	for _, q := range s.Queries {
		key := strings.ToLower(q.Name)
		if by, ok := taken[key]; ok {
			return fail(q.Pos, "give one of the two another name", "queries.%s: %s has that name", q.Name, by)
		}
		taken[key] = "another query"
	}
	return nil
}

// checkColumnNames refuses two columns that SQL could not tell apart.
func checkColumnNames(where string, columns []Column) error {
	seen := map[string]string{}
	for _, c := range columns {
		key := strings.ToLower(c.Name)
		other, twice := seen[key]
		switch {
		case c.Name == "":
			return fail(c.Pos, "", "%s: a column without a name", where)
		case twice:
			return fail(c.Pos, "names of columns ignore case; the keys of two may differ by path", "%s: two columns named %q and %q", where, other, c.Name)
		}
		seen[key] = c.Name
	}
	return nil
}

func (s *Spec) badCron(t *tree, err error) error {
	pos := t.pos
	if c := t.get("trigger").get("cron"); c != nil {
		pos = c.pos
	}
	msg, hint, _ := strings.Cut(err.Error(), "; ")
	return fail(pos, hint, "trigger.cron: %s", msg)
}

// check looks at a source: how it is reached, and its columns.
func (s *Source) check() error {
	if err := s.Kafka.Cluster.check("sources." + s.Name + ".kafka"); err != nil {
		return err
	}
	if s.Format == "raw" && len(s.Columns) > 0 {
		return fail(s.Columns[0].Pos, "leave columns out", "sources.%s: format raw has no columns of its own; a record's bytes are in _value", s.Name)
	}
	if s.Format != "raw" && len(s.Columns) == 0 {
		return fail(s.Pos, "", "sources.%s: columns is missing", s.Name)
	}
	for _, c := range s.Columns {
		if _, err := c.field(); err != nil {
			return err
		}
	}
	return checkColumnNames("sources."+s.Name+".columns", s.Columns)
}

// check looks at the columns of a table.
func (t *Table) check() error {
	if t.CSV != "" && len(t.Columns) == 0 {
		return fail(t.Pos, "", "tables.%s: columns is missing", t.Name)
	}
	for _, c := range t.Columns {
		f, err := c.field()
		switch {
		case err != nil:
			return err
		case t.CSV != "" && len(f.Path) > 1:
			return fail(c.PathPos, "write the name of a column of the file", "tables.%s.columns.%s: path %q leads into a value; a CSV file has none such", t.Name, c.Name, c.Path)
		case t.CSV != "" && f.Type.IsNested():
			return fail(c.TypePos, "declare it string, or keep the table in Parquet", "tables.%s.columns.%s: a CSV file has no values of type %s", t.Name, c.Name, f.Type)
		}
	}
	return checkColumnNames("tables."+t.Name+".columns", t.Columns)
}

// checkPaths keeps every output and the checkpoint in a place of its own.
func (s *Spec) checkPaths() error {
	type place struct{ what, path string }
	taken := []place{{"the checkpoint", string(s.Checkpoint)}}
	for _, k := range s.Sinks {
		if k.Parquet == nil {
			continue
		}
		path := string(k.Parquet.Path)
		for _, other := range taken {
			if batch.Overlap(path, other.path) {
				return fail(k.Parquet.PathPos, "give each a directory of its own", "sinks.%s: path %s overlaps with %s, %s", k.Name, path, other.what, other.path)
			}
		}
		taken = append(taken, place{"sink " + k.Name, path})
	}
	return nil
}

// ParseTime reads a time as start: {timestamp: …} does, in microseconds since the epoch: text without a zone is in the job's.
func (s *Spec) ParseTime(text string) (int64, error) {
	ms, ok := startTime(text, s.Timezone)
	if !ok {
		return 0, fmt.Errorf("%q is not a time; %s", text, timeHint)
	}
	return ms * 1000, nil
}
