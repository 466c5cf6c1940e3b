package windows

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
)

// TestTumbling runs testdata/tumbling: batches of events through windows, over 1, 2 and 8 shards.
func TestTumbling(t *testing.T) {
	for _, shards := range []int{1, 2, 8} {
		t.Run(fmt.Sprint(shards), func(t *testing.T) {
			var p *pipeline
			datadriven.RunTest(t, "testdata/tumbling", func(t *testing.T, d *datadriven.TestData) string {
				switch d.Cmd {
				case "job":
					p = newPipeline(t, Window{Kind: Tumbling, Size: intArg(t, d, "size"), Offset: intArg(t, d, "offset")},
						intArg(t, d, "disorder"), int(intArg(t, d, "partitions")), shards)
					return ""
				case "batch":
					return p.show(p.run(parseEvents(t, d.Input)))
				case "flush":
					return p.show(p.flush())
				}
				d.Fatalf(t, "unknown command %s", d.Cmd)
				return ""
			})
		})
	}
}

func intArg(t *testing.T, d *datadriven.TestData, name string) (n int64) {
	d.MaybeScanArgs(t, name, &n)
	return n
}

// parseEvents reads lines of "partition time key value", where NULL is NULL.
func parseEvents(t *testing.T, input string) (events []event) {
	for line := range strings.Lines(input) {
		f := strings.Fields(line)
		if len(f) != 4 {
			t.Fatalf("line %q: want partition, time, key and value", line)
		}
		partition, err1 := strconv.Atoi(f[0])
		if err1 != nil {
			t.Fatalf("line %q: %v", line, err1)
		}
		e := event{partition: int32(partition), ts: parseTime(t, f[1]), key: f[2], nullKey: f[2] == "NULL", nullValue: f[3] == "NULL"}
		e.value, _ = strconv.ParseFloat(f[3], 64)
		events = append(events, e)
	}
	return events
}

// show prints what a batch did: the watermark after it, late rows, the rows of closed windows, the open windows.
func (p *pipeline) show(closed []outRow) string {
	var b strings.Builder
	fmt.Fprintf(&b, "W %s\n", showTime(p.mark.Watermark))
	if p.late > 0 {
		fmt.Fprintf(&b, "%d late\n", p.late)
	}
	for _, r := range closed {
		fmt.Fprintf(&b, "closed %v\n", r)
	}
	for _, w := range p.open() {
		fmt.Fprintf(&b, "open [%s, %s) groups=%d rows=%d\n", showTime(w.Start), showTime(w.End), w.Groups, w.Rows)
	}
	return b.String()
}

// open adds up the open windows of all shards.
func (p *pipeline) open() []OpenWindow {
	var all []OpenWindow
	for _, shard := range p.shards {
		open := shard.Open()
		end, held := shard.NextClose()
		if held != (len(open) > 0) || held && end != open[0].End {
			panic(fmt.Sprintf("next close %d %v, open windows %v", end, held, open))
		}
		for _, w := range open {
			all = addWindow(all, w)
		}
	}
	return all
}

func addWindow(all []OpenWindow, w OpenWindow) []OpenWindow {
	for i := range all {
		if all[i].Start == w.Start && all[i].End == w.End {
			all[i].Groups += w.Groups
			all[i].Rows += w.Rows
			return all
		}
		if all[i].End > w.End || all[i].End == w.End && all[i].Start > w.Start {
			return append(all[:i], append([]OpenWindow{w}, all[i:]...)...)
		}
	}
	return append(all, w)
}

func TestLoadBehindMergeIsRefused(t *testing.T) {
	p := newPipeline(t, Window{Kind: Tumbling, Size: 10}, 0, 1, 1)
	p.run([]event{{ts: 5, key: "a"}})
	if err := p.shards[0].Load(p.snapshot(), 0, 255); err == nil {
		t.Error("a block was loaded on top of rows")
	}
}

// TestDamagedStateStaysAnError: what could not be restored is never taken for an empty state.
func TestDamagedStateStaysAnError(t *testing.T) {
	p := newPipeline(t, Window{Kind: Tumbling, Size: 10}, 0, 1, 1)
	p.run([]event{{ts: 5, key: "a"}})
	block := p.snapshot()
	block[len(block)-20] ^= 1
	if err := newPipeline(t, Window{Kind: Tumbling, Size: 10}, 0, 1, 1).shards[0].Load(block, 0, 255); err == nil {
		t.Error("a damaged block loads")
	}
}

func TestSizeGrowsWithGroups(t *testing.T) {
	p := newPipeline(t, Window{Kind: Tumbling, Size: 10}, 0, 1, 1)
	empty := p.shards[0].SizeBytes()
	var events []event
	for i := range 5000 {
		events = append(events, event{ts: 5, key: fmt.Sprint("key", i)})
	}
	p.run(events)
	if grown := p.shards[0].SizeBytes(); grown < empty+5000*16 {
		t.Errorf("5,000 groups take %d bytes, none %d", grown, empty)
	}
}
