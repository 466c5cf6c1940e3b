package batch

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/dstream"
	"github.com/millrace/millrace/offsets"
)

// shareTime is ts + 1000 / n seconds: it has no value for n = 0, and is NULL without n.
func shareTime() dstream.Expr {
	return col("ts").Add(dstream.Fn("*", dstream.Fn("/", dstream.Int(1000), col("n")), dstream.CastTo(dstream.Str("1 second"), columnar.Type{Kind: columnar.Interval})))
}

// computedTime counts events by a time that is computed.
var computedTime = simQuery{name: "computed time", at: shareTime, stream: func(g *dstream.Graph) *dstream.Stream {
	return g.From("events").Window(dstream.Tumbling("at", 10*time.Second, 0)).
		GroupBy(col("ad"), col("window_start")).Agg(dstream.Count().As("views"))
}}

// TestComputedEventTime lets the watermark follow a computed time, of all records, and makes records without one bad.
func TestComputedEventTime(t *testing.T) {
	w := timeWorld(t)
	add := func(seconds, n int64) {
		w.append(simEvent{ms: simStart.UnixMilli() + seconds*1000, ad: "a", n: n})
	}
	add(0, 1000) // at 1 s
	add(0, 200)  // at 5 s
	add(1, 0)    // never
	add(2, 100)  // at 12 s
	w.appendRaw(0, fmt.Appendf(nil, `{"ad":"a","ts":%d}`, simStart.UnixMilli()))
	w.mustRun(w.job(computedTime, w.inMemory, skipBad))
	w.wantWindows("before the watermark has come")
	r := w.reports[0]
	if s := r.Sources[0]; s.HeldBy != "events/1" || r.NumRowsBad != 2 || r.NumInputRows != 5 {
		t.Errorf("held by %s, %d bad of %d records", s.HeldBy, r.NumRowsBad, r.NumInputRows)
	}
	want := []string{
		`bad record at events/0 offset 2: the event time cannot be computed: division by zero in (1000 / n)`,
		`bad record at events/0 offset 4: the event time is NULL`,
	}
	if !slices.Equal(r.BadRecords, want) {
		t.Errorf("bad records %q, want %q", r.BadRecords, want)
	}
	w.append(simEvent{partition: 1, ms: simStart.UnixMilli(), ad: "b", n: 50}) // at 20 s
	add(18, 1000)                                                              // at 19 s
	w.mustRun(w.job(computedTime, w.inMemory, skipBad))
	w.wantWindows("when it has", 0, 2)
	add(3, 500) // at 5 s: late
	w.mustRun(w.job(computedTime, w.inMemory, skipBad))
	if late := w.reports[len(w.reports)-1].NumRowsLate; late != 1 {
		t.Errorf("%d rows late, want 1", late)
	}
	wantError[*BadDataError](t, w.run(w.job(computedTime, named("again"), func(j *Job) { j.Checkpoint = "/other" })),
		"events/0 offset 2", "division by zero", "--skip events/0/2")
}

// TestTimedDecoder compares what a decoder with a computed time gives with what each record says, and when it is looked at
// after every run of records with when it is not.
func TestTimedDecoder(t *testing.T) {
	q := computedTime
	plan, err := q.plan()
	if err != nil {
		t.Fatal(err)
	}
	src := &plan.Sources[0]
	rng := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		peeked, plain := newTimed(t, src), newTimed(t, src)
		for range 1 + rng.IntN(3) { // batches out of the same memory
			var want []string
			offset := int64(0)
			for range rng.IntN(4) {
				recs := &offsets.Records{Topic: "t", Partition: 3, Buf: make([]byte, 0, 1000)}
				for range rng.IntN(6) {
					value, says := randomTimed(rng)
					start := len(recs.Buf)
					recs.Buf = append(recs.Buf, value...)
					recs.Rows = append(recs.Rows, offsets.Record{Offset: offset, Key: offsets.Span{Len: -1}, Value: offsets.Span{Start: int32(start), Len: int32(len(value))}})
					want = append(want, fmt.Sprintf("%d %s", offset, says))
					offset++
				}
				peeked.Append(recs)
				plain.Append(recs)
				b, bad := peeked.Peek()
				if got := describeTimed(b, bad); !slices.Equal(got, want) {
					t.Fatalf("peeked:\n%q, want\n%q", got, want)
				}
			}
			for _, d := range []*timedDecoder{peeked, plain} {
				b, bad := d.Flush()
				if got := describeTimed(b, bad); !slices.Equal(got, want) {
					t.Fatalf("flushed:\n%q, want\n%q", got, want)
				}
				counts := d.Counts()
				if counts.In != int64(len(want)) || counts.Out != int64(b.Len()) || counts.Bad != int64(len(bad)) {
					t.Fatalf("counts %+v of %d rows and %d bad records", counts, b.Len(), len(bad))
				}
			}
		}
	}
}

func newTimed(t *testing.T, src *dstream.SourcePlan) *timedDecoder {
	dec, err := columnar.NewDecoder(src.Format, src.Name, src.Fields, columnar.DecodeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	d, err := newTimedDecoder(dec, src.Time, func(text string) string { return text })
	if err != nil {
		t.Fatal(err)
	}
	d.env = &columnar.Env{}
	return d
}

// randomTimed is a record, and what must become of it.
func randomTimed(rng *rand.Rand) (value, says string) {
	switch rng.IntN(8) {
	case 0:
		return `{"ts":1000,"n":0}`, "bad"
	case 1:
		return `{"ts":1000}`, "NULL"
	case 2:
		return `{"ts":"x","n":1}`, "bad"
	}
	n := 1 + rng.Int64N(1000)
	return fmt.Sprintf(`{"ts":1000,"n":%d}`, n), fmt.Sprint(1_000_000 + 1000/n*1_000_000)
}

// describeTimed is what became of each record, by offset.
func describeTimed(b *columnar.Batch, bad []columnar.BadRecord) []string {
	at := map[int64]string{}
	for i := range b.Rows {
		at[b.Offsets[i]] = ""
	}
	for i := range b.Len() {
		row := i
		if b.Sel != nil {
			row = int(b.Sel[i])
		}
		times := b.Cols[len(b.Cols)-1]
		at[b.Offsets[row]] = fmt.Sprint(times.I64[row])
		if times.IsNull(row) {
			at[b.Offsets[row]] = "NULL"
		}
	}
	for i, r := range bad {
		if at[r.Offset] != "" || i > 0 && bad[i-1].Offset >= r.Offset {
			at[r.Offset] += " twice, or out of order"
		}
		at[r.Offset] += "bad"
	}
	var out []string
	for i := range int64(len(at)) {
		out = append(out, fmt.Sprintf("%d %s", i, at[i]))
	}
	return out
}

// TestComputedEventTimeDeadLetters keeps each record without a time once.
func TestComputedEventTimeDeadLetters(t *testing.T) {
	w := timeWorld(t)
	w.append(simEvent{ms: simStart.UnixMilli(), ad: "a", n: 1000}, simEvent{ms: simStart.UnixMilli(), ad: "a"})
	w.appendRaw(0, fmt.Appendf(nil, `{"ad":"a","ts":%d}`, simStart.UnixMilli()))
	w.appendRaw(0, []byte("no record"))
	q := simQuery{name: "computed, kept", at: shareTime, graph: func(g *dstream.Graph) {
		computedTime.stream(g).To("lake")
		if err := g.DeadLetters("bad", dstream.DeadLetter{MaxBytes: 1000}, dstream.Pos{}); err != nil {
			t.Fatal(err)
		}
	}}
	w.mustRun(w.job(q, flushing, func(j *Job) { j.OnBadRecord = DeadLetterBad }))
	var kept []string
	for _, r := range w.rows() {
		for _, reason := range []string{"cannot be computed", "is NULL", "not valid JSON"} {
			if strings.Contains(r.text, "sink=bad") && strings.Contains(r.text, reason) {
				kept = append(kept, reason)
			}
		}
	}
	if slices.Sort(kept); len(w.rows()) != 4 || len(kept) != 3 || len(slices.Compact(kept)) != 3 {
		t.Errorf("kept %q of the rows %v", kept, w.rows())
	}
}

// TestTimedReasons: the decoder itself keeps no long reason, of which there may be thousands, and cuts no secret in two.
func TestTimedReasons(t *testing.T) {
	plan, err := simQuery{name: "secret time", at: secretTime, stream: computedTime.stream}.plan()
	if err != nil {
		t.Fatal(err)
	}
	d := newTimed(t, &plan.Sources[0])
	d.hide = func(text string) string { return strings.ReplaceAll(text, simSecret, "") }
	for n := range columnar.BadReasonBytes {
		value := fmt.Appendf(nil, `{"ts":1000,"ad":"%s%s%01000d"}`, strings.Repeat("x", n), simSecret, 0)
		d.Append(&offsets.Records{Topic: "t", Buf: append(value, make([]byte, offsets.Slack)...)[:len(value)],
			Rows: []offsets.Record{{Key: offsets.Span{Len: -1}, Value: offsets.Span{Len: int32(len(value))}}}})
		_, bad := d.Flush()
		if len(bad) != 1 || len(bad[0].Reason) > columnar.BadReasonBytes || strings.Contains(bad[0].Reason, "hunt") {
			t.Fatalf("%d: %v", n, bad)
		}
	}
}
