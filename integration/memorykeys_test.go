package integration

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millrace/millrace/integration/duckdbtest"
	"github.com/millrace/millrace/integration/kafkatest"
)

// fillKeys produces n records with as many ids to one partition, some of them at a time.
func fillKeys(t *testing.T, b *kafkatest.Broker, topic string, n int) {
	t.Helper()
	rng := rand.New(rand.NewPCG(7, uint64(n)))
	w := b.Client(t, kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerLinger(5*time.Millisecond), kgo.MaxBufferedRecords(100_000))
	records := make([]*kgo.Record, 0, 100_000)
	for i := range n {
		records = append(records, &kgo.Record{Topic: topic, Value: fmt.Appendf(nil, `{"id":"%08x-0000-4000-8000-%012x","text":"abc","at":%d}`, rng.Uint32(), i, 1_700_000_000_000+i/1000)})
		if len(records) < cap(records) && i < n-1 {
			continue
		}
		if err := w.ProduceSync(t.Context(), records...).FirstErr(); err != nil {
			t.Fatal(err)
		}
		records = records[:0]
	}
}

// TestMemoryOfTenMillionKeys: one partition with more keys than there is memory for, all in one window that stays open. The run stops by
// itself with figures, in a control group that is hardly larger than memory:, and goes on from its last commit with more.
func TestMemoryOfTenMillionKeys(t *testing.T) {
	if os.Getenv("MILLRACE_LONG") == "" {
		t.Skip("takes minutes: set MILLRACE_LONG=1")
	}
	duckdbtest.Need(t)
	b := kafkatest.Start(t)
	topic, n := b.Topic(t, 1), 10_000_000
	fillKeys(t, b, topic, n)
	p, job, out := memoryProgram(t, b.Addr, topic, countingQuery)
	const most = 320 << 20
	bounded := newGroup(t, most)
	cmd := bounded.command(p, "run", job, "--available-now", "--set", "memory=256MiB")
	var text strings.Builder
	cmd.Stdout, cmd.Stderr = &text, &text
	err := cmd.Run()
	t.Logf("%v, peak %d MiB, %s: %s", err, cmd.peak(t)>>20, bounded.usage(), text.String())
	wantExit(t, cmd.ProcessState.ExitCode(), text.String(), 3, "the state of batch ", " more than the 96 MiB that memory: 256 MiB leaves for it", "nothing of this batch was committed", "run the job again with memory: ")
	if cmd.peak(t) > most {
		t.Errorf("a run with memory: 256MiB took %d MiB", cmd.peak(t)>>20)
	}
	began, more := time.Now(), group{}.command(p, "run", job, "--available-now", "--flush-windows", "--set", "memory=8GiB")
	if said, err := more.CombinedOutput(); err != nil {
		t.Fatalf("with more memory: %v\n%s", err, said)
	}
	t.Logf("with memory: 8GiB it went on in %s, peak %d MiB", time.Since(began).Round(time.Second), more.peak(t)>>20)
	rows := duckdbtest.Query(t, fmt.Sprintf("SELECT count(*), count(DISTINCT id), sum(n) FROM read_parquet(%s)", quote(out+"/*.parquet")))
	if want := fmt.Sprint(n); rows[0][0] != want || rows[0][1] != want || rows[0][2] != want {
		t.Errorf("groups, ids and records %v, want %s of each", rows[0], want)
	}
}
