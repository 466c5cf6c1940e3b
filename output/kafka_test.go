package output_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/internal/kafka"
	"github.com/millrace/millrace/output"
	"github.com/millrace/millrace/output/outputtest"
)

// stepClock moves with waits only.
type stepClock struct{ now time.Time }

func (c *stepClock) Now() time.Time { return c.now }

func (c *stepClock) Wait(ctx context.Context, d time.Duration) error {
	c.now = c.now.Add(d)
	return ctx.Err()
}

// kafkaPlace is a topic "t" with what a sink that writes to it is made of.
type kafkaPlace struct {
	*outputtest.Kafka
	t     *testing.T
	clock *stepClock
	cfg   output.KafkaConfig
}

const kafkaID = "millrace-job/out/t"

func newKafkaPlace(t *testing.T, partitions int, change ...func(*output.KafkaConfig)) *kafkaPlace {
	p := &kafkaPlace{Kafka: outputtest.NewKafka(), t: t, clock: &stepClock{time.Unix(1_700_000_000, 0)}}
	p.AddTopic("t", partitions)
	l := outputtest.Layout()
	p.cfg = output.KafkaConfig{Sink: "out", Topic: "t", Layout: output.Layout{Schema: l.Schema, Columns: []int{0, 1}}, Key: []int{0}, Value: -1, Timestamp: -1,
		Opening: output.Opening{Owner: outputtest.Me, Clock: p.clock, Lead: func() error { return nil }}}
	for _, c := range change {
		c(&p.cfg)
	}
	return p
}

func (p *kafkaPlace) open() (*output.Kafka, error) {
	return output.OpenKafka(p.t.Context(), p.Cluster(), p.cfg)
}

func (p *kafkaPlace) mustOpen() *output.Kafka {
	p.t.Helper()
	k, err := p.open()
	if err != nil {
		p.t.Fatal(err)
	}
	return k
}

// started opens the sink and claims the topic, as a driver does that finds no record.
func (p *kafkaPlace) started() *output.Kafka {
	p.t.Helper()
	k := p.mustOpen()
	if at, err := k.Published(p.t.Context()); err != nil || at.Missing {
		if err := k.Record(p.t.Context(), output.Standing{}); err != nil {
			p.t.Fatal(err)
		}
	}
	return k
}

func (p *kafkaPlace) prepare(k *output.Kafka, batch int64, rows ...outputtest.Row) *output.Prepared {
	p.t.Helper()
	pr, err := k.Prepare(p.t.Context(), info(batch), shardOf(p.cfg.Layout.Schema, rows...), nil)
	if err != nil {
		p.t.Fatal(err)
	}
	return pr
}

func (p *kafkaPlace) publish(k *output.Kafka, batch int64, rows ...outputtest.Row) error {
	p.t.Helper()
	return k.Publish(p.t.Context(), p.prepare(k, batch, rows...))
}

func (p *kafkaPlace) mustPublish(k *output.Kafka, batch int64, rows ...outputtest.Row) {
	p.t.Helper()
	if err := p.publish(k, batch, rows...); err != nil {
		p.t.Fatal(err)
	}
}

func (p *kafkaPlace) wantValues(want ...string) {
	p.t.Helper()
	slices.Sort(want)
	if got := p.Values("t"); !slices.Equal(got, want) {
		p.t.Errorf("visible are %q, want %q", got, want)
	}
}

func info(batch int64) output.BatchInfo {
	i := outputtest.Info(batch)
	i.RangeHash = fmt.Sprintf("%064x", batch)
	return i
}

func shardOf(s *columnar.Schema, rows ...outputtest.Row) []output.Shard {
	if len(rows) == 0 {
		return nil
	}
	return []output.Shard{{Rows: []*columnar.Batch{outputtest.Batch(s, rows...)}}}
}

func row(key string, n int64) outputtest.Row { return outputtest.Row{key, n} }

func value(key string, n int64) string { return fmt.Sprintf(`{"key":%q,"number":%d}`, key, n) }

// TestKafkaContract runs the contract of sinks. A topic has one visible step: the commit of the transaction.
func TestKafkaContract(t *testing.T) {
	outputtest.TestSink(t, func(t *testing.T) outputtest.Place {
		p := newKafkaPlace(t, 3, func(c *output.KafkaConfig) { c.TransactionalID = kafkaID })
		return outputtest.Place{
			Open: func(owner output.Owner) (output.Sink, error) {
				p.cfg.Opening.Owner = owner
				k, err := p.open()
				if err != nil {
					return nil, err
				}
				if at, _ := k.Published(t.Context()); at.Missing {
					err = k.Record(t.Context(), output.Standing{})
				}
				return k, err
			},
			Read: func() (rows []string, err error) {
				for _, r := range p.Records("t") {
					var v struct {
						Key    string
						Number int64
					}
					if err := json.Unmarshal([]byte(*r.Value), &v); err != nil {
						return nil, err
					}
					rows = append(rows, v.Key+" "+strconv.FormatInt(v.Number, 10))
				}
				return rows, nil
			},
			Interrupt: func(n int) {
				p.Fault = func(op string) (f outputtest.Fault) {
					if op == "commit" && n == 0 {
						f.Before = outputtest.ErrCrash
						p.Fault = nil
					}
					return f
				}
			},
		}
	})
}

// TestKafkaLostAnswers loses the answer of every step in turn, once applied and once not: every batch is there once.
func TestKafkaLostAnswers(t *testing.T) {
	steps := 0
	for at := 0; ; at++ {
		for _, applied := range []bool{false, true} {
			p := newKafkaPlace(t, 3)
			k := p.started()
			n := -1
			p.Fault = func(op string) outputtest.Fault {
				if n++; n == at {
					return outputtest.LostAnswer(op, applied)
				}
				return outputtest.Fault{}
			}
			p.mustPublish(k, 1, row("a", 1), row("b", 2))
			p.mustPublish(k, 2, row("c", 3))
			p.wantValues(value("a", 1), value("b", 2), value("c", 3))
			if n < at {
				steps = at
			}
		}
		if steps > 0 {
			break
		}
	}
	if steps < 4 {
		t.Errorf("%d steps only", steps)
	}
}

// TestKafkaFencedByAccident goes on when somebody has taken the transactional id and no newer driver is the reason.
func TestKafkaFencedByAccident(t *testing.T) {
	p := newKafkaPlace(t, 2)
	k := p.started()
	p.mustPublish(k, 1, row("a", 1))
	p.Fence(kafkaID)
	p.mustPublish(k, 2, row("b", 2))
	p.wantValues(value("a", 1), value("b", 2))

	superseded := errors.New("superseded")
	p.cfg.Opening.Lead = func() error { return superseded }
	p.Fault = func(op string) outputtest.Fault { return outputtest.Fault{} }
	k = nil
	if _, err := p.open(); !errors.Is(err, superseded) {
		t.Errorf("a driver that does not lead opened the sink: %v", err)
	}
}

// TestKafkaSupersededEndsQuietly: fenced, with a newer driver, nothing is begun.
func TestKafkaSupersededEndsQuietly(t *testing.T) {
	p := newKafkaPlace(t, 2)
	superseded := errors.New("superseded")
	var lead error
	p.cfg.Opening.Lead = func() error { return lead }
	k := p.started()
	p.Fence(kafkaID)
	inits := p.Inits()
	lead = superseded
	if err := p.publish(k, 1, row("a", 1)); !errors.Is(err, superseded) {
		t.Errorf("published without leading: %v", err)
	}
	if p.Inits() != inits {
		t.Error("a driver that does not lead has begun a session")
	}
	p.wantValues()
}

// TestKafkaGivesUp ends after the failover budget.
func TestKafkaGivesUp(t *testing.T) {
	p := newKafkaPlace(t, 2)
	k := p.started()
	began := p.clock.now
	p.Fault = func(op string) outputtest.Fault { return outputtest.LostAnswer(op, false) }
	err := p.publish(k, 1, row("a", 1))
	if err == nil || !strings.Contains(err.Error(), "sink out: given up after") {
		t.Errorf("error %v", err)
	}
	if spent := p.clock.now.Sub(began); spent < 20*time.Second || spent > output.DefaultKafkaRetryFor {
		t.Errorf("gave up after %s", spent)
	}
}

// TestKafkaRecordChanges refuses to go on when the record is neither what this process has left nor what it has written.
func TestKafkaRecordChanges(t *testing.T) {
	p := newKafkaPlace(t, 2)
	k := p.started()
	p.mustPublish(k, 1, row("a", 1))
	old, _ := p.RecordOf(kafkaID, "t")
	p.mustPublish(k, 2, row("b", 2))
	p.SetRecord(kafkaID, "t", old)
	p.Fence(kafkaID)
	wantConflict(t, p.publish(k, 3, row("c", 3)), "the commit record says batch 1, while this run has left it at batch 2")

	p.SetRecord(kafkaID, "t", kafka.CommitRecord{Batch: 7, Metadata: "mine"})
	_, err := p.open()
	wantConflict(t, err, "offset 7 of group millrace-job/out/t on partition 0 is no commit record")
	p.SetRecord(kafkaID, "t", kafka.CommitRecord{Batch: 7, Metadata: strings.Replace(old.Metadata, `"format":1`, `"format":2`, 1)})
	_, err = p.open()
	wantConflict(t, err, "format 2, this version knows 1")
}

func wantConflict(t *testing.T, err error, part string) {
	t.Helper()
	var conflict *output.ConflictError
	if !errors.As(err, &conflict) || !strings.Contains(err.Error(), part) {
		t.Errorf("error %v, want a conflict that says %q", err, part)
	}
}

// TestKafkaOtherCheckpoint: a second checkpoint is refused before it ends anything.
func TestKafkaOtherCheckpoint(t *testing.T) {
	p := newKafkaPlace(t, 2)
	k := p.started()
	p.mustPublish(k, 1, row("a", 1))
	inits := p.Inits()
	p.cfg.Opening.Owner.Checkpoint = "decaf"
	_, err := p.open()
	var owned *output.OwnedError
	if !errors.As(err, &owned) {
		t.Fatalf("error %v", err)
	}
	for _, part := range []string{"c0ffee", "decaf", "batch 1 at 2023-11-14T22:13:20Z", "topic t, transactional id millrace-job/out/t"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q is not in: %v", part, err)
		}
	}
	// Who only asks before it has a checkpoint is told the same.
	if err := output.CheckKafka(t.Context(), p.Cluster(), p.cfg); !errors.As(err, &owned) {
		t.Errorf("asked before: %v", err)
	}
	if p.Inits() != inits {
		t.Error("a session was begun")
	}
	p.cfg.AtLeastOnce = true // that has no record
	if err := output.CheckKafka(t.Context(), p.Cluster(), p.cfg); err != nil {
		t.Errorf("asked before, at least once: %v", err)
	}
	p.mustPublish(k, 2, row("b", 2))
	p.wantValues(value("a", 1), value("b", 2))
}

// TestKafkaVacant: a topic without a record, or that is not there yet, is free, and is so behind the question, too.
func TestKafkaVacant(t *testing.T) {
	for _, topic := range []string{"t", "not-there-yet"} {
		p := newKafkaPlace(t, 2)
		p.cfg.Topic = topic
		if err := output.CheckKafka(t.Context(), p.Cluster(), p.cfg); err != nil {
			t.Errorf("topic %s: %v", topic, err)
		}
		if p.Inits() > 0 {
			t.Error("a session was begun")
		}
	}
}

// TestKafkaCommitsUntilInit has the older process commit a batch at the last moment before its successor ends its session: the
// record that counts is the one behind that.
func TestKafkaCommitsUntilInit(t *testing.T) {
	p := newKafkaPlace(t, 2)
	older := p.started()
	p.mustPublish(older, 1, row("a", 1))
	once := true
	p.cfg.Opening.Lead = func() error {
		if once {
			once = false
			p.mustPublish(older, 2, row("b", 2))
		}
		return nil
	}
	newer := p.mustOpen()
	if once {
		t.Fatal("nobody looked for a newer driver")
	}
	if at, err := newer.Published(t.Context()); err != nil || at.Batch != 2 {
		t.Errorf("the sink stands at batch %d, %v", at.Batch, err)
	}
	p.mustPublish(newer, 2, row("b", 2))
	p.wantValues(value("a", 1), value("b", 2))
}

// TestKafkaRefresh writes the record once a day, and then only.
func TestKafkaRefresh(t *testing.T) {
	p := newKafkaPlace(t, 2)
	k := p.started()
	p.mustPublish(k, 1, row("a", 1))
	commits := 0
	p.Fault = func(op string) outputtest.Fault {
		if op == "commit" {
			commits++
		}
		return outputtest.Fault{}
	}
	for hour := range 75 {
		if err := k.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		if want := hour / 24; commits != want {
			t.Fatalf("%d refreshes after %d hours, want %d", commits, hour, want)
		}
		p.clock.now = p.clock.now.Add(time.Hour)
	}
	r, _ := p.RecordOf(kafkaID, "t")
	if at, err := p.mustOpen().Published(t.Context()); err != nil || at.Batch != 1 || at.RangeHash != info(1).RangeHash || r.Batch != 1 {
		t.Errorf("standing %+v, %v", at, err)
	}
	p.wantValues(value("a", 1))
}

// TestKafkaAtLeastOnce writes without record, and again in another process.
func TestKafkaAtLeastOnce(t *testing.T) {
	p := newKafkaPlace(t, 1, func(c *output.KafkaConfig) { c.AtLeastOnce = true })
	for range 2 {
		k := p.mustOpen()
		for range 2 {
			p.mustPublish(k, 1, row("a", 1))
		}
		if at, err := k.Published(t.Context()); at != (output.Standing{}) || err != nil {
			t.Errorf("standing %+v, %v", at, err)
		}
		if err := k.Refresh(t.Context()); err != nil {
			t.Error(err)
		}
	}
	p.wantValues(value("a", 1), value("a", 1))
	if _, ok := p.RecordOf(kafkaID, "t"); ok {
		t.Error("there is a commit record")
	}
}

// TestKafkaTopics covers topics that are not as the job needs them, and one that grows.
func TestKafkaTopics(t *testing.T) {
	p := newKafkaPlace(t, 1)
	for _, test := range []struct {
		change func()
		want   string
	}{
		{func() { p.cfg.Topic = "nowhere" }, "sink out: topic nowhere does not exist; create it, or have the job do so: create_topic"},
		{func() { p.cfg.Topic, p.cfg.Key = "t", nil; p.AddTopic("t", 1, "cleanup.policy", "compact") }, "topic t is compacted and takes no records without a key"},
	} {
		test.change()
		_, err := p.open()
		var topic *output.TopicError
		if !errors.As(err, &topic) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("error %v, want %q", err, test.want)
		}
	}
	p.cfg.Topic, p.cfg.Key, p.cfg.Create = "made", nil, &output.KafkaTopic{Partitions: 3}
	k := p.started()
	p.mustPublish(k, 1, row("a", 1), row("b", 2), row("c", 3), row("d", 4))
	p.AddTopic("made", 4)
	p.mustPublish(k, 2, row("e", 5), row("f", 6), row("g", 7), row("h", 8))
	p.clock.now = p.clock.now.Add(time.Minute)
	p.mustPublish(k, 3, row("i", 9), row("j", 10), row("k", 11), row("l", 12))
	var got []string
	for _, r := range p.Records("made") {
		got = append(got, fmt.Sprintf("%d%s", r.Partition, (*r.Value)[8:9]))
	}
	if want := "0c 0f 0j 1a 1d 1g 1k 2b 2e 2h 2l 3i"; strings.Join(got, " ") != want {
		t.Errorf("records %v, want %s", got, want)
	}
}
