package batch

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/parquet/file"

	"github.com/millrace/millrace/dstream"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/store/storetest"
	"github.com/millrace/millrace/offsets"
	"github.com/millrace/millrace/output"
	"github.com/millrace/millrace/windows"
)

// doneQuery is a job with done markers, partitioned by minute, and what it means for a minute to be over.
type doneQuery struct {
	simQuery
	// over reports whether no on-time row of a minute that ends at end can come any more, at the watermark w, both in ms. events
	// are those of an ad.
	over func(end, w int64, events []simEvent) bool
	// raw rows are written although they are late.
	raw bool
}

func minuteOf(time string) dstream.Expr {
	return dstream.Fn("date_trunc", dstream.Str("minute"), col(time)).As("minute")
}

// changing makes the results of a query change.
func (q doneQuery) changing(e windows.Emission) doneQuery {
	q.emit = e
	return q
}

func countBy(w dstream.WindowSpec) func(g *dstream.Graph) *dstream.Stream {
	return func(g *dstream.Graph) *dstream.Stream {
		return g.From("events").Window(w).GroupBy(col("ad"), col("window_start"), col("window_end")).
			Agg(dstream.Count().As("views")).Select(col("ad"), col("window_start"), col("window_end"), col("views"))
	}
}

func doneJob(name string, stream func(*dstream.Graph) *dstream.Stream, partitions ...dstream.Expr) simQuery {
	return simQuery{name: "done " + name, stream: stream, partitions: partitions}
}

const doneGap = 3000 // of sessions, ms

// doneQueries: a row of each kind of time.
var doneQueries = []doneQuery{
	{simQuery: doneJob("raw", func(g *dstream.Graph) *dstream.Stream {
		return g.From("events").Select(col("ad"), col("kind"), col("ts"))
	},
		minuteOf("ts"), dstream.Col("kind")), raw: true,
		over: func(end, w int64, _ []simEvent) bool { return w >= end }},
	{simQuery: doneJob("tumbling", countBy(dstream.Tumbling("ts", 10*time.Second, 0)), minuteOf("window_start")),
		over: func(end, w int64, _ []simEvent) bool { return w >= end }},
	{simQuery: doneJob("tumbling, offset", countBy(dstream.Tumbling("ts", 10*time.Second, 3*time.Second)), dstream.Col("ad"), minuteOf("window_start")),
		over: func(end, w int64, _ []simEvent) bool { return w >= end+3000 }}, // the last begins at second 53
	{simQuery: doneJob("tumbling, by end", countBy(dstream.Tumbling("ts", 10*time.Second, 3*time.Second)), minuteOf("window_end")),
		over: func(end, w int64, _ []simEvent) bool { return w >= end-7000 }}, // the last ends at second 53
	{simQuery: doneJob("sliding", countBy(dstream.Sliding("ts", 20*time.Second, 10*time.Second, 0)), minuteOf("window_start")),
		over: func(end, w int64, _ []simEvent) bool { return w >= end+10_000 }}, // the last begins at second 50
	{simQuery: doneJob("sliding, by end", countBy(dstream.Sliding("ts", 25*time.Second, 10*time.Second, 0)), minuteOf("window_end")),
		over: func(end, w int64, _ []simEvent) bool { return w >= end-5000 }}, // the last ends at second 55
	{simQuery: doneJob("cumulative", countBy(dstream.Cumulative("ts", 30*time.Second, 10*time.Second, 0)), minuteOf("window_start")),
		over: func(end, w int64, _ []simEvent) bool { return w >= end }},
	{simQuery: doneJob("cumulative, by end", countBy(dstream.Cumulative("ts", 30*time.Second, 10*time.Second, 0)), minuteOf("window_end")),
		over: func(end, w int64, _ []simEvent) bool { return w >= end }},
	{simQuery: doneJob("sessions", countBy(dstream.Session("ts", doneGap*time.Millisecond)), minuteOf("window_start")),
		over: func(end, w int64, events []simEvent) bool {
			over := w >= end
			for _, s := range sessionsOf(events) {
				over = over && (s[0] >= end || s[1] < w)
			}
			return over
		}},
	doneQuery{simQuery: doneJob("changes", countBy(dstream.Tumbling("ts", 10*time.Second, 0)), minuteOf("window_start")),
		over: func(end, w int64, _ []simEvent) bool { return w >= end+20_000 }}.changing(windows.Emission{Changelog: true, Lateness: 20_000_000}),
	doneQuery{simQuery: doneJob("early changes", countBy(dstream.Tumbling("ts", 10*time.Second, 0)), minuteOf("window_end")),
		over: func(end, w int64, _ []simEvent) bool { return w >= end-5000 }}.changing(windows.Emission{Changelog: true, Early: true, Lateness: 5_000_000}), // the last ends at second 50
	doneQuery{simQuery: doneJob("sessions that change", countBy(dstream.Session("ts", doneGap*time.Millisecond)), minuteOf("window_start")),
		over: func(end, w int64, events []simEvent) bool {
			over := w-10_000 >= end
			for _, s := range sessionsOf(events) {
				over = over && (s[0] >= end || s[1] < w-10_000)
			}
			return over
		}}.changing(windows.Emission{Changelog: true, Lateness: 10_000_000}),
	{simQuery: doneJob("sessions, by end", countBy(dstream.Session("ts", doneGap*time.Millisecond)), minuteOf("window_end")),
		over: func(end, w int64, _ []simEvent) bool { return w >= end }},
}

// sessionsOf are start and end of the sessions of all ads.
func sessionsOf(events []simEvent) (out [][2]int64) {
	byAd := map[string][]int64{}
	for _, e := range events {
		byAd[e.ad] = append(byAd[e.ad], e.ms)
	}
	for _, times := range byAd {
		slices.Sort(times)
		for i, t := range times {
			if i == 0 || t > times[i-1]+doneGap {
				out = append(out, [2]int64{t, 0})
			}
			out[len(out)-1][1] = t + doneGap
		}
	}
	return out
}

// marking has the sinks of a job leave done markers.
func (w *world) marking(j *Job) {
	for i := range j.Sinks {
		k := &j.Plan.Sinks[i]
		done, err := j.Plan.Done(k.Name)
		if err != nil {
			w.t.Fatalf("done markers: %v", err)
		}
		j.Sinks[i].Done = done
		j.Sinks[i].Open = func(ctx context.Context, o output.Opening) (output.Sink, error) {
			return output.OpenParquet(ctx, output.ParquetConfig{Sink: k.Name, Store: &store.Local{Root: simOutput, FS: w.fs}, Root: simOutput,
				Layout: layoutOf(k), Owner: o.Owner, Written: o.Written, Compression: "none", Done: done.Dirs})
		}
	}
}

func (w *world) doneJob(q doneQuery, change ...func(*Job)) *Job {
	return w.job(q.simQuery, append([]func(*Job){w.marking}, change...)...)
}

// runDone is a life of a driver of the job, with whatever number of shards.
func (w *world) runDone(q doneQuery, change ...func(*Job)) error {
	job := func() *Job { return w.doneJob(q, append([]func(*Job){rowsMax(60)}, change...)...) }
	return w.run(job(), func(o *Options) { o.Resolve = func([]byte) (*Job, error) { return job(), nil } })
}

// minutes appends n events in three partitions, in which time goes on by half a second each; one of late is late by up to
// three minutes, if late is not 0.
func (w *world) minutes(n, late int) {
	at := simStart.UnixMilli() + int64(len(w.events))*500
	for i := range n {
		back := w.rng.Int64N(simDisorder / 1000)
		if late > 0 && w.rng.IntN(late) == 0 {
			back = w.rng.Int64N(180_000)
		}
		w.append(simEvent{partition: int32(w.rng.IntN(3)), ms: at + int64(i)*500 - back, ad: fmt.Sprintf("a%d", w.rng.IntN(5)),
			kind: []string{"view", "click"}[w.rng.IntN(2)], n: w.rng.Int64N(1000)})
	}
}

// watermark is that of the source in ms when so much of each partition was read, worked out from the events; false: none.
func (w *world) watermark(read map[int32]int64) (int64, bool) {
	most := map[int32]int64{}
	for _, e := range w.events {
		if e.at < read[e.partition] {
			most[e.partition] = max(most[e.partition], e.ms)
		}
	}
	least := int64(1) << 62
	for p := range int32(3) {
		if most[p] == 0 {
			return 0, false
		}
		least = min(least, most[p])
	}
	return least - simDisorder/1000, true
}

// doneReader is somebody who looks at the output behind every single change of the disk. He knows names of files and
// directories, the rows in files, and what the events of the world are; nothing of the program.
type doneReader struct {
	store.FS
	w       *world
	q       doneQuery
	seen    map[string]bool
	success map[string][]byte // by directory: the content, for ever

	markers, late, after int
}

func (w *world) watch(q doneQuery) *doneReader {
	r := &doneReader{FS: w.disk, w: w, q: q, seen: map[string]bool{}, success: map[string][]byte{}}
	w.fs = r
	return r
}

// reboot looks at what a crash has left.
func (r *doneReader) reboot() {
	r.FS, r.w.fs = r.w.disk, r
	for name := range r.seen {
		if _, err := r.w.disk.ReadFile(name); err != nil {
			delete(r.seen, name)
		}
	}
}

// Link is how all files get their names.
func (r *doneReader) Link(from, to string) error {
	err := r.FS.Link(from, to)
	data, missing := r.w.disk.ReadFile(to)
	if missing != nil || r.seen[to] || !strings.HasPrefix(to, simOutput+"/minute=") && !strings.HasPrefix(to, simOutput+"/ad=") {
		return err
	}
	r.seen[to] = true
	switch base := path.Base(to); {
	case base == "_SUCCESS":
		r.complete(path.Dir(to), data)
	case strings.HasPrefix(base, "_LATE-"):
		r.late++
		r.wantMarker(to, data, r.ofBatch(path.Dir(to), func(b int64) bool { return b == number(base[len("_LATE-"):]) }))
	case strings.HasSuffix(base, ".parquet"):
		r.file(to, data)
	}
	return err
}

func number(digits string) int64 {
	n, _ := strconv.ParseInt(digits, 10, 64)
	return n
}

// batchOf is the batch in a file's name.
func batchOf(name string) int64 {
	_, rest, _ := strings.Cut(path.Base(name), "-b")
	digits, _, _ := strings.Cut(rest, "-")
	return number(digits)
}

// ofBatch are the files in a directory, of some batches.
func (r *doneReader) ofBatch(dir string, batch func(int64) bool) map[string][]byte {
	out := map[string][]byte{}
	for name, data := range r.w.files() {
		if full := simOutput + "/" + name; strings.HasPrefix(full, dir+"/") && batch(batchOf(name)) {
			out[full] = data
		}
	}
	return out
}

// complete looks at a new _SUCCESS: it must be about all that is there, and be the same for ever.
func (r *doneReader) complete(dir string, data []byte) {
	r.markers++
	if old, known := r.success[dir]; known {
		if !bytes.Equal(old, data) {
			r.w.t.Fatalf("%s/_SUCCESS is %s and was %s", dir, data, old)
		}
		return
	}
	r.success[dir] = data
	r.wantMarker(dir+"/_SUCCESS", data, r.ofBatch(dir, func(int64) bool { return true }))
}

// wantMarker compares a marker with the files that it is about.
func (r *doneReader) wantMarker(name string, data []byte, files map[string][]byte) {
	r.w.t.Helper()
	var m struct {
		Rows, Files int64
		Job         string
		First       int64  `json:"first_batch"`
		Last        int64  `json:"last_batch"`
		Watermark   string `json:"watermark"`
	}
	if err := json.Unmarshal(data, &m); err != nil {
		r.w.t.Fatalf("%s: %v in %s", name, err, data)
	}
	rows, first, last := int64(0), int64(1)<<62, int64(0)
	for full, content := range files {
		rows += int64(len(r.rows(full, content)))
		first, last = min(first, batchOf(full)), max(last, batchOf(full))
	}
	if m.Rows != rows || m.Files != int64(len(files)) || m.First != first || m.Last != last || m.Job != "sim" || m.Watermark == "" {
		r.w.t.Fatalf("%s says %s; there are %d rows in %d files of batches %d to %d", name, data, rows, len(files), first, last)
	}
}

func (r *doneReader) rows(full string, data []byte) []simRow {
	rows, err := parquetRows(strings.TrimPrefix(full, simOutput+"/"), data)
	if err != nil {
		r.w.t.Fatal(err)
	}
	return rows
}

// file looks at a new data file: where there is a _SUCCESS already, its rows are late.
func (r *doneReader) file(full string, data []byte) {
	for dir := path.Dir(full); dir != simOutput; dir = path.Dir(dir) {
		if r.success[dir] == nil {
			continue
		}
		r.after++
		w, known := r.w.watermark(r.rangesOf(full, data))
		for _, row := range r.rows(full, data) {
			if !r.q.raw || !known || row.int(r.w.t, "ts")/1000 >= w {
				r.w.t.Fatalf("%s came behind %s/_SUCCESS with the row %s, watermark %d", full, dir, row.text, w)
			}
		}
	}
}

// rangesOf is how much of each partition was read before the batch of a file, by its footer.
func (r *doneReader) rangesOf(full string, data []byte) map[int32]int64 {
	f, err := file.NewParquetReader(bytes.NewReader(data))
	if err != nil {
		r.w.t.Fatal(err)
	}
	text := f.MetaData().KeyValueMetadata().FindValue("millrace.ranges")
	var ranges []offsets.Range
	if err := json.Unmarshal([]byte(*text), &ranges); err != nil {
		r.w.t.Fatalf("%s: %v", full, err)
	}
	out := map[int32]int64{}
	for _, x := range ranges {
		out[x.Partition] = x.From
	}
	return out
}

// dirs are the directories of minutes with data files, and their ends in ms.
func (r *doneReader) dirs() map[string]int64 {
	out := map[string]int64{}
	for name := range r.w.files() {
		levels := strings.Split(path.Dir(name), "/")
		i := slices.IndexFunc(levels, func(l string) bool { return strings.HasPrefix(l, "minute=") })
		text := strings.ReplaceAll(strings.TrimPrefix(levels[i], "minute="), "%3A", ":")
		start, err := time.Parse(time.DateTime, text)
		if err != nil {
			r.w.t.Fatal(err)
		}
		out[simOutput+"/"+strings.Join(levels[:i+1], "/")] = start.UnixMilli() + 60_000
	}
	return out
}

// settled checks, when all records were read, that exactly the minutes that are over have a marker, and that what came
// behind one is marked as late, batch by batch.
func (r *doneReader) settled(what string, flushed bool) (open int) {
	r.w.t.Helper()
	w, _ := r.w.watermark(map[int32]int64{0: 1 << 40, 1: 1 << 40, 2: 1 << 40})
	for dir, end := range r.dirs() {
		data, err := r.w.disk.ReadFile(dir + "/_SUCCESS")
		if over := flushed || r.q.over(end, w, r.w.events); over != (err == nil) {
			r.w.t.Fatalf("%s: watermark %s; is %s over? %v; its _SUCCESS: %v", what, time.UnixMilli(w).UTC().Format(time.TimeOnly), dir, over, err)
		}
		if err != nil {
			open++
			continue
		}
		if !bytes.Equal(data, r.success[dir]) {
			r.w.t.Fatalf("%s: %s/_SUCCESS is %s, it was %s", what, dir, data, r.success[dir])
		}
		var m struct {
			Batch int64 `json:"batch"`
		}
		if err := json.Unmarshal(data, &m); err != nil {
			r.w.t.Fatal(err)
		}
		for full := range r.ofBatch(dir, func(b int64) bool { return b > m.Batch }) {
			if _, err := r.w.disk.ReadFile(fmt.Sprintf("%s/_LATE-%012d", dir, batchOf(full))); err != nil {
				r.w.t.Fatalf("%s: %s is late and has no marker: %v", what, full, err)
			}
		}
	}
	for sink, open2 := range r.w.history().Partitions {
		if len(open2) != open {
			r.w.t.Fatalf("%s: %d minutes of %s are open, the log knows of %v", what, open, sink, open2)
		}
	}
	return open
}

// TestDoneMarkers runs each query over records in time, and over late ones too where they are written, batch by batch.
func TestDoneMarkers(t *testing.T) {
	t.Parallel()
	for _, q := range doneQueries {
		for _, late := range []int{0, 5} {
			if late > 0 && strings.HasPrefix(q.name, "done sessions") {
				continue // a late row that joins a live session moves its start: TestDoneSessionThatGrowsBack
			}
			w := newWorld(t, simSeed(t))
			w.source.Create(simTopic, 3)
			r := w.watch(q)
			open := 0
			for round := range 6 {
				w.minutes(100, late)
				if err := w.runDone(q, shards(1+round%3)); err != nil {
					t.Fatalf("%s: %v", q.name, err)
				}
				open += r.settled(fmt.Sprintf("%s, round %d", q.name, round), false)
			}
			if err := w.runDone(q, flushing); err != nil {
				t.Fatalf("%s: %v", q.name, err)
			}
			r.settled(q.name+", flushed", true)
			if r.markers == 0 || open == 0 || (late > 0 && q.raw) != (r.late > 0) {
				t.Errorf("%s: nothing was seen of something: %+v, %d open", q.name, r, open)
			}
			t.Logf("%s, late %d: %d markers, %d of late rows, %d files behind a marker, %d looks at open minutes", q.name, late, r.markers, r.late, r.after, open)
		}
	}
}

// TestDoneCrashes does so through lives that end at every change of the disk in turn.
func TestDoneCrashes(t *testing.T) {
	seed := simSeed(t)
	for _, q := range doneQueries {
		t.Run(strings.ReplaceAll(q.name, " ", "_"), func(t *testing.T) {
			t.Parallel()
			markers, late, crashes := 0, 0, 0
			for i := range simLong(6) {
				w := newWorld(t, seed+uint64(i)<<16)
				w.source.Create(simTopic, 3)
				w.minutes(300, map[bool]int{true: 6}[q.raw])
				r := w.watch(q)
				at := 1 + i*11%400
				for crash := 0; ; crash++ {
					if crash < 5 {
						w.disk.StopAfter(at)
					}
					err := w.runDone(q, shards(1+w.rng.IntN(3)))
					if err == nil {
						break
					}
					if !errors.Is(err, storetest.ErrPower) {
						t.Fatalf("schedule %d, crash %d at operation %d: %v", i, crash, at, err)
					}
					crashes++
					if w.rng.IntN(2) == 0 {
						w.disk.Restart()
					} else {
						w.disk = w.disk.Crash(w.rng.Uint64())
					}
					r.reboot()
					at = 1 + w.rng.IntN(200)
				}
				w.disk.Restart()
				r.settled(fmt.Sprintf("schedule %d", i), false)
				markers, late = markers+r.markers, late+r.late
			}
			t.Logf("%d crashes, %d markers, %d of late rows", crashes, markers, late)
			if markers == 0 || crashes == 0 || q.raw != (late > 0) {
				t.Errorf("the schedules miss something")
			}
		})
	}
}
