package output_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/kafka"
	"github.com/millrace/millrace/output"
	"github.com/millrace/millrace/output/outputtest"
)

// TestKafkaPaused stops the process in the middle of a transaction for longer than all time-outs: the broker has ended
// it. A new session writes the batch, once; when the same comes again, that was no pause.
func TestKafkaPaused(t *testing.T) {
	slow := func(op string) error {
		return &kafka.IndefiniteError{Op: op, Err: &kafka.SlowTransactionError{Open: time.Hour, Timeout: time.Minute}}
	}
	fenced := func(op string) error {
		return &kafka.FencedError{TransactionalID: kafkaID, Op: op, Err: kafka.Code(48)}
	}
	lost := func(op string) error { return outputtest.LostAnswer(op, false).Answer }
	for _, test := range []struct {
		name  string
		fault func(op string) error
		times int
		want  string // of the error; "" if the batch is written
	}{
		{"slow once", slow, 1, ""},
		{"slow twice", slow, 2, "raise the transaction timeout"},
		{"fenced once", fenced, 1, ""},
		{"fenced twice", fenced, 2, "given up after 2h"},
		{"without an answer", lost, 1, "given up after 1h"},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := newKafkaPlace(t, 2)
			k := p.started()
			left := test.times
			p.Fault = func(op string) outputtest.Fault {
				if op != "commit" || left == 0 {
					return outputtest.Fault{}
				}
				left--
				p.clock.now = p.clock.now.Add(time.Hour)
				return outputtest.Fault{Answer: test.fault(op)}
			}
			err := p.publish(k, 1, row("a", 1))
			if test.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				p.wantValues(value("a", 1))
				return
			}
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v, want %q", err, test.want)
			}
			p.wantValues()
		})
	}
}

// unwell is a cluster that has a health.
type unwell struct {
	output.KafkaCluster
	report func(text string)
}

func (c *unwell) OnHealth(report func(text string)) { c.report = report }

// TestKafkaHealth: whoever watches a sink hears of its cluster.
func TestKafkaHealth(t *testing.T) {
	p := newKafkaPlace(t, 1)
	c := &unwell{KafkaCluster: p.Cluster()}
	k, err := output.OpenKafka(t.Context(), c, p.cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer k.Close()
	var heard []string
	k.OnHealth(func(text string) { heard = append(heard, text) })
	c.report("degraded: x")
	c.report("recovered")
	if fmt.Sprint(heard) != "[degraded: x recovered]" {
		t.Errorf("heard %q", heard)
	}
	p.mustOpen().OnHealth(func(string) {}) // a cluster without a health is none of its business
}
