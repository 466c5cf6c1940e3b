package batch

import (
	"testing"

	"github.com/millrace/millrace/dstream"
	"github.com/millrace/millrace/offsets"
	"github.com/millrace/millrace/windows"
)

// planQuestion is asked by an available-now job about partitions of the topic t that end at ends and that were read up
// to reached, at 100 s, when every partition is idle that had nothing for 10 s.
func planQuestion(reached, ends []int64) question {
	h := &History{NextBatch: 7, Marks: Marks{Operators: map[string]int64{"w": 42_000_000}}}
	mark := windows.SourceMark{Watermark: 42_000_000}
	q := question{History: h, At: 100_000_000, States: survey{}, Job: &Job{
		Plan: &dstream.Plan{Sources: []dstream.SourcePlan{{Name: "s", Bounds: windows.Bounds{IdleAfter: 10_000_000}}},
			Exchanges: []dstream.Exchange{{Name: "w", Window: windows.Window{Kind: windows.Tumbling, Size: 1}}},
			Stages:    []dstream.Stage{{From: dstream.FromSource(0)}, {ID: 1, From: dstream.FromExchange(0), Exchange: -1}}},
		Sources: map[string]Source{"s": {Start: offsets.Earliest}}, Trigger: Trigger{AvailableNow: true}, Limits: Limits{Rows: 1000}, Step: 10}}
	for p, end := range ends {
		q.States["s"] = append(q.States["s"], offsets.PartitionState{Topic: "t", Partition: int32(p), LeaderEpoch: -1, End: end, HighWatermark: end})
	}
	for p, next := range reached {
		h.Positions = append(h.Positions, offsets.Position{Source: "s", Topic: "t", Partition: int32(p), Next: next, LeaderEpoch: -1})
		mark.Partitions = append(mark.Partitions, windows.PartitionMark{Topic: "t", Partition: int32(p),
			Watermark: 42_000_000 + int64(p)*10_000_000, IdleSince: windows.NotQuiet, LastRead: 95_000_000})
	}
	q.Ground.Positions = h.Positions
	h.Marks.Sources = map[string]windows.SourceMark{"s": mark}
	q.Marks = map[string]windows.SourceMark{"s": windows.NewEpoch(mark)} // a copy
	return q
}

func TestNextPlan(t *testing.T) {
	silent := func(q *question) { q.Marks["s"].Partitions[0].LastRead = 90_000_000 } // exactly idle_after ago
	for _, test := range []struct {
		name          string
		reached, ends []int64
		change        func(*question)
		want          []int64 // ends of the planned ranges; nil: no plan
	}{
		{"new records", []int64{5, 5}, []int64{9, 5}, nil, []int64{9, 5}},
		{"nothing new", []int64{5, 5}, []int64{5, 5}, nil, nil},
		{"a partition that is new", []int64{5}, []int64{5, 3}, nil, []int64{5, 3}},
		{"records behind the end of this run", []int64{5, 5}, []int64{9, 9}, func(q *question) {
			q.Ends = map[partitionKey]int64{{"s", "t", 0}: 5, {"s", "t", 1}: 5}
		}, nil},
		{"up to the end of this run", []int64{5, 5}, []int64{9, 9}, func(q *question) {
			q.Ends = map[partitionKey]int64{{"s", "t", 0}: 5, {"s", "t", 1}: 7}
		}, []int64{5, 7}},
		{"silence that closes nothing", []int64{5, 5}, []int64{5, 5}, silent, nil},
		{"silence that closes a window", []int64{5, 5}, []int64{5, 5}, func(q *question) {
			silent(q)
			q.NextClose = map[string]int64{"w": 52_000_000}
		}, []int64{5, 5}},
		{"silence that does not reach the window's end", []int64{5, 5}, []int64{5, 5}, func(q *question) {
			silent(q)
			q.NextClose = map[string]int64{"w": 52_000_001}
		}, nil},
		{"the first plan from the earliest record of an empty topic", nil, []int64{0}, nil, nil},
		{"the first plan from the latest", nil, []int64{8}, func(q *question) { q.Job.Sources["s"] = Source{Start: offsets.Latest} }, []int64{8}},
	} {
		q := planQuestion(test.reached, test.ends)
		if test.change != nil {
			test.change(&q)
		}
		a, err := nextPlan(q)
		if err != nil {
			t.Fatalf("%s: %v", test.name, err)
		}
		if (a.Planned == nil) != (test.want == nil) {
			t.Fatalf("%s: plan %+v, want ends %v", test.name, a.Planned, test.want)
		}
		if a.Planned == nil {
			continue
		}
		if p := a.Planned; p.Batch != 7 || p.At != q.At || p.Step != 10 || p.TailStep != 2 || p.Final || p.Before.Operators["w"] != 42_000_000 || len(p.Ranges) != len(test.want) {
			t.Errorf("%s: plan %+v", test.name, p)
		}
		for i, r := range a.Planned.Ranges {
			if r.Until != test.want[i] {
				t.Errorf("%s: range %s, want it to end at %d", test.name, r, test.want[i])
			}
		}
	}
}

// TestFlushPlan reads nothing, whatever there is to read.
func TestFlushPlan(t *testing.T) {
	p, err := flushPlan(planQuestion([]int64{5, 5}, []int64{9, 5}))
	if err != nil {
		t.Fatal(err)
	}
	if !p.Final || !allEmpty(p.Ranges) || p.Ranges[0].Until != 5 {
		t.Errorf("plan %+v, want a final one without records", p)
	}
}

// TestAnotherTopic: the positions of one topic say nothing about another.
func TestAnotherTopic(t *testing.T) {
	q := planQuestion([]int64{5}, []int64{9})
	q.States["s"][0].Topic = "renamed"
	_, err := nextPlan(q)
	wantError[*RefusedError](t, err, `has read topic "t"; source "s" now reads "renamed"`, "put the topic's name back", "--accept-data-loss s")
}
