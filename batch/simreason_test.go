package batch

import (
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/dstream"
)

const simSecret = "hunter2hunter2"

// secretTime is a time that a text says, which begins with a secret: no text does.
func secretTime() dstream.Expr {
	return dstream.CastTo(dstream.Fn("concat", dstream.Str(simSecret), col("ad")), columnar.Type{Kind: columnar.Timestamp})
}

// TestReasons: whatever the reason of a bad record quotes, it is short, and secrets are not in it.
func TestReasons(t *testing.T) {
	hides := func(j *Job) { j.Hide = func(text string) string { return strings.ReplaceAll(text, simSecret, "***") } }
	long := simEvent{ms: simStart.UnixMilli(), ad: strings.Repeat("ü", 5000)}
	q := simQuery{name: "secret time", at: secretTime, stream: computedTime.stream}
	kept := simQuery{name: "secret time, kept", at: secretTime, graph: func(g *dstream.Graph) {
		computedTime.stream(g).To("lake")
		if err := g.DeadLetters("bad", dstream.DeadLetter{MaxBytes: 1000}, dstream.Pos{}); err != nil {
			t.Fatal(err)
		}
	}}
	for _, test := range []struct {
		q      simQuery
		change func(*Job)
	}{
		{q, func(j *Job) {}},
		{q, func(j *Job) { skipBad(j); j.StopAbove = 0.1 }},
		{q, skipBad},
		{kept, func(j *Job) { j.OnBadRecord = DeadLetterBad }},
	} {
		w := timeWorld(t)
		w.append(long)
		err := w.run(w.job(test.q, flushing, hides, test.change))
		var texts []string
		if err != nil {
			wantError[*BadDataError](t, err, "***", "…")
			texts = append(texts, err.Error())
		}
		for _, r := range w.reports {
			texts = append(texts, r.BadRecords...)
		}
		if strings.Contains(test.q.name, "kept") {
			for _, r := range w.rows() {
				reason := regexp.MustCompile(`reason=(.*…)`).FindStringSubmatch(r.text)
				if reason == nil || len(reason[1]) > columnar.BadReasonBytes {
					t.Fatalf("dead letter %s", r.text)
				}
				texts = append(texts, reason[1])
			}
		}
		if len(texts) == 0 {
			t.Fatalf("%s: nothing is bad", test.q.name)
		}
		for _, text := range texts {
			if len(text) > columnar.BadReasonBytes+300 || strings.Contains(text, "hunter2") || !strings.Contains(text, "***") || !utf8.ValidString(text) {
				t.Errorf("%s: %d bytes: %.400s", test.q.name, len(text), text)
			}
		}
	}
}
