package integration

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millrace/millrace/integration/kafkatest"
)

// TestKafkaReadJob takes one job through what can happen to its topic: an open transaction, retention past its position, a
// deleted and recreated topic, a batch that rots on the broker's disk. Each is told, with its exit code, and what may be
// given up is given up by its flag.
func TestKafkaReadJob(t *testing.T) {
	b := kafkatest.Start(t)
	topic, dir := b.Topic(t, 1), t.TempDir()
	job := filepath.Join(dir, "job.yaml")
	text := fmt.Sprintf("name: reading\nsources:\n  events:\n    kafka: {brokers: %q, topic: %s}\n    format: raw\n"+
		"query: SELECT CAST(_value AS string) AS v FROM events\nsinks:\n  out: {parquet: {path: out}}\ntrigger: {available_now: true}\ncheckpoint: cp\n", b.Addr, topic)
	if err := os.WriteFile(job, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	p := newProgram(t)
	w := producer(t, b, kgo.ProducerBatchCompression(kgo.NoCompression()))
	txn := producer(t, b, kgo.TransactionalID(topic))
	wantOut := func(out string, parts ...string) {
		t.Helper()
		for _, part := range parts {
			if !strings.Contains(out, part) {
				t.Errorf("no %q in\n%s", part, out)
			}
		}
	}
	send := func(values ...string) { write(t, w, topic, 0, values...) }

	send("a", "b")
	wantOut(p.must("run", job), "2 rows to out")
	begin(t, txn)
	write(t, txn, topic, 0, "open")
	send("behind")
	id, _, err := txn.ProducerID(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	wantOut(p.must("run", job), fmt.Sprintf("no new data: nothing to do; %s/0 waits for an open transaction of producer %d, since ", topic, id), "at last stable offset 2; high watermark 4")
	end(t, txn, true)
	untilEnded(t, source(t, b, topic, 0), 0)
	wantOut(p.must("run", job), "2 rows to out")

	send("lost", "lost too", "kept")
	deleteBefore(t, b, topic, 0, 7)
	code, stderr := p.fails("run", job)
	wantExit(t, code, stderr, 3, topic+"/0 position 5: retention has deleted offsets before 7; available [7, 8)", "--accept-data-loss events")
	wantOut(p.must("run", job, "--accept-data-loss", "events"), "1 row to out", "2 offsets unread, goes on at 7")

	recreate(t, b, topic, 1)
	w = producer(t, b, kgo.ProducerBatchCompression(kgo.NoCompression()))
	send("new")
	code, stderr = p.fails("run", job)
	wantExit(t, code, stderr, 3, topic+"/0 position 8: the topic was deleted and made again; available [0, 1)")
	wantOut(p.must("run", job, "--accept-data-loss", "events"), "1 row to out", "unread records that nobody can count, goes on at 0")
	wantOut(p.must("inspect", job), "gave up "+topic+"/0 position 5", "gave up "+topic+"/0 position 8")

	before := files(t, filepath.Join(dir, "out"))
	send("it rots")
	spoil(t, b, topic, "it rots")
	code, stderr = p.fails("run", job)
	wantExit(t, code, stderr, 4, fmt.Sprintf("read record batch of %s/0 at offset 1: checksum", topic), "nothing of its batch was committed")
	wantSameFiles(t, before, files(t, filepath.Join(dir, "out")))
}

// spoil changes a byte of a record on the broker's disk.
func spoil(t *testing.T, b *kafkatest.Broker, topic, value string) {
	t.Helper()
	logs, err := filepath.Glob(filepath.Join(b.Data(), topic+"-0", "*.log"))
	if err != nil || len(logs) != 1 {
		t.Fatalf("logs %v, %v", logs, err)
	}
	data, err := os.ReadFile(logs[0])
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(logs[0], os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt([]byte("?"), int64(bytes.Index(data, []byte(value)))); err != nil {
		t.Fatal(err)
	}
}
