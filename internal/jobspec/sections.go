package jobspec

import (
	"bytes"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/dstream"
	"github.com/millrace/millrace/internal/sql"
)

func (d *decoder) spec(t *tree) (*Spec, error) {
	s := &Spec{Timezone: "UTC", OnBadRecord: "fail", Shards: defaultShards,
		Trigger: Trigger{Every: defaultEvery}, Limits: Limits{Rows: defaultRows}}
	if t.kind != mapTree {
		return nil, fail(t.pos, "", "the job file is %s, want a mapping", t.kind)
	}
	kept := *t
	kept.entries = nil
	for _, e := range t.entries {
		if !strings.HasPrefix(e.key, "x-") {
			kept.entries = append(kept.entries, e)
		}
	}
	err := d.fields(&kept, "job", map[string]setter{
		"name":          str(&s.Name, "name"),
		"timezone":      str(&s.Timezone, "timezone"),
		"sources":       func(t *tree) error { return d.sources(t, s) },
		"tables":        func(t *tree) error { return d.tables(t, s) },
		"query":         func(t *tree) error { return d.query(t, s) },
		"query_file":    func(t *tree) error { return d.queryFile(t, s) },
		"sinks":         func(t *tree) error { return d.sinks(t, s) },
		"trigger":       func(t *tree) error { return d.trigger(t, s) },
		"limits":        func(t *tree) error { return d.limits(t, s) },
		"checkpoint":    d.path(&s.Checkpoint, "checkpoint"),
		"on_bad_record": func(t *tree) error { return d.onBadRecord(t, s) },
		"on_late_row":   func(t *tree) error { return d.onLateRow(t) },
		"shards":        whole(&s.Shards, "shards", 1),
	}, "queries", "on_bad_value", "memory", "cores", "retain", "emit", "dedup", "state")
	if err != nil {
		return nil, err
	}
	return s, d.check(&kept, s)
}

// check looks at what depends on more than one key.
func (d *decoder) check(t *tree, s *Spec) error {
	if err := need(t, "job", "name", "sources", "sinks", "checkpoint"); err != nil {
		return err
	}
	switch {
	case !validIdent(s.Name):
		return fail(t.get("name").pos, "letters, digits, _ - and . after a first letter, at most 100", "name: %q is not a job name", s.Name)
	case s.Query.Text == "":
		return fail(t.pos, "", "job: query is missing (or query_file)")
	case s.Timezone != "UTC":
		return fail(t.get("timezone").pos, "", "timezone: %q is not supported yet in this version; UTC is", s.Timezone)
	case s.Shards > 256:
		return fail(t.get("shards").pos, "", "shards: %d is more than 256", s.Shards)
	}
	return d.checkPaths(t, s)
}

// checkPaths keeps every output and the checkpoint in a place of its own.
func (d *decoder) checkPaths(t *tree, s *Spec) error {
	taken := map[string]string{filepath.Clean(s.Checkpoint): "the checkpoint"}
	for _, k := range s.Sinks {
		if k.Path == "" {
			continue
		}
		for other, what := range taken {
			if within(filepath.Clean(k.Path), other) || within(other, filepath.Clean(k.Path)) {
				return fail(k.Pos, "give each a directory of its own", "sinks.%s: path %s overlaps with %s", k.Name, k.Path, what)
			}
		}
		taken[filepath.Clean(k.Path)] = "sink " + k.Name
	}
	return nil
}

func within(path, dir string) bool {
	return path == dir || strings.HasPrefix(path, strings.TrimSuffix(dir, "/")+"/")
}

func (d *decoder) sources(t *tree, s *Spec) error {
	if t.kind != mapTree || len(t.entries) == 0 {
		return fail(t.pos, "", "sources is %s, want a mapping from names to sources", t.kind)
	}
	if len(t.entries) > 1 {
		return fail(t.entries[1].pos, "", "sources: a second source is not supported yet in this version")
	}
	e := t.entries[0]
	where := "sources." + e.key
	if !validIdent(e.key) {
		return fail(e.pos, "", "sources: %q is not a name", e.key)
	}
	src := &s.Source
	*src = Source{Name: e.key, Start: "earliest", Format: "json", Pos: e.pos}
	if err := d.fields(e.val, where, map[string]setter{
		"kafka":      func(t *tree) error { return d.kafka(t, where+".kafka", src) },
		"format":     func(t *tree) error { return d.format(t, where, src) },
		"columns":    func(t *tree) error { return d.columns(t, where+".columns", &src.Columns) },
		"event_time": func(t *tree) error { return d.eventTime(t, where+".event_time", src) },
	}); err != nil {
		return err
	}
	return need(e.val, where, "kafka", "columns")
}

func (d *decoder) format(t *tree, where string, src *Source) error {
	switch t.scalar {
	case "raw", "avro", "protobuf", "csv":
		return fail(t.pos, "", "%s: format %s is not supported yet in this version; json is", where, t.scalar)
	}
	return word(&src.Format, where+".format", "json")(t)
}

func (d *decoder) kafka(t *tree, where string, src *Source) error {
	if err := d.fields(t, where, map[string]setter{
		"brokers": func(t *tree) error { return brokers(t, where+".brokers", &src.Brokers) },
		"topic":   str(&src.Topic, where+".topic"),
		"start":   word(&src.Start, where+".start", "earliest", "latest"),
	}, "sasl", "tls", "topics", "pattern", "isolation", "rate"); err != nil {
		return err
	}
	if err := need(t, where, "brokers", "topic"); err != nil {
		return err
	}
	if src.Topic == "" {
		return fail(t.get("topic").pos, "", "%s.topic is empty", where)
	}
	return nil
}

// brokers takes text, a comma list, or a YAML list.
func brokers(t *tree, where string, to *[]string) error {
	items := []*tree{t}
	if t.kind == listTree {
		items = t.items
	}
	for _, item := range items {
		if item.kind != scalarTree {
			return fail(item.pos, "", "%s: %s is not host:port", where, item.kind)
		}
		for _, b := range strings.Split(item.scalar, ",") {
			b = strings.TrimSpace(b)
			host, port, err := net.SplitHostPort(b)
			if err != nil || host == "" || port == "" {
				return fail(item.pos, "", "%s: %q is not host:port", where, b)
			}
			*to = append(*to, b)
		}
	}
	if len(*to) == 0 {
		return fail(t.pos, "", "%s is empty", where)
	}
	return nil
}

func (d *decoder) columns(t *tree, where string, to *[]Column) error {
	if t.kind != mapTree || len(t.entries) == 0 {
		return fail(t.pos, "", "%s is %s, want a mapping from names to types", where, t.kind)
	}
	for _, e := range t.entries {
		c := Column{Name: e.key, Pos: e.pos}
		if strings.HasPrefix(e.key, "_") {
			return fail(e.pos, "", "%s: %q begins with an underscore, as only metadata columns do", where, e.key)
		}
		if e.val.kind == scalarTree {
			c.Type, c.Pos = e.val.scalar, e.val.pos
		} else if err := d.column(e.val, where+"."+e.key, &c); err != nil {
			return err
		}
		if _, _, err := sql.ParseType(c.Type); err != nil {
			return fail(c.Pos, "", "%s.%s: %v", where, e.key, err)
		}
		*to = append(*to, c)
	}
	return nil
}

func (d *decoder) column(t *tree, where string, c *Column) error {
	if err := d.fields(t, where, map[string]setter{
		"type":     func(t *tree) error { c.Pos = t.pos; return str(&c.Type, where+".type")(t) },
		"path":     str(&c.Path, where+".path"),
		"required": boolean(&c.Required, where+".required"),
	}); err != nil {
		return err
	}
	if strings.ContainsAny(c.Path, ".[") {
		return fail(t.get("path").pos, "", "%s.path: nested paths are not supported yet in this version; %q must be a key of the record itself", where, c.Path)
	}
	return need(t, where, "type")
}

func (d *decoder) eventTime(t *tree, where string, src *Source) error {
	et := &EventTime{IdleAfter: defaultIdleAfter, MaxFuture: defaultMaxFuture, Pos: t.pos}
	src.EventTime = et
	if t.kind == scalarTree {
		et.Column = t.scalar
		return nil
	}
	if err := d.fields(t, where, map[string]setter{
		"column":       func(t *tree) error { et.Pos = t.pos; return str(&et.Column, where+".column")(t) },
		"max_disorder": duration(&et.MaxDisorder, where+".max_disorder", 0),
		"idle_after":   duration(&et.IdleAfter, where+".idle_after", 0),
		"max_future": func(t *tree) error {
			if t.scalar == "off" {
				et.MaxFuture = -1
				return nil
			}
			return duration(&et.MaxFuture, where+".max_future", 0)(t)
		},
	}); err != nil {
		return err
	}
	return need(t, where, "column")
}

func (d *decoder) tables(t *tree, s *Spec) error {
	if t.kind != mapTree {
		return fail(t.pos, "", "tables is %s, want a mapping from names to tables", t.kind)
	}
	for _, e := range t.entries {
		where := "tables." + e.key
		tab := Table{Name: e.key, Pos: e.pos}
		if !validIdent(e.key) {
			return fail(e.pos, "", "tables: %q is not a name", e.key)
		}
		if err := d.fields(e.val, where, map[string]setter{
			"csv":     d.path(&tab.CSV, where+".csv"),
			"columns": func(t *tree) error { return d.columns(t, where+".columns", &tab.Columns) },
		}, "parquet"); err != nil {
			return err
		}
		if err := need(e.val, where, "csv", "columns"); err != nil {
			return err
		}
		if _, err := os.Stat(tab.CSV); err != nil {
			return fail(e.val.get("csv").pos, "", "%s.csv: %v", where, err)
		}
		s.Tables = append(s.Tables, tab)
	}
	return nil
}

func (d *decoder) query(t *tree, s *Spec) error {
	if err := str(&s.Query.Text, "query")(t); err != nil {
		return err
	}
	s.Query.File, s.Query.Start = d.file, t.pos
	if t.block {
		s.Query.Start = d.blockStart(t.pos)
	}
	return nil
}

// blockStart finds where the text of a block scalar begins: the line behind the indicator, and how far it is indented.
func (d *decoder) blockStart(indicator dstream.Pos) dstream.Pos {
	lines := bytes.Split(d.text, []byte("\n"))
	indent := 0
	for i := indicator.Line; i < len(lines); i++ {
		if trimmed := bytes.TrimLeft(lines[i], " "); len(trimmed) > 0 {
			indent = len(lines[i]) - len(trimmed)
			break
		}
	}
	return dstream.Pos{File: d.file, Line: indicator.Line + 1, Column: indent + 1}
}

func (d *decoder) queryFile(t *tree, s *Spec) error {
	if s.Query.Text != "" {
		return fail(t.pos, "", "query_file: the job has a query already")
	}
	var path string
	if err := d.path(&path, "query_file")(t); err != nil {
		return err
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return fail(t.pos, "", "query_file: %v", err)
	}
	s.Query = Query{Text: string(text), File: path, Start: dstream.Pos{File: path, Line: 1, Column: 1}}
	return nil
}

func (d *decoder) trigger(t *tree, s *Spec) error {
	s.Trigger = Trigger{}
	if err := d.fields(t, "trigger", map[string]setter{
		"every":         duration(&s.Trigger.Every, "trigger.every", time.Millisecond),
		"available_now": boolean(&s.Trigger.AvailableNow, "trigger.available_now"),
	}, "cron"); err != nil {
		return err
	}
	if s.Trigger.AvailableNow == (s.Trigger.Every > 0) {
		return fail(t.pos, "", "trigger: want one of every and available_now")
	}
	return nil
}

func (d *decoder) limits(t *tree, s *Spec) error {
	return d.fields(t, "limits", map[string]setter{
		"rows":  whole(&s.Limits.Rows, "limits.rows", 1),
		"bytes": size(&s.Limits.Bytes, "limits.bytes"),
	}, "rate")
}

func (d *decoder) onBadRecord(t *tree, s *Spec) error {
	if t.kind == mapTree || t.scalar == "dead_letter" {
		return fail(t.pos, "", "on_bad_record: dead letters and stop_above are not supported yet in this version; write fail or skip")
	}
	return word(&s.OnBadRecord, "on_bad_record", "fail", "skip")(t)
}

func (d *decoder) onLateRow(t *tree) error {
	if t.kind == mapTree || t.scalar != "drop" {
		return fail(t.pos, "", "on_late_row: only drop (counted) is supported yet in this version")
	}
	return nil
}

func (d *decoder) sinks(t *tree, s *Spec) error {
	if t.kind != mapTree || len(t.entries) == 0 {
		return fail(t.pos, "", "sinks is %s, want a mapping from names to sinks", t.kind)
	}
	for _, e := range t.entries {
		if !validIdent(e.key) {
			return fail(e.pos, "", "sinks: %q is not a name", e.key)
		}
		k := Sink{Name: e.key, Pos: e.pos}
		where := "sinks." + e.key
		if err := d.fields(e.val, where, map[string]setter{
			"parquet": func(t *tree) error { k.Kind += "parquet"; return d.parquet(t, where+".parquet", &k) },
			"stdout":  func(t *tree) error { k.Kind += "stdout"; return d.fields(orEmpty(t), where+".stdout", nil) },
		}, "kafka", "iceberg", "changelog", "query"); err != nil {
			return err
		}
		if k.Kind != "parquet" && k.Kind != "stdout" {
			return fail(e.pos, "", "%s: want one of parquet and stdout", where)
		}
		s.Sinks = append(s.Sinks, k)
	}
	return nil
}

func orEmpty(t *tree) *tree {
	if t.kind == nullTree {
		return &tree{kind: mapTree, pos: t.pos}
	}
	return t
}

func (d *decoder) parquet(t *tree, where string, k *Sink) error {
	k.Compression = "zstd"
	if err := d.fields(t, where, map[string]setter{
		"path":           d.path(&k.Path, where+".path"),
		"partition_by":   func(t *tree) error { return d.partitionBy(t, where+".partition_by", k) },
		"compression":    word(&k.Compression, where+".compression", "zstd", "snappy", "none"),
		"max_partitions": whole(&k.MaxPartitions, where+".max_partitions", 1),
		"file":           func(t *tree) error { return d.fileSize(t, where+".file", k) },
	}, "done_marker", "changelog"); err != nil {
		return err
	}
	return need(t, where, "path")
}

// fileSize reads the key "file" of a Parquet sink.
func (d *decoder) fileSize(t *tree, where string, k *Sink) error {
	return d.fields(t, where, map[string]setter{"max_bytes": size(&k.MaxBytes, where+".max_bytes")}, "max_rows", "max_age")
}

func (d *decoder) partitionBy(t *tree, where string, k *Sink) error {
	items := []*tree{t}
	if t.kind == listTree {
		items = t.items
	}
	for _, item := range items {
		if item.kind != scalarTree {
			return fail(item.pos, "", "%s: %s is not an expression", where, item.kind)
		}
		pos := item.pos
		if item.quoted && !item.block {
			pos.Column++ // behind the quote
		}
		k.PartitionBy = append(k.PartitionBy, Partition{Text: item.scalar, Pos: pos})
	}
	return nil
}

// decodeFields turns declared columns into what a decoder takes.
func decodeFields(cols []Column) ([]columnar.DecodeField, error) {
	var out []columnar.DecodeField
	for _, c := range cols {
		t, unit, err := sql.ParseType(c.Type)
		if err != nil {
			return nil, fail(c.Pos, "", "column %s: %v", c.Name, err)
		}
		out = append(out, columnar.DecodeField{Field: columnar.Field{Name: c.Name, Type: t}, Key: c.Path, Unit: unit, Required: c.Required})
	}
	return out, nil
}
