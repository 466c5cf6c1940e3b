package windows

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
)

// TestWatermark runs testdata/watermark: triggers of one source and the marks they lead to.
func TestWatermark(t *testing.T) {
	var w watermarkScript
	datadriven.RunTest(t, "testdata/watermark", func(t *testing.T, d *datadriven.TestData) string {
		switch d.Cmd {
		case "source":
			w = watermarkScript{mark: NewSourceMark()}
			d.ScanArgs(t, "disorder", &w.bounds.MaxDisorder)
			d.ScanArgs(t, "idle-after", &w.bounds.IdleAfter)
		case "batch":
			return w.batch(t, d)
		case "epoch":
			w.mark = NewEpoch(w.mark)
		case "final":
			w.mark = Final(w.mark)
			return showPartitions(w.mark) + "W " + showTime(w.mark.Watermark) + showHolder(w.mark)
		default:
			d.Fatalf(t, "unknown command %s", d.Cmd)
		}
		return ""
	})
}

type watermarkScript struct {
	bounds Bounds
	mark   SourceMark
}

func (w *watermarkScript) batch(t *testing.T, d *datadriven.TestData) string {
	rule := IdleRule{Continuous: d.HasArg("continuous"), IdleAfter: w.bounds.IdleAfter}
	d.ScanArgs(t, "at", &rule.PlanTime)
	probes, seen := parseProbes(t, d.Input)
	before := w.mark
	w.mark = Advance(Idle(before, probes, rule), seen, w.bounds, rule.PlanTime)
	checkJSON(t, w.mark)
	return fmt.Sprintf("%sW %s -> %s%s", showPartitions(w.mark), showTime(before.Watermark), showTime(w.mark.Watermark), showHolder(w.mark))
}

func parseProbes(t *testing.T, input string) (probes []Probe, seen []Seen) {
	for _, line := range strings.Split(input, "\n") {
		p := Probe{Topic: "events", Answered: !strings.Contains(line, "unanswered")}
		if _, err := fmt.Sscanf(line, "events/%d [%d,%d) of %d", &p.Partition, &p.From, &p.Until, &p.HighWatermark); err != nil {
			t.Fatalf("line %q: %v", line, err)
		}
		probes = append(probes, p)
		s := Seen{Topic: p.Topic, Partition: p.Partition, MaxEventTime: NoWatermark, Read: strings.HasSuffix(line, " read")}
		if _, text, ok := strings.Cut(line, "max="); ok {
			s.Read = true
			var err error
			if s.MaxEventTime, err = strconv.ParseInt(text, 10, 64); err != nil {
				t.Fatal(err)
			}
		}
		seen = append(seen, s)
	}
	slices.Reverse(seen) // the order of entries must not matter
	return probes, seen
}

func checkJSON(t *testing.T, m SourceMark) {
	t.Helper()
	text, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	var back SourceMark
	if err := json.Unmarshal(text, &back); err != nil || !reflect.DeepEqual(m, back) {
		t.Fatalf("JSON %s came back as %+v (%v)", text, back, err)
	}
}

func showPartitions(m SourceMark) string {
	var b strings.Builder
	for _, p := range m.Partitions {
		fmt.Fprintf(&b, "%s/%d %s", p.Topic, p.Partition, showTime(p.Watermark))
		switch {
		case p.Idle:
			fmt.Fprintf(&b, ", idle since %d", p.IdleSince)
		case p.IdleSince != NotQuiet:
			fmt.Fprintf(&b, ", quiet since %d", p.IdleSince)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func showHolder(m SourceMark) string {
	if p, ok := HoldBack(m); ok {
		return fmt.Sprintf(", held by %s/%d\n", p.Topic, p.Partition)
	}
	return "\n"
}

func showTime(t int64) string {
	switch t {
	case NoWatermark:
		return "none"
	case MaxWatermark:
		return "max"
	}
	return strconv.FormatInt(t, 10)
}

func TestMarksAreValues(t *testing.T) {
	before := SourceMark{Watermark: 5, Partitions: []PartitionMark{{Topic: "a", Watermark: 5, IdleSince: 3, Idle: true}}}
	kept := before.clone()
	planned := Idle(before, []Probe{{Topic: "b", Answered: true}}, IdleRule{PlanTime: 9})
	Advance(planned, []Seen{{Topic: "a", MaxEventTime: 90, Read: true}}, Bounds{}, 9)
	Final(before)
	if !reflect.DeepEqual(before, kept) {
		t.Errorf("the mark before changed to %+v", before)
	}
	if got := planned.Partitions[0].Watermark; got != 5 {
		t.Errorf("the planned mark changed to %d", got)
	}
}

func TestPartitionsAreSorted(t *testing.T) {
	probes := []Probe{{Topic: "b"}, {Topic: "a", Partition: 10}, {Topic: "a", Partition: 9}}
	m := Idle(NewSourceMark(), probes, IdleRule{})
	if !slices.IsSortedFunc(m.Partitions, comparePartitions) || len(m.Partitions) != 3 {
		t.Errorf("partitions %v", m.Partitions)
	}
}

func TestFuture(t *testing.T) {
	cases := []struct {
		event, plan, max int64
		want             bool
	}{
		{100, 50, 50, false},
		{101, 50, 50, true},
		{101, 50, -1, false},
		{math.MaxInt64, 50, math.MaxInt64, false},
		{math.MaxInt64, math.MaxInt64 - 10, 9, true},
		{math.MinInt64, math.MaxInt64, 0, false},
		{51, 50, 0, true},
	}
	for _, c := range cases {
		if got := Future(c.event, c.plan, c.max); got != c.want {
			t.Errorf("Future(%d, plan %d, max %d) = %v", c.event, c.plan, c.max, got)
		}
	}
}
