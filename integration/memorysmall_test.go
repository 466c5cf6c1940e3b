package integration

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/millrace/millrace/integration/kafkatest"
)

// TestMemoryOfSmallContainers: a job that says nothing of memory, in control groups that are too small for its keys, stops by itself with
// figures instead of being killed: what a commit joins of three shards beside the state, and what is read ahead, is within the bounds.
func TestMemoryOfSmallContainers(t *testing.T) {
	b := kafkatest.Start(t)
	topic := b.Topic(t, 2)
	fillMemory(t, b, topic, 2, 600_000, 8)
	const query = `SELECT id, window_start, count(*) AS n, max(id) AS text, sum(CAST(length(text) AS double) * 0.1e0) AS x
    FROM TUMBLE(events, at, INTERVAL '1' HOUR) GROUP BY id, window_start`
	sizes := []int64{200 << 20}
	if os.Getenv("MILLRACE_LONG") != "" {
		sizes = append(sizes, 160<<20, 140<<20) // with pages of the scratch file that the kernel has to take back in time
	}
	for _, most := range sizes {
		p, job, _ := memoryProgram(t, b.Addr, topic, query)
		small := newGroup(t, most)
		cmd := small.command(p, "run", job, "--available-now", "--cores", "2", "--set", "shards=3")
		var text strings.Builder
		cmd.Stdout, cmd.Stderr = &text, &text
		err := cmd.Run()
		t.Logf("%d MiB: %v, peak %d MiB, %s: %s", most>>20, err, cmd.peak(t)>>20, small.usage(), text.String())
		total := most / 10 * 7
		wantExit(t, cmd.ProcessState.ExitCode(), text.String(), 3, "the state of batch ", fmt.Sprintf("that memory: %d MiB leaves for it", total>>20), "run the job again with memory: ")
	}
}
