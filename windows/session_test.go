package windows

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
)

// TestSessions runs testdata/sessions: batches of events through sessions, over 1, 2 and 8 shards. All events of a case have
// few keys, so that the live sessions can be listed.
func TestSessions(t *testing.T) {
	for _, shards := range []int{1, 2, 8} {
		t.Run(fmt.Sprint(shards), func(t *testing.T) {
			var p *pipeline
			datadriven.RunTest(t, "testdata/sessions", func(t *testing.T, d *datadriven.TestData) string {
				switch d.Cmd {
				case "job":
					p = newPipeline(t, Window{Kind: Session, Size: intArg(t, d, "gap")}, intArg(t, d, "disorder"), int(max(intArg(t, d, "partitions"), 1)), shards)
					return ""
				case "floor":
					p.assign.SetFloor(intArg(t, d, "at"))
					return ""
				case "batch":
					return p.showSessions(parseEvents(t, d.Input))
				case "flush":
					return p.show(p.flush())
				case "restart":
					p.restart(shards)
					return ""
				}
				d.Fatalf(t, "unknown command %s", d.Cmd)
				return ""
			})
		})
	}
}

// showSessions runs a batch and prints what it did: the watermark, the late rows, the rows of closed sessions, how many are live.
func (p *pipeline) showSessions(events []event) string {
	closed := p.run(events)
	var b strings.Builder
	fmt.Fprintf(&b, "W %s\n", showTime(p.mark.Watermark))
	if p.late > 0 {
		fmt.Fprintf(&b, "%d late: %v\n", p.late, p.lateTimes(events))
	}
	for _, r := range closed {
		fmt.Fprintf(&b, "closed %v\n", r)
	}
	live, first := 0, int64(MaxWatermark)
	for _, shard := range p.shards {
		live += shard.Sessions()
		if next, held := shard.NextClose(); held {
			first = min(first, next)
		}
	}
	if live > 0 {
		fmt.Fprintf(&b, "live sessions=%d rows=%d next close %s\n", live, p.rowsHeld(), showTime(first))
	}
	return b.String()
}

// lateTimes asks every shard which events were late. What was late in front of the exchange no shard knows.
func (p *pipeline) lateTimes(events []event) []int64 {
	times := []int64{}
	b := eventBatch(events)
	for _, shard := range p.shards {
		rows, err := shard.LateRows(b, []int{1}, 0)
		p.must(err)
		for _, row := range rows {
			times = append(times, b.Cols[0].I64[row])
		}
	}
	if int64(len(times)) != p.behind {
		p.t.Fatalf("%d rows were found late behind the exchange, these are %v", p.behind, times)
	}
	slices.Sort(times)
	return times
}

// restart goes on with the state of a snapshot, in shards that begin anew.
func (p *pipeline) restart(shards int) {
	chain := []kept{{p.snapshot(), p.mark.Watermark}}
	fresh := newPipeline(p.t, p.window, p.bounds.MaxDisorder, len(p.mark.Partitions), shards)
	fresh.load(chain)
	p.shards = fresh.shards
}
