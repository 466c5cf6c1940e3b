package batch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/dstream"
	"github.com/millrace/millrace/internal/store/storetest"
	"github.com/millrace/millrace/offsets"
	"github.com/millrace/millrace/output"
	"github.com/millrace/millrace/output/outputtest"
)

// published writes the same rows to files and to a topic, and counts, of which most batches have none, to another topic.
var published = simQuery{
	name: "published",
	graph: func(g *dstream.Graph) {
		addView(g, "rows", g.From("events").Filter(col("n").Ge(dstream.Int(500))).Select(col("ad"), col("kind"), col("n"), col("ts")))
		g.From("rows").To("copies")
		g.From("rows").To("lake")
		addView(g, "clean", views(g).Select(col("campaign"), col("n"), col("ts")))
		g.From("clean").Window(dstream.Tumbling("ts", 10*time.Second, 0)).GroupBy(col("campaign"), col("window_start")).
			Agg(dstream.Count().As("views"), dstream.Sum(col("n")).As("n")).To("counts")
	},
	oracle: func(events []simEvent, ads map[string]string) (rows []simRow) {
		for _, e := range events {
			if e.n >= 500 {
				for _, sink := range []string{"copies", "lake"} {
					rows = append(rows, newSimRow("sink", sink, "ad", e.ad, "kind", e.kind, "n", e.n, "ts", e.ms*1000))
				}
			}
		}
		for k, g := range simGroups(events, ads, "view", 10_000) {
			rows = append(rows, newSimRow("sink", "counts", "campaign", k.campaign, "window_start", k.start*1000, "views", g.views, "n", g.n))
		}
		return rows
	},
}

// plain is a job without topics, and without windows.
var plain = simQuery{name: "plain", graph: func(g *dstream.Graph) { g.From("events").Select(col("ad"), col("n")).To("plain") }}

// simTopics are the sinks that are topics of w.kafka. The rest are directories.
var simTopics = []string{"copies", "counts"}

// publish makes the world have a Kafka cluster with these topics.
func (w *world) publish() {
	w.kafka = outputtest.NewKafka()
	for _, topic := range simTopics {
		w.kafka.AddTopic(topic, 3)
	}
}

func (w *world) topic(k *dstream.SinkPlan) Sink {
	key := []int{0}
	if k.Changelog != nil {
		key = nil // that of the rows
	}
	cfg := output.KafkaConfig{Sink: k.Name, Topic: k.Name, Layout: layoutOf(k), Key: key, Value: -1, Timestamp: -1}
	return Sink{Name: k.Name, Topic: k.Name, Place: "topic " + k.Name, Guarantee: ExactlyOnce,
		Open: func(ctx context.Context, o output.Opening) (output.Sink, error) {
			cfg := cfg
			cfg.Opening = o
			return output.OpenKafka(ctx, w.kafka.Cluster(), cfg)
		},
		Elsewhere: func(context.Context, output.Opening, string) (output.Sink, error) { return output.RehearseKafka(cfg) },
		Verify: func(ctx context.Context, e output.Expected, _ func(int, func(int) error) error) (*output.Checked, error) {
			return output.KafkaCheck{Sink: k.Name, Topic: k.Name, Source: w.topicSource(k.Name), Expect: e, Changelog: k.Changelog != nil}.Run(ctx)
		}}
}

// topicSource reads what a topic holds, changed as w.changeRecord says.
func (w *world) topicSource(topic string) offsets.Source {
	m := offsets.NewMemory("sink " + topic)
	m.Create(topic, 3)
	bytesOf := func(s *string) []byte {
		if s == nil {
			return nil
		}
		return []byte(*s)
	}
	records := w.kafka.Records(topic)
	if w.changeRecords != nil {
		records = w.changeRecords(topic, records)
	}
	for _, r := range records {
		out := offsets.MemoryRecord{Key: bytesOf(r.Key), Value: bytesOf(r.Value), Timestamp: r.At}
		for _, h := range strings.Fields(r.Headers) {
			key, value, _ := strings.Cut(h, "=")
			out.Headers = append(out.Headers, offsets.MemoryHeader{Key: key, Value: []byte(value)})
		}
		m.Append(topic, int32(r.Partition), out)
	}
	return m
}

// topicRows are the rows that a consumer of the topics sees.
func (w *world) topicRows() (rows []simRow) {
	w.t.Helper()
	for _, topic := range simTopics {
		for _, value := range w.kafka.Values(topic) {
			rows = append(rows, w.jsonRow(value, "sink", topic))
		}
	}
	return rows
}

// jsonRow is a row that was written as a JSON object; pairs are columns more.
func (w *world) jsonRow(value string, pairs ...any) simRow {
	w.t.Helper()
	d := json.NewDecoder(strings.NewReader(value))
	d.UseNumber()
	var cells map[string]any
	if err := d.Decode(&cells); err != nil {
		w.t.Fatal(err)
	}
	delete(cells, "batch") // of dead letters: it depends on the cuts
	for name, cell := range cells {
		pairs = append(pairs, name, w.jsonCell(name, cell))
	}
	return newSimRow(pairs...)
}

// doubleColumns are the columns of sinks in JSON that hold doubles.
var doubleColumns = []string{"price", "dearest", "mean"}

func (w *world) jsonCell(name string, cell any) any {
	switch x := cell.(type) {
	case nil:
		return "NULL"
	case json.Number:
		if !slices.Contains(doubleColumns, name) {
			return x
		}
		f, err := x.Float64()
		if err != nil {
			w.t.Fatal(err)
		}
		return f
	case []any:
		data, err := json.Marshal(x)
		if err != nil {
			w.t.Fatal(err)
		}
		return string(data)
	case string:
		if at, err := time.Parse(time.RFC3339Nano, x); err == nil {
			return at.UnixMicro()
		}
		return simReason(x)
	}
	return cell
}

// brokerFaults are what goes wrong with requests: a crash of the process at the n-th, before or behind it; and now and
// then an answer that is lost, of a request that has happened or not, or a session that somebody ends by accident.
type brokerFaults struct {
	w                  *world
	ops, crashAt       int
	lost, fenced, dead int
	afterCommit        int  // crashes between the end of a transaction and whatever comes next
	rough              bool // answers are lost and sessions end
}

func (f *brokerFaults) fault(op string) outputtest.Fault {
	if _, err := f.w.disk.ReadDir("/"); errors.Is(err, storetest.ErrPower) {
		return outputtest.Fault{Before: storetest.ErrPower} // the process is gone
	}
	f.ops++
	switch rng := f.w.rng; {
	case f.ops == f.crashAt:
		f.dead++
		f.w.disk.StopAfter(0)
		if rng.IntN(2) == 0 {
			return outputtest.Fault{Before: storetest.ErrPower}
		}
		if op == "commit" {
			f.afterCommit++
		}
		return outputtest.Fault{Answer: storetest.ErrPower, Applied: true}
	case f.rough && rng.IntN(12) == 0:
		f.lost++
		return outputtest.LostAnswer(op, rng.IntN(2) == 0)
	case f.rough && rng.IntN(25) == 0:
		f.fenced++
		f.w.kafka.Fence(output.KafkaTransactionalID("sim", simTopics[rng.IntN(2)], simTopics[rng.IntN(2)]))
	}
	return outputtest.Fault{}
}

// publishWorld is a world with a cluster, whose broker may go wrong.
func publishWorld(t *testing.T, seed uint64) (*world, *brokerFaults) {
	return publishWorldOf(t, seed, published)
}

// arm sets when the power fails in a life, by the schedule and the crashes before: in turn at a request and at a change of the
// disk, the first time at each of them, of which there are so many without a crash, by the schedule's number, then early.
func (f *brokerFaults) arm(schedule, crash, requests, changes int) {
	switch first, disk := crash == 0, (schedule+crash)%2 == 0; {
	case first && !disk:
		f.crashAt = 1 + schedule/2%requests
	case first:
		f.w.disk.StopAfter(1 + schedule*7%changes)
	case disk:
		f.w.disk.StopAfter(1 + f.w.rng.IntN(changes/2))
	default:
		f.crashAt = 1 + f.w.rng.IntN(requests/2)
	}
}

func publishWorldOf(t *testing.T, seed uint64, q simQuery) (*world, *brokerFaults) {
	w := newWorld(t, seed)
	w.publish()
	w.fill(q, 200)
	f := &brokerFaults{w: w}
	w.kafka.Fault = f.fault
	return w, f
}

// TestKafkaCrashes ends the process at every request to the brokers, before and behind it, and at every change of the
// disk, again and again, while answers are lost and sessions end. What a reader of the files and a consumer of the topics
// see must always be rows of the result, each once, and in the end all of them.
func TestKafkaCrashes(t *testing.T) { kafkaCrashes(t, published, 90) }

// TestKafkaCrashesOfDeadLetters does that with a job whose dead letters go to a topic.
func TestKafkaCrashesOfDeadLetters(t *testing.T) { kafkaCrashes(t, asideTopic, 36) }

// TestKafkaCrashesOfLateRows does it with a job whose late rows do.
func TestKafkaCrashesOfLateRows(t *testing.T) { kafkaCrashes(t, lateTopic, 24) }

func kafkaCrashes(t *testing.T, q simQuery, schedules int) {
	t.Parallel()
	seed := simSeed(t)
	w, f := publishWorldOf(t, seed, q)
	w.mustRun(w.crashJob(q))
	w.wantRows("without a crash", w.expected(q), equalRows)
	requests, changes := f.ops, w.disk.Count()
	sum := brokerFaults{}
	crashes, reruns, lives := 0, 0, 0
	for i := range simLong(schedules) {
		w, f := publishWorldOf(t, seed+uint64(i)<<16, q)
		f.rough = i%3 > 0
		want := w.expectedOf(q, func() *world {
			twin, _ := publishWorldOf(t, seed+uint64(i)<<16, q)
			return twin
		})
		for crash := 0; ; crash++ {
			what := fmt.Sprintf("schedule %d, crash %d", i, crash)
			lives++
			if f.ops, f.crashAt = 0, 0; crash < 5 {
				f.arm(i, crash, requests, changes)
			}
			err := w.run(w.crashJob(q))
			if err == nil {
				break
			}
			if !errors.Is(err, storetest.ErrPower) {
				t.Fatalf("%s: %v", what, err)
			}
			crashes++
			w.disk = w.disk.Crash(w.rng.Uint64())
			w.fs = w.disk
			w.wantPart(what, want)
		}
		w.disk.Restart()
		w.wantRows(fmt.Sprintf("schedule %d", i), want, equalRows)
		w.wantHistory(fmt.Sprintf("schedule %d", i))
		for _, p := range w.reports {
			if p.Rerun {
				reruns++
			}
		}
		sum.lost, sum.fenced, sum.dead, sum.afterCommit = sum.lost+f.lost, sum.fenced+f.fenced, sum.dead+f.dead, sum.afterCommit+f.afterCommit
	}
	t.Logf("%d requests and %d changes of the disk without a crash; %d lives, %d crashes, %d of them at a request and %d between a transaction's end and the log; %d answers lost, %d sessions ended by accident, %d batches run again",
		requests, changes, lives, crashes, sum.dead, sum.afterCommit, sum.lost, sum.fenced, reruns)
	if !testing.Short() && (sum.afterCommit == 0 || sum.lost == 0 || sum.fenced == 0 || reruns == 0) {
		t.Error("the schedules miss a kind of fault")
	}
}

// TestKafkaOrder: whatever the order in the job, files come first, then the topics, then the log's commit.
func TestKafkaOrder(t *testing.T) {
	w, f := publishWorld(t, simSeed(t))
	var steps []string
	w.kafka.Fault = func(op string) outputtest.Fault {
		if op == "commit" && len(w.history().Open) > 0 {
			p := w.history().Open[0]
			files := slices.ContainsFunc(slices.Collect(keysOf(w.files())), func(name string) bool { return strings.Contains(name, fmt.Sprintf("-b%012d-", p.Batch)) })
			steps = append(steps, fmt.Sprintf("batch %d is open, with files: %v", p.Batch, files))
		}
		return f.fault(op)
	}
	w.mustRun(w.job(published, rowsMax(60)))
	if len(steps) < 3 || slices.ContainsFunc(steps, func(s string) bool { return strings.HasSuffix(s, "false") }) {
		t.Errorf("transactions ended when %q", steps)
	}
}

func keysOf(m map[string][]byte) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// TestKafkaTwoDrivers pauses a driver at every request of a batch in turn, has a second one take over and finish, and wakes
// the first: nothing that it does shows.
func TestKafkaTwoDrivers(t *testing.T) {
	seed := simSeed(t)
	for at := 7; at < 17; at++ {
		w, f := publishWorld(t, seed)
		p, n := newPause(1), 0
		w.kafka.Fault = func(op string) outputtest.Fault {
			if n++; n == at {
				_ = p.hook()
			}
			return f.fault(op)
		}
		z := &zombie{pause: p, end: make(chan error, 1)}
		o := Options{Cores: 1, Env: w.env(), Version: "zombie", Job: w.zombieJob(published)}
		go func() { z.end <- Run(context.Background(), o) }()
		select {
		case <-z.reached:
		case err := <-z.end:
			t.Fatalf("the first driver ended before request %d: %v", at, err)
		}
		w.mustRun(w.zombieJob(published), takeOver)
		wantError[*SupersededError](t, z.awake(), "another run has taken this job over")
		w.wantRows(fmt.Sprintf("woken at request %d", at), w.expected(published), equalRows)
		w.wantHistory("in the end")
	}
}

// TestKafkaRecords goes through what may become of a commit record between two runs.
func TestKafkaRecords(t *testing.T) {
	id := output.KafkaTransactionalID("sim", "copies", "copies")
	w, f := publishWorld(t, simSeed(t))
	w.mustRun(w.job(published))
	first, _ := w.kafka.RecordOf(id, "copies")

	// Forgotten, with nothing open: written anew.
	w.kafka.ForgetRecords()
	w.generate(100)
	w.mustRun(w.job(published))
	if !slices.ContainsFunc(w.warned, func(s string) bool { return strings.Contains(s, "sink copies: its commit record was gone") }) {
		t.Errorf("warned of %q", w.warned)
	}

	// Set back.
	now, _ := w.kafka.RecordOf(id, "copies")
	w.kafka.SetRecord(id, "copies", first)
	wantError[*RefusedError](t, w.run(w.job(published)), `the commit record of sink "copies" says batch 1`, "was set back")
	w.kafka.SetRecord(id, "copies", now)

	// Forgotten, with a batch open that was published, and with one that was not.
	for _, applied := range []bool{true, false} {
		w.generate(100)
		f.ops, f.crashAt = 0, 0
		w.kafka.Fault = func(op string) outputtest.Fault {
			if op == "commit" { // of the sink "copies": the other one has none yet
				w.disk.StopAfter(0)
				return outputtest.Fault{Answer: storetest.ErrPower, Applied: applied}
			}
			return outputtest.Fault{}
		}
		if err := w.run(w.job(published)); !errors.Is(err, storetest.ErrPower) {
			t.Fatal(err)
		}
		w.kafka.Fault = nil
		w.disk.Restart()
		open := w.history().Open[0].Batch
		w.kafka.ForgetRecords()
		wantError[*RefusedError](t, w.run(w.job(published)), fmt.Sprintf("--assume-published copies=%[1]d or --assume-unpublished copies=%[1]d", open))
		wantError[*RefusedError](t, w.run(w.job(published), assume("copies", open+1, true)), "nothing can be assumed")
		w.mustRun(w.job(published), assume("copies", open, applied), assume("counts", open, false))
		w.warned = nil
		w.mustRun(w.job(published, flushingIf(!applied)), assume("copies", open, applied))
		if !slices.ContainsFunc(w.warned, func(s string) bool { return strings.Contains(s, "nothing has to be assumed") }) {
			t.Errorf("warned of %q", w.warned)
		}
	}
	w.wantRows("in the end", w.expected(published), equalRows)
}

func assume(sink string, batch int64, published bool) func(*Options) {
	return func(o *Options) {
		if o.Assume == nil {
			o.Assume = map[string]Assumption{}
		}
		o.Assume[sink] = Assumption{batch, published}
	}
}

func flushingIf(yes bool) func(*Job) {
	return func(j *Job) { j.Trigger.FlushWindows = yes }
}

// TestKafkaRefreshes keeps a job without input running for three days: its records are written once a day, and nothing
// else, also while it waits for longer than that.
func TestKafkaRefreshes(t *testing.T) {
	for _, trigger := range []func(*Job){
		func(j *Job) { j.Trigger = Trigger{Every: time.Hour} },
		func(j *Job) { j.Trigger = Trigger{Every: 90 * time.Hour} },
		onSchedule(t, "0 0 1 1 *", "UTC"),
	} {
		refreshes(t, trigger)
	}
}

func refreshes(t *testing.T, trigger func(*Job)) {
	w, _ := publishWorld(t, simSeed(t))
	w.mustRun(w.job(published))
	commits := 0
	w.kafka.Fault = func(op string) outputtest.Fault {
		if op == "commit" {
			commits++
		}
		return outputtest.Fault{}
	}
	ops := w.disk.Count()
	w.mustRun(w.job(published, trigger, func(j *Job) {
		j.Plan.Sources[0].Bounds.IdleAfter = 1 << 60 // no window closes
	}), stopAt(w, w.clock.now.Add(73*time.Hour), nil))
	if commits != 3*len(simTopics) {
		t.Errorf("%d refreshes in three days, want one a day for each of %d topics", commits, len(simTopics))
	}
	if in, err := w.inspect(); err != nil || in.History.Last.Batch != 1 {
		t.Errorf("batch %d, %v: a job without input planned something; %d operations", in.History.Last.Batch, err, w.disk.Count()-ops)
	}
}

// TestKafkaSinksComeLater: a batch of the job as it was is open when the job file gets topics. It is finished as it was planned;
// then the topics are claimed before anything is planned for them.
func TestKafkaSinksComeLater(t *testing.T) {
	seed := simSeed(t)
	w, f := publishWorld(t, seed)
	for at := 10; w.drivers == 0 || len(w.history().Open) == 0; at += 3 {
		w, f = publishWorld(t, seed)
		w.disk.StopAfter(at)
		if err := w.run(w.job(plain)); !errors.Is(err, storetest.ErrPower) {
			t.Fatalf("crash at operation %d: %v", at, err)
		}
		w.disk.Restart()
	}
	var first []int64 // batch planned next, at each request
	w.kafka.Fault = func(op string) outputtest.Fault {
		if op == "commit" {
			first = append(first, w.history().NextBatch)
		}
		return f.fault(op)
	}
	old := len(w.events)
	w.generate(100)
	w.mustRun(w.job(published))
	if h := w.history(); len(first) < 3 || first[0] != 2 || first[1] != 2 || h.Last.Batch != 2 || h.LastRows["copies"] != 2 {
		t.Errorf("claimed when %v came next; %+v", first, h.LastRows)
	}
	want := 0
	for _, e := range w.events[old:] {
		if e.n >= 500 {
			want++
		}
	}
	if got := w.kafka.Values("copies"); len(got) != want || w.reports[0].BatchID != 1 || !w.reports[0].Rerun {
		t.Errorf("%d records, want %d", len(got), want)
	}
}
