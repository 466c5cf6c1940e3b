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
	nine, seconds := int64(9), 65.5
	p.Sources = []batch.SourceProgress{{LagOffsets: &nine, LagSeconds: &seconds}, {LagOffsets: &nine}, {LagOffsets: new(int64)}, {}}
	p.BadRecords = []string{"bad record at t/0 offset 1"}
	d.batch(p)
	d.end(nil)
	want := "batch 1: 2 rows in, 1 row to lake (1 file), 1 late, 2 bad, 3 unassigned, 1 tombstone, 7 ms, watermark 2023-11-14T22:13:20Z, lag 9 (1m5.5s), lag 9, rerun, final\n" +
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
