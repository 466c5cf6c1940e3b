package output_test

import (
	"bytes"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/integration/duckdbtest"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/output"
	"github.com/millrace/millrace/output/outputtest"
)

// changesLayout has the key (k, s), of which s may be a partition, and a value.
func changesLayout() output.Layout {
	s := typed([]string{"k", "s p", "v", "op"}, columnar.Int64, columnar.String, columnar.Float64, columnar.String)
	return output.Layout{Schema: s, Columns: []int{0, 1, 2}, Changelog: &output.Changelog{Op: 3, Key: []int{0, 1}}}
}

// changesBatches is what becomes of three keys, in batches.
var changesBatches = [][]outputtest.Row{
	{{int64(1), "a", 1.0, columnar.OpInsert}, {int64(2), "a", 5.0, columnar.OpInsert}, {nil, "b", 7.0, columnar.OpInsert}},
	{{int64(1), "a", 1.0, columnar.OpUpdateBefore}, {int64(1), "a", 2.0, columnar.OpUpdateAfter}, {int64(2), "a", 5.0, columnar.OpDelete}},
	{{nil, "b", 7.0, columnar.OpUpdateBefore}, {nil, "b", nil, columnar.OpUpdateAfter}, {int64(3), "", 1.5, columnar.OpInsert}},
}

// TestParquetChangelog: files hold operation and revision, and the view that is recommended gives the result.
func TestParquetChangelog(t *testing.T) {
	duckdbtest.Need(t)
	for _, partitioned := range []bool{false, true} {
		layout := changesLayout()
		if partitioned {
			layout.Columns = []int{0, 2}
			layout.Partitions = []output.PartitionExpr{{Name: "s p", Expr: columnar.Col(layout.Schema, 1)}}
		}
		dir := filepath.Join(t.TempDir(), "it's")
		l := &lake{t, &store.Local{Root: dir}}
		p := l.open(l.config(layout))
		for i, rows := range changesBatches {
			b := outputtest.Batch(layout.Schema, append(rows, outputtest.Row{int64(9), "a", 9.0, columnar.OpInsert})...)
			b.Sel = []int32{0, 1, 2}
			if pr := l.publish(p, int64(i+1), output.Shard{ID: i % 2, Rows: []*columnar.Batch{b}}); pr.Rows != 3 || pr.LeftOut != 0 {
				t.Errorf("batch %d: %d rows, %d left out", i+1, pr.Rows, pr.LeftOut)
			}
		}
		glob := "/*.parquet'"
		if partitioned {
			glob = "/**/*.parquet', hive_partitioning = true"
		}
		got := queries(t, `SELECT k, "s p", v, _op, _revision FROM read_parquet('`+strings.ReplaceAll(dir, "'", "''")+glob+`) ORDER BY _revision, k, "s p", _op DESC`,
			"SELECT * FROM ("+layout.View(dir)+") ORDER BY k")
		if partitioned { // the partition comes last, and an empty text is NULL
			got = strings.ReplaceAll(got, "3|1.5|\\N\n", "3||1.5\n")
			got = strings.ReplaceAll(strings.ReplaceAll(got, "1|2.0|a\n", "1|a|2.0\n"), "\\N|\\N|b\n", "\\N|b|\\N\n")
			got = strings.ReplaceAll(got, "3|\\N|1.5", "3||1.5")
		}
		const want = `1|a|1.0|insert|1
2|a|5.0|insert|1
\N|b|7.0|insert|1
1|a|1.0|update_before|2
1|a|2.0|update_after|2
2|a|5.0|delete|2
3||1.5|insert|3
\N|b|7.0|update_before|3
\N|b|\N|update_after|3
1|a|2.0
3||1.5
\N|b|\N
`
		if got != want {
			t.Errorf("partitioned %v: DuckDB reads\n%swant\n%s", partitioned, got, want)
		}
	}
}

// TestKafkaChangelog: the last record of each key is the result.
func TestKafkaChangelog(t *testing.T) {
	for _, test := range []struct {
		name string
		key  []int
		want []string
	}{
		{"keys as they are", nil, []string{
			`{"k":1,"s p":"a"} {"k":1,"s p":"a","v":1}`, `{"k":2,"s p":"a"} {"k":2,"s p":"a","v":5}`, `{"k":null,"s p":"b"} {"k":null,"s p":"b","v":7}`,
			`{"k":1,"s p":"a"} {"k":1,"s p":"a","v":2}`, `{"k":2,"s p":"a"} NULL`,
			`{"k":null,"s p":"b"} {"k":null,"s p":"b","v":null}`, `{"k":3,"s p":""} {"k":3,"s p":"","v":1.5}`}},
		{"in the order of the sink", []int{1, 0}, []string{
			`{"s p":"a","k":1} {"k":1,"s p":"a","v":1}`, `{"s p":"a","k":2} {"k":2,"s p":"a","v":5}`, `{"s p":"b","k":null} {"k":null,"s p":"b","v":7}`,
			`{"s p":"a","k":1} {"k":1,"s p":"a","v":2}`, `{"s p":"a","k":2} NULL`,
			`{"s p":"b","k":null} {"k":null,"s p":"b","v":null}`, `{"s p":"","k":3} {"k":3,"s p":"","v":1.5}`}},
	} {
		p := newKafkaPlace(t, 1, func(c *output.KafkaConfig) { c.Layout, c.Key, c.NoHeaders = changesLayout(), test.key, true })
		p.AddTopic("t", 1, "cleanup.policy", "compact")
		k := p.started()
		for i, rows := range changesBatches {
			pr := p.prepare(k, int64(i+1), rows...)
			if want := int64(min(i, 1)); pr.LeftOut != want || pr.Rows != 3-want || pr.Files[0].Rows != pr.Rows {
				t.Errorf("%s, batch %d: %d rows, %d left out", test.name, i+1, pr.Rows, pr.LeftOut)
			}
			if err := k.Publish(t.Context(), pr); err != nil {
				t.Fatal(err)
			}
		}
		var got []string
		for _, r := range p.Records("t") {
			text := strings.TrimSpace(r.String())
			got = append(got, strings.TrimSuffix(strings.TrimPrefix(text, "0 "), fmt.Sprint(" ", r.At)))
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%s:\n%s\nwant\n%s", test.name, strings.Join(got, "\n"), strings.Join(test.want, "\n"))
		}
	}
}

// TestKafkaChangelogTopic: a topic that the sink makes keeps the last record of each key; without a changelog it is as the brokers
// are configured.
func TestKafkaChangelogTopic(t *testing.T) {
	for _, test := range []struct{ topic, want string }{{"changes", "compact"}, {"plain", ""}} {
		p := newKafkaPlace(t, 1, func(c *output.KafkaConfig) {
			c.Topic, c.Create = test.topic, &output.KafkaTopic{Partitions: 2}
			if test.want != "" {
				c.Layout, c.Key = changesLayout(), nil
			}
		})
		p.mustOpen()
		if got := p.Config(test.topic, "cleanup.policy"); got != test.want {
			t.Errorf("%s: cleanup.policy %q, want %q", test.topic, got, test.want)
		}
	}
}

// TestKafkaChangelogRows: another operation is another batch to whoever compares a rerun with what is there.
func TestKafkaChangelogRows(t *testing.T) {
	p := newKafkaPlace(t, 1, func(c *output.KafkaConfig) { c.Layout, c.Key = changesLayout(), nil })
	k := p.started()
	insert := p.prepare(k, 1, outputtest.Row{int64(1), "a", 1.0, columnar.OpInsert})
	after := p.prepare(k, 1, outputtest.Row{int64(1), "a", 1.0, columnar.OpUpdateAfter})
	if insert.Files[0].RowsSHA256 == after.Files[0].RowsSHA256 {
		t.Error("the operation is not in rows_sha256")
	}
}

// TestKafkaChangelogNullKey: a record without a key would belong to no row of the result.
func TestKafkaChangelogNullKey(t *testing.T) {
	p := newKafkaPlace(t, 1, func(c *output.KafkaConfig) {
		c.Layout, c.Key = changesLayout(), []int{0}
		c.Layout.Changelog.Key = []int{0}
	})
	_, err := p.started().Prepare(t.Context(), info(1), shardOf(p.cfg.Layout.Schema, changesBatches[0]...), nil)
	if want := "sink out: topic t takes a changelog, and a row has NULL as its key"; err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("error %v, want %q", err, want)
	}
}

func TestStdoutChangelog(t *testing.T) {
	var out bytes.Buffer
	l := changesLayout()
	sink, err := output.NewStdout("screen", &out, l)
	if err != nil {
		t.Fatal(err)
	}
	pr, err := sink.Prepare(t.Context(), outputtest.Info(2), shardOf(l.Schema, changesBatches[1]...), nil)
	if err == nil {
		err = sink.Publish(t.Context(), pr)
	}
	const want = `{"k":1,"s p":"a","v":1,"_op":"update_before"}
{"k":1,"s p":"a","v":2,"_op":"update_after"}
{"k":2,"s p":"a","v":5,"_op":"delete"}
`
	if err != nil || out.String() != want {
		t.Errorf("printed\n%swant\n%s, error %v", out.String(), want, err)
	}
}

// TestChangelogLayouts: what no reader could make sense of is refused by every sink.
func TestChangelogLayouts(t *testing.T) {
	for _, test := range []struct {
		change func(*output.Layout)
		want   string
	}{
		{func(l *output.Layout) { l.Changelog.Key = nil }, "a changelog without a key"},
		{func(l *output.Layout) { l.Changelog.Op = 2 }, "the operations of a changelog are a double"},
		{func(l *output.Layout) { l.Schema.Fields[2].Name = "_OP" }, `the changelog has a column "_OP" of its own; give the column of the query another name`},
		{func(l *output.Layout) { l.Schema.Fields[2].Name = "_revision" }, `the changelog has a column "_revision" of its own; give the column of the query another name`},
	} {
		l := changesLayout()
		test.change(&l)
		lake := newLake(t)
		_, files := output.OpenParquet(t.Context(), lake.config(l))
		_, lines := output.NewStdout("lake", nil, l)
		_, records := newKafkaPlace(t, 1, func(c *output.KafkaConfig) { c.Sink, c.Layout, c.Key = "lake", l, nil }).open()
		for _, err := range []error{files, lines, records} {
			if err == nil || err.Error() != "sink lake: "+test.want {
				t.Errorf("error %v, want %q", err, test.want)
			}
		}
	}
}
