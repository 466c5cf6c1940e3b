package integration

import (
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
)

// TestKafkaVerify runs verify over a real topic into which somebody writes under the job's name, and from which somebody deletes.
func TestKafkaVerify(t *testing.T) {
	p := newKafkaProgram(t, kafkaJob, 1)
	p.fill(t, 0, 100)
	p.must("run", p.job, "--available-now")
	if out := p.must("verify", p.job, "--deep"); !strings.Contains(out, "copy: no difference") {
		t.Fatal(out)
	}
	verify := func(code int, says string, flags ...string) {
		t.Helper()
		cmd := p.command(append([]string{"verify", p.job}, flags...)...)
		out, _ := cmd.CombinedOutput()
		wantExit(t, cmd.ProcessState.ExitCode(), string(out), code, says)
	}
	first := p.visible(t, 100)[0]
	other := *first
	other.Value = []byte(strings.Replace(string(first.Value), `"twice":`, `"twice":1`, 1))
	if err := p.b.Client(t, kgo.RecordPartitioner(kgo.ManualPartitioner())).ProduceSync(t.Context(), &kgo.Record{Topic: p.out, Key: other.Key, Value: other.Value, Headers: other.Headers, Timestamp: other.Timestamp}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	verify(6, "sink out: doubled "+p.out+" (batch 1): the topic has 101 rows of it, written were 100")
	deleteBefore(t, p.b, p.out, 0, first.Offset+1)
	verify(6, "sink out: changed "+p.out+" (batch 1): the topic has 100 rows of it, with other keys or values than were written") // the number is right again
	deleteBefore(t, p.b, p.out, 0, first.Offset+2)
	verify(0, "has fewer rows than were written: the topic's oldest records are deleted", "--deep")
}
