package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/millrace/millrace/batch"
)

func aBatch(id, in, out int64) batch.Progress {
	return batch.Progress{BatchID: id, NumInputRows: in, BatchDuration: 7, EventTime: map[string]string{"watermark": "none"},
		Sinks: []batch.SinkProgress{{Description: "lake", NumOutputRows: out, NumFiles: 1}}}
}

// On a terminal one line is written over and over; it never wraps, and what follows it begins on a line of its own.
func TestLiveLine(t *testing.T) {
	var out, errs bytes.Buffer
	d := newDisplay(&out, &errs, false, false, false)
	d.live, d.columns = true, func() int { return 30 }
	d.batch(aBatch(1, 100_000, 5))
	d.columns = func() int { return 12 }
	d.batch(aBatch(2, 1, 0))
	d.warn("look")
	d.batch(aBatch(3, 1, 0))
	d.end(nil)
	want := "\rbatch 1: 100000 rows in, 5 ro" +
		"\rbatch 2: 1 " + strings.Repeat(" ", 18) + "\n" +
		"\rbatch 3: 1 \n" +
		"3 batches, 100002 rows in, 5 rows to lake\n"
	if out.String() != want {
		t.Errorf("got  %q\nwant %q", out.String(), want)
	}
	if errs.String() != "millrace: warning: look\n" {
		t.Errorf("stderr %q", errs.String())
	}
}

// Into a pipe each batch is a line. A sink that writes to standard output has it for itself.
func TestPlainLines(t *testing.T) {
	var out, errs bytes.Buffer
	d := newDisplay(&out, &errs, false, false, true)
	p := aBatch(1, 2, 1)
	p.NumRowsLate, p.NumRowsBad, p.NumRowsUnassigned, p.NumRowsTombstone, p.Rerun, p.Final = 1, 2, 3, 1, true, true
	p.EventTime["watermark"] = "2023-11-14T22:13:20Z"
	p.Sources = []batch.SourceProgress{{LagOffsets: 9}}
	p.BadRecords = []string{"bad record at t/0 offset 1"}
	d.batch(p)
	d.end(nil)
	want := "batch 1: 2 rows in, 1 row to lake (1 file), 1 late, 2 bad, 3 unassigned, 1 tombstone, 7 ms, watermark 2023-11-14T22:13:20Z, lag 9, rerun, final\n" +
		"millrace: warning: skipped bad record at t/0 offset 1\n" +
		"1 batch, 2 rows in, 1 row to lake\n"
	if out.Len() > 0 || errs.String() != want {
		t.Errorf("stdout %q, stderr\n%s", out.String(), errs.String())
	}
}

func TestQuiet(t *testing.T) {
	var out, errs bytes.Buffer
	d := newDisplay(&out, &errs, false, true, false)
	d.batch(aBatch(1, 2, 0))
	d.end(nil)
	if out.Len()+errs.Len() > 0 {
		t.Errorf("%q %q", out.String(), errs.String())
	}
}

// A run that failed has its error to tell, not why nothing came out.
func TestEndAfterError(t *testing.T) {
	var out bytes.Buffer
	d := newDisplay(&out, &out, false, false, false)
	d.end(errSecondSignal)
	if out.Len() > 0 {
		t.Errorf("%q", out.String())
	}
}

func TestWhy(t *testing.T) {
	with := func(change func(*batch.Progress)) batch.Progress {
		p := aBatch(1, 10, 0)
		change(&p)
		return p
	}
	open := func(heldBy, mark string) batch.Progress {
		return with(func(p *batch.Progress) {
			p.StateOperators = []batch.OperatorProgress{{NumWindowsOpen: 0}, {NumWindowsOpen: 2, NextClose: "11:00", Watermark: "10:59"}}
			p.Sources = []batch.SourceProgress{{HeldBy: heldBy, HeldMark: mark}}
		})
	}
	for _, c := range []struct {
		name    string
		batches []batch.Progress
		want    string
	}{
		{"rows came out", []batch.Progress{aBatch(1, 5, 0), aBatch(2, 5, 1)}, ""},
		{"no batch", nil, "no new data: nothing to do"},
		{"empty batch", []batch.Progress{aBatch(1, 0, 0)}, "0 rows out: no new data"},
		{"open", []batch.Progress{open("events/2", "10:59")}, "0 rows out: 2 windows open, the first closes at watermark 11:00, now 10:59, held by events/2"},
		{"open, silent partition", []batch.Progress{open("events/2", "none")}, "0 rows out: 2 windows open, the first closes at watermark 11:00, now 10:59, held by events/2, which has had no record yet"},
		{"open, all idle", []batch.Progress{open("", "")}, "0 rows out: 2 windows open, the first closes at watermark 11:00, now 10:59"},
		{"filtered", []batch.Progress{with(func(p *batch.Progress) { p.NumRowsFiltered = 10 })}, "0 rows out: of 10 rows in all filtered by WHERE"},
		{"late", []batch.Progress{with(func(p *batch.Progress) { p.NumRowsLate = 10 })}, "0 rows out: of 10 rows in all late (their windows had closed before they came)"},
		{"bad", []batch.Progress{with(func(p *batch.Progress) { p.NumRowsBad = 10 })}, "0 rows out: of 10 rows in all bad"},
		{"HAVING", []batch.Progress{with(func(p *batch.Progress) {
			p.NumRowsFiltered = 4
			p.NumGroupsFiltered = 1
		})}, "0 rows out: of 10 rows in 3 filtered by WHERE, 1 group filtered by HAVING"},
		{"several", []batch.Progress{
			with(func(p *batch.Progress) { p.NumRowsNoMatch, p.NumRowsTombstone = 9, 1 }),
			with(func(p *batch.Progress) { p.NumRowsNoMatch, p.NumRowsUnassigned = 9, 1 }),
		}, "0 rows out: of 20 rows in 18 without a match in a join, 1 in no window, 1 tombstones"},
	} {
		t.Run(c.name, func(t *testing.T) {
			total := tally{rows: map[string]int64{}}
			for _, p := range c.batches {
				total.add(p)
			}
			if got := total.why(); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}
