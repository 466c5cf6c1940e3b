package integration

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/millrace/millrace/batch"
	"github.com/millrace/millrace/integration/kafkatest"
	"github.com/millrace/millrace/internal/failpoint"
)

// until waits for something that happens while a job runs.
func (l *life) until(t *testing.T, what string, happened func() bool) {
	t.Helper()
	look := time.NewTicker(2 * time.Millisecond)
	defer look.Stop()
	for began := time.Now(); !happened(); {
		select {
		case <-look.C:
		case _, running := <-l.progress:
			if !running {
				_, err := l.wait()
				t.Fatalf("the job ended before: %s: %v", what, err)
			}
		}
		if time.Since(began) > time.Minute {
			t.Fatalf("not within a minute: %s: %s", what, l.stderr.String())
		}
	}
}

func (l *life) says(text string) func() bool {
	return func() bool { return strings.Contains(l.stderr.String(), text) }
}

// end ends a job that is to end well.
func (l *life) end(t *testing.T) {
	t.Helper()
	l.signal(t, syscall.SIGTERM)
	if _, err := l.wait(); err != nil {
		t.Fatalf("the job: %v", err)
	}
}

// started starts a job and waits for its first batch.
func (p *kafkaProgram) started(args ...string) *life {
	l := p.start(args...)
	if _, running := <-l.progress; !running {
		_, err := l.wait()
		p.program.t.Fatalf("the job ended before its first batch: %v", err)
	}
	return l
}

// hasRead waits until the job has committed so many rows of its input in all.
func (p *kafkaProgram) hasRead(t *testing.T, l *life, rows int64) {
	t.Helper()
	l.until(t, fmt.Sprintf("%d rows read", rows), func() bool { return p.rowsRead(t) >= rows })
}

func (p *kafkaProgram) rowsRead(t *testing.T) (rows int64) {
	t.Helper()
	for _, e := range p.inspect(t).Entries {
		if c, ok := e.Record.(*batch.Committed); ok {
			rows += c.Records
		}
	}
	return rows
}

// TestKafkaBrokerRestart kills the only broker, from which a job reads and to which it writes transactions, in the middle
// of batches, and starts it again: the job says that it is degraded and that it has recovered, and every row is there
// once. A job of its own process is killed as well, with the broker down. Both with new transactions and with those of
// brokers that have none of Kafka 4's (transaction.version 0).
func TestKafkaBrokerRestart(t *testing.T) {
	t.Parallel() // it waits for brokers most of the time
	for _, test := range []struct {
		name   string
		format []string
		level  int16
		kills  int // with the job alive
	}{
		{"new transactions", nil, 2, 2},
		{"old transactions", []string{"--feature", "transaction.version=0"}, 0, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			b := kafkatest.StartAlone(t, "", test.format...)
			if level := transactionLevel(t, b); level != test.level {
				t.Fatalf("transaction.version %d, want %d", level, test.level)
			}
			p := kafkaProgramOn(t, b, kafkaJob, 3)
			args := []string{p.job, "--set", "limits.rows=500", "--set", "sources.events.kafka.retry_timeout=4m", "--set", "sinks.out.kafka.retry_timeout=4m"}
			const each = 10_000
			n := 0
			more := func() {
				p.fill(t, n, each)
				n += each
			}
			more()
			l := p.started(args...)
			for range test.kills {
				p.killBroker(t, l)
				l.until(t, "degraded", l.says("degraded: "))
				b.Restart(t)
				p.hasRead(t, l, int64(n))
				more()
			}
			p.killBroker(t, l)
			text := l.stderr.String()
			l.kill()
			b.Restart(t)
			more()
			l = p.started(args...)
			p.hasRead(t, l, int64(n))
			l.end(t)
			p.wantIDs(t, n)
			degraded, recovered := strings.Count(text, "degraded: "), strings.Count(text, "recovered after ")
			if degraded < test.kills || recovered < test.kills || !strings.Contains(text, b.Addr) || !strings.Contains(text, "trying again for up to 4m0s") {
				t.Errorf("degraded %d times, recovered %d times: %s", degraded, recovered, text)
			}
			t.Logf("%d rows, each once; %d times no broker:\n%s", n, test.kills+1, text)
		})
	}
}

// killBroker kills the broker while a batch is open.
func (p *kafkaProgram) killBroker(t *testing.T, l *life) {
	t.Helper()
	l.until(t, "an open batch", func() bool { return p.openPlan(t) != nil })
	p.b.Kill()
}

// TestKafkaSinkOutage kills the broker of a sink, while that of the source is well: the sink alone is said to be degraded.
func TestKafkaSinkOutage(t *testing.T) {
	t.Parallel() // it waits for brokers most of the time
	b := kafkatest.StartAlone(t, "")
	p := newKafkaProgram(t, strings.Replace(kafkaJob, `out: {kafka: {brokers: "${KAFKA}"`, `out: {kafka: {brokers: "`+b.Addr+`", retry_timeout: 4m`, 1), 2)
	from := p.b
	b.CreateTopic(t, p.out, 2, "retention.ms=-1")
	p.fill(t, 0, 1000)
	l := p.started(p.job)
	p.hasRead(t, l, 1000)
	b.Kill()
	p.fill(t, 1000, 1000)
	l.until(t, "degraded", l.says("sink out: degraded: "))
	b.Restart(t)
	p.hasRead(t, l, 2000)
	l.until(t, "recovered", l.says("sink out: recovered after "))
	l.end(t)
	text := l.stderr.String()
	if strings.Count(text, "sink out: degraded") != 1 || strings.Count(text, "sink out: recovered") != 1 || strings.Contains(text, "source events") || !strings.Contains(text, b.Addr) || !strings.Contains(text, "trying again for up to 4m0s") {
		t.Errorf("said: %s", text)
	}
	t.Log(text)
	p.b = b
	p.wantIDs(t, 2000)
	p.b = from

	// With a budget shorter than the outage the run ends, and the next one goes on.
	b.Kill()
	p.fill(t, 2000, 1000)
	began := time.Now()
	code, stderr := p.fails("run", p.job, "--available-now", "--set", "sinks.out.kafka.retry_timeout=2s")
	wantExit(t, code, stderr, 1, "sink out: ", b.Addr)
	if took := time.Since(began); took > time.Minute {
		t.Errorf("gave up after %s", took)
	}
	b.Restart(t)
	p.must("run", p.job, "--available-now")
	p.b = b
	p.wantIDs(t, 3000)
}

// TestKafkaTransactionTimeout stops the process in the middle of a transaction until the broker has aborted that
// (transaction.timeout.ms), three times: woken up, the job begins the batch anew and goes on. Readers see every row once.
func TestKafkaTransactionTimeout(t *testing.T) {
	b := kafkatest.StartAlone(t, "transaction.abort.timed.out.transaction.cleanup.interval.ms=100\ntransaction.max.timeout.ms=2000\n")
	p := kafkaProgramOn(t, b, kafkaJob, 4)
	const n = 40_000
	p.fill(t, 0, n)
	args := []string{p.job, "--available-now", "--set", "limits.rows=4000", "--set", "sinks.out.kafka.transaction_timeout=1s"}
	code, stderr := p.fails("run", p.job, "--available-now")
	wantExit(t, code, stderr, 1, "transaction timeout 1m0s is more than transaction.max.timeout.ms of the brokers")
	// It stops itself where the records are written and the end of the transaction is not sent: nobody but the broker can end it.
	const stops = 3
	v := p.victim(t, t.TempDir(), "kafka/produced=stop@2;kafka/produced=stop@5;kafka/produced=stop@8", args...)
	admin := kadm.NewClient(b.Client(t))
	for range stops {
		v.stops()
		before := time.Now()
		p.end(t, admin) // returns when the broker has aborted it
		t.Logf("the broker ended the transaction of a paused process within %s", time.Since(before).Round(time.Millisecond))
		v.signal(syscall.SIGCONT)
	}
	if code := v.exit(); code != 0 {
		t.Fatalf("exit %d\n%s", code, v.said())
	}
	written := 0
	for _, h := range v.hits() {
		if h.point == string(failpoint.KafkaProduced) {
			written++
		}
	}
	if batches := int(p.inspect(t).History.Last.Batch); written < batches+stops { // a busy machine may run into the time-out by itself, too
		t.Errorf("%d batches were written in %d transactions: not all %d that timed out were begun anew", batches, written, stops)
	}
	p.wantIDs(t, n)
}

// TestKafkaTruncated takes away the end of a log under a job that has read it, as a disk does that loses what was not
// written yet: while the log is shorter and when it has grown again, the job refuses to go on, unless told to.
func TestKafkaTruncated(t *testing.T) {
	t.Parallel() // it waits for brokers most of the time
	b := kafkatest.StartAlone(t, "")
	p := kafkaProgramOn(t, b, kafkaJob, 1)
	for i := range 10 {
		p.fill(t, 10*i, 10) // each a record batch
	}
	p.must("run", p.job, "--available-now")
	b.Kill()
	cutLog(t, b, p.in)
	b.Restart(t)
	code, stderr := p.fails("run", p.job, "--available-now")
	wantExit(t, code, stderr, 3, p.in+"/0 position 100: the log was cut: it ends at 90; available [0, 90)", "--accept-data-loss events")
	p.fill(t, 100, 30)
	code, stderr = p.fails("run", p.job, "--available-now")
	wantExit(t, code, stderr, 3, p.in+"/0 position 100: the log was cut at 90 and has other records since leader epoch 0; available [0, 120)", "--accept-data-loss events")
	p.must("run", p.job, "--available-now", "--accept-data-loss", "events")
	if out := p.must("inspect", p.job); !strings.Contains(out, p.in+"/0 position 100: the log was cut at 90") || !strings.Contains(out, "goes on at 90") {
		t.Errorf("the loss is not in the log: %s", out)
	}
	p.wantIDs(t, 130)
}

// cutLog takes the last byte of a partition's log; a broker drops the batch that it was part of.
func cutLog(t *testing.T, b *kafkatest.Broker, topic string) {
	t.Helper()
	path := fmt.Sprintf("%s/%s-0/%020d.log", b.Data(), topic, 0)
	info, err := os.Stat(path)
	if err == nil {
		err = os.Truncate(path, info.Size()-1)
	}
	if err != nil {
		t.Fatal(err)
	}
}
