package batch

import (
	"encoding/base64"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/dstream"
	"github.com/millrace/millrace/offsets"
)

// asideOf is a windowed query whose bad records go to a sink.
func asideOf(name, sink string, of dstream.DeadLetter) simQuery {
	return simQuery{
		name:  name,
		aside: sink,
		graph: func(g *dstream.Graph) {
			windowed.stream(g).To("lake")
			if err := g.DeadLetters(sink, of, dstream.Pos{}); err != nil {
				panic(err)
			}
		},
		oracle: func(events []simEvent, ads map[string]string) []simRow {
			rows := windowed.oracle(events, ads)
			for i := range rows {
				rows[i].text = strings.Replace(rows[i].text, "views=", "sink=lake views=", 1)
			}
			return rows
		},
	}
}

// aside keeps dead letters in files, of values up to 40 bytes.
var aside = asideOf("aside", "bad", dstream.DeadLetter{MaxBytes: simDeadBytes})

// asideTopic keeps them in a topic.
var asideTopic = asideOf("aside in a topic", "copies", dstream.DeadLetter{MaxBytes: simDeadBytes})

const simDeadBytes = 40

// appendDead appends a record that is no event, and notes its dead letter in the sink.
func (w *world) appendDead(sink string, partition int32, r offsets.MemoryRecord, reason string) {
	states, err := w.source.Partitions(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	at := int64(0)
	for _, p := range states {
		if p.Partition == partition {
			at = p.End
		}
	}
	w.source.Append(simTopic, partition, r)
	value, key := string(r.Value), base64.StdEncoding.EncodeToString(r.Key)
	if r.Key == nil {
		key = "NULL"
	}
	whole := len(value) <= simDeadBytes
	w.dead = append(w.dead, newSimRow("sink", sink, "source", "events", "topic", simTopic, "partition", partition, "offset", at,
		"timestamp", r.Timestamp*1000, "reason", reason, "key", key, "value", base64.StdEncoding.EncodeToString(r.Value[:min(len(value), simDeadBytes)]), "value_bytes", len(value),
		"headers", deadHeaderText(r.Headers), "complete", whole))
}

// deadHeaderText is how headers look to the reader of a file.
func deadHeaderText(headers []offsets.MemoryHeader) string {
	parts := []string{}
	for _, h := range headers {
		parts = append(parts, fmt.Sprintf(`{"key":%q,"value":%q}`, h.Key, base64.StdEncoding.EncodeToString(h.Value)))
	}
	return "[" + strings.Join(parts, ",") + "]"
}

// fillAside appends events with all kinds of bad records among them.
func (w *world) fillAside(sink string, n int) {
	future := simStart.Add(2 * time.Hour).UnixMilli()
	for i := range n {
		w.generate(1)
		if w.rng.IntN(4) > 0 {
			continue
		}
		r := offsets.MemoryRecord{Timestamp: int64(i)}
		reason := ""
		switch w.rng.IntN(4) {
		case 0:
			r.Value, reason = fmt.Appendf(nil, `{"ad":"a%d","n":"many"}`, i), `column "n": "many" is not a bigint`
		case 1:
			r.Value, reason = fmt.Appendf(nil, `{"n":%d,"more":"%s"}`, i, strings.Repeat("x", w.rng.IntN(40))), "the event time is NULL"
			r.Key, r.Headers = []byte("k"), []offsets.MemoryHeader{{Key: "h", Value: []byte("v")}}
		case 2:
			r.Value = fmt.Appendf(nil, `{"ts":%d}`, future)
			reason = "event time 2026-11-22T14:00:00Z is more than max_future 1h0m0s after the plan time: a clock runs ahead; widen or turn off event_time.max_future to accept it"
		default:
			r.Value, reason = []byte(`[]`), "the value is an array, want an object"
		}
		w.appendDead(sink, int32(w.rng.IntN(3)), r, reason)
	}
}

// planTimeText is the time of the plan in a reason: it depends on what happens to the run.
var planTimeText = regexp.MustCompile(`plan time [^ ]+Z:`)

// simReason leaves the plan time out of the reason of a dead letter.
func simReason(reason string) string { return planTimeText.ReplaceAllString(reason, "plan time:") }

// TestStopAboveOfDeadLetters: records that are kept count all the same, and nothing of a batch that stops is kept.
func TestStopAboveOfDeadLetters(t *testing.T) {
	w := newWorld(t, simSeed(t))
	w.fillAside("bad", 100)
	share := float64(len(w.dead)) / float64(len(w.dead)+len(w.events))
	above := func(share float64) func(*Job) { return func(j *Job) { j.StopAbove = share } }
	wantError[*BadDataError](t, w.run(w.job(aside, flushing, above(share-1e-9))), "batch 1: ", "raise stop_above")
	if files := w.files(); len(files) > 0 {
		t.Fatalf("%d files of a batch that stopped", len(files))
	}
	w.mustRun(w.job(aside, flushing, above(share)))
	w.wantRows("with as many as are allowed", w.expected(aside), equalRows)
}

// TestDeadLettersWithoutValues leaves the values out.
func TestDeadLettersWithoutValues(t *testing.T) {
	w := newWorld(t, simSeed(t))
	w.fillAside("bad", 100)
	for i := range w.dead {
		w.dead[i].text = noValue.ReplaceAllString(w.dead[i].text, "complete=false ${1}value=NULL ")
	}
	q := asideOf("without values", "bad", dstream.DeadLetter{MaxBytes: 1 << 20, NoValue: true})
	w.mustRun(w.job(q, flushing))
	w.wantRows("without values", w.expected(q), equalRows)
}

var noValue = regexp.MustCompile(`complete=\w+ (.*)value=[^ ]* `)

// TestDeadLettersNeedAPolicy: a job that keeps bad records and one that does not differ in both, or in none.
func TestDeadLettersNeedAPolicy(t *testing.T) {
	w := newWorld(t, simSeed(t))
	wantText(t, w.run(w.job(aside, skipBad)), `the policy is "skip", a sink takes them: true`)
	wantText(t, w.run(w.job(windowed, func(j *Job) { j.OnBadRecord = DeadLetterBad })), "a sink takes them: false")
}
