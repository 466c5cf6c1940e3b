package jobspec

import (
	"errors"
	"net"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/dstream"
	"github.com/millrace/millrace/internal/sql"
)

func (d *decoder) spec(t *tree) (*Spec, error) {
	s := &Spec{Timezone: "UTC", OnBadRecord: "fail", Shards: defaultShards,
		Trigger: Trigger{Every: defaultEvery}, Limits: Limits{Rows: defaultRows}}
	err := d.fields(t, "job", map[string]setter{
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
	return s, d.check(t, s)
}

// check looks at what depends on more than one key.
func (d *decoder) check(t *tree, s *Spec) error {
	if err := need(t, "job", "name", "sources", "sinks", "checkpoint"); err != nil {
		return err
	}
	switch {
	case !validIdent(s.Name):
		return fail(t.get("name").pos, nameRule, "name: %s is not a name", t.get("name").shown())
	case t.get("query") != nil && t.get("query_file") != nil:
		return fail(t.get("query_file").pos, "", "job: want one of query and query_file")
	case strings.TrimSpace(s.Query.Text) == "":
		return fail(t.pos, "", "job: query is missing (or query_file)")
	case s.Timezone != "UTC":
		return fail(t.get("timezone").pos, "", "timezone: %s is not supported yet in this version; UTC is", t.get("timezone").shown())
	case s.Shards > 256:
		return fail(t.get("shards").pos, "", "shards: %d is more than 256", s.Shards)
	}
	return d.checkPaths(t, s)
}

// checkPaths keeps every output and the checkpoint in a place of its own.
func (d *decoder) checkPaths(t *tree, s *Spec) error {
	taken := []Sink{{Name: "the checkpoint", Path: s.Checkpoint}}
	for _, k := range s.Sinks {
		if k.Path == "" {
			continue
		}
		for _, other := range taken {
			if within(k.Path, other.Path) || within(other.Path, k.Path) {
				pos := t.get("sinks").get(k.Name).get(k.Kind).get("path").pos
				return fail(pos, "give each a directory of its own", "sinks.%s: path %s overlaps with %s, %s", k.Name, k.Path, other.Name, other.Path)
			}
		}
		k.Name = "sink " + k.Name
		taken = append(taken, k)
	}
	return nil
}

func within(path, dir string) bool {
	return path == dir || strings.HasPrefix(path, strings.TrimSuffix(dir, "/")+"/")
}

func (d *decoder) sources(t *tree, s *Spec) error {
	if err := named(t, "sources", "sources"); err != nil {
		return err
	}
	if len(t.entries) > 1 {
		return fail(t.entries[1].pos, "", "sources: a second source is not supported yet in this version")
	}
	e := t.entries[0]
	where := "sources." + e.key
	if !validIdent(e.key) {
		return fail(e.pos, nameRule, "sources: %q is not a name", e.key)
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
	if !topicName.MatchString(src.Topic) {
		return fail(t.get("topic").pos, "letters, digits, _ - and ., at most 249", "%s.topic: %s is not a topic name", where, t.get("topic").shown())
	}
	return nil
}

// topicName is what Kafka takes.
var topicName = regexp.MustCompile(`^[a-zA-Z0-9._-]{1,249}$`)

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
				return fail(item.pos, "such as localhost:9092", "%s: %s is not host:port", where, (&tree{kind: scalarTree, scalar: b, secret: item.secret}).shown())
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
	if err := named(t, where, "types"); err != nil {
		return err
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
		if _, err := c.field(); err != nil {
			return err
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
	if err := named(t, "tables", "tables"); err != nil {
		return err
	}
	for _, e := range t.entries {
		where := "tables." + e.key
		tab := Table{Name: e.key, Pos: e.pos}
		if !validIdent(e.key) {
			return fail(e.pos, nameRule, "tables: %q is not a name", e.key)
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

func (d *decoder) trigger(t *tree, s *Spec) error {
	const hint = "write {every: 1s} or {available_now: true}"
	if t.kind != mapTree {
		return fail(t.pos, hint, "trigger: %s is not a mapping", t.shown())
	}
	s.Trigger = Trigger{}
	if err := d.fields(t, "trigger", map[string]setter{
		"every":         duration(&s.Trigger.Every, "trigger.every", time.Millisecond),
		"available_now": boolean(&s.Trigger.AvailableNow, "trigger.available_now"),
	}, "cron"); err != nil {
		return err
	}
	if s.Trigger.AvailableNow == (s.Trigger.Every > 0) {
		return fail(t.pos, hint, "trigger: want one of every and available_now")
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
		return fail(t.pos, "", "on_bad_record: dead_letter and stop_above are not supported yet in this version; write fail or skip")
	}
	return word(&s.OnBadRecord, "on_bad_record", "fail", "skip")(t)
}

func (d *decoder) onLateRow(t *tree) error {
	if t.kind == mapTree || t.scalar != "drop" {
		return fail(t.pos, "", "on_late_row: only drop (counted) is supported yet in this version")
	}
	return nil
}

// field is what a decoder takes of a column.
func (c Column) field() (columnar.DecodeField, error) {
	t, unit, err := sql.ParseType(c.Type)
	var e *dstream.Error
	if errors.As(err, &e) {
		return columnar.DecodeField{}, fail(c.Pos, e.Hint, "column %s: %s", c.Name, e.Msg)
	}
	if err != nil {
		return columnar.DecodeField{}, err
	}
	f := columnar.DecodeField{Field: columnar.Field{Name: c.Name, Type: t}, Unit: unit, Required: c.Required}
	if c.Path != "" {
		if f.Path, err = columnar.ParsePath(c.Path); err != nil {
			return f, fail(c.Pos, "", "column %s: %v", c.Name, err)
		}
	}
	return f, nil
}

func decodeFields(cols []Column) ([]columnar.DecodeField, error) {
	var out []columnar.DecodeField
	for _, c := range cols {
		f, err := c.field()
		if err != nil {
			return nil, err
		}
		out = append(out, f)
	}
	return out, nil
}
