package integration

import (
	"cmp"
	"encoding/csv"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millrace/millrace/batch"
	"github.com/millrace/millrace/integration/duckdbtest"
	"github.com/millrace/millrace/integration/kafkatest"
	"github.com/millrace/millrace/windows"
)

const partitionsOfFlights = 3

// A straggler comes so much later than it should that every window and session near it is closed. None is of the last days,
// behind which the watermark would not come so far.
const (
	flightDisorder = 30 * time.Minute
	stragglerOneIn = 200
	stragglerAfter = 40 * time.Hour
	stragglerMost  = 60 * time.Hour
)

// timedFlight is a flight at its place in the topic.
type timedFlight struct {
	Date        int64  `parquet:"date,optional"` // µs since the epoch
	Delay       int64  `parquet:"delay,optional"`
	Origin      string `parquet:"origin,optional"`
	Destination string `parquet:"destination,optional"`

	arrival   int64 // µs: the order of the topic
	partition int32
	offset    int64
}

type timedFlights struct {
	rows       []timedFlight // in the order of their arrival
	stragglers int
}

// shuffledFlights reads the flights of some days and moves them. None arrives more than the disorder behind the latest one
// before it, but for the stragglers.
func shuffledFlights(t *testing.T, path string, from, to time.Time, shiftDays int) *timedFlights {
	t.Helper()
	const seed = 2001
	r := rand.New(rand.NewPCG(seed, uint64(shiftDays)))
	f := &timedFlights{}
	for _, row := range readFlights(t, path, from.UnixMicro(), to.UnixMicro()) {
		row.Date += int64(shiftDays) * 24 * time.Hour.Microseconds()
		row.arrival, row.partition = row.Date+r.Int64N(flightDisorder.Microseconds()), r.Int32N(partitionsOfFlights)
		if r.IntN(stragglerOneIn) == 0 && row.arrival+stragglerMost.Microseconds() < to.AddDate(0, 0, shiftDays).UnixMicro() {
			row.arrival += (stragglerAfter + time.Duration(r.Int64N(int64(stragglerMost-stragglerAfter)))).Microseconds()
			f.stragglers++
		}
		f.rows = append(f.rows, row)
	}
	slices.SortStableFunc(f.rows, func(a, b timedFlight) int { return cmp.Compare(a.arrival, b.arrival) })
	var next [partitionsOfFlights]int64
	for i := range f.rows {
		row := &f.rows[i]
		row.offset = next[row.partition]
		next[row.partition]++
	}
	t.Logf("seed %d", seed)
	return f
}

func readFlights(t *testing.T, path string, from, to int64) []timedFlight {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	r := parquet.NewGenericReader[timedFlight](file)
	defer r.Close()
	var all []timedFlight
	for rows := make([]timedFlight, 4096); ; {
		n, err := r.Read(rows)
		for _, row := range rows[:n] {
			if row.Date >= from && row.Date < to {
				all = append(all, row)
			}
		}
		if err == io.EOF {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func (f *timedFlights) produce(t *testing.T, b *kafkatest.Broker, topic string) {
	t.Helper()
	w := b.Client(t, kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerLinger(5*time.Millisecond))
	var all []*kgo.Record
	for _, row := range f.rows {
		value := fmt.Appendf(nil, `{"date":%d,"delay":%d,"origin":%q,"destination":%q}`, row.Date/1000, row.Delay, row.Origin, row.Destination)
		all = append(all, &kgo.Record{Topic: topic, Partition: row.partition, Value: value})
	}
	for _, result := range w.ProduceSync(t.Context(), all...) {
		if result.Err != nil {
			t.Fatal(result.Err)
		}
	}
	for i, row := range f.rows {
		if all[i].Offset != row.offset {
			t.Fatalf("flight %d is at offset %d of partition %d, not %d", i, all[i].Offset, row.partition, row.offset)
		}
	}
}

// place is where a flight stands in the topic.
type place struct {
	partition int32
	offset    int64
}

// lateFlights are the places of late rows, with the watermark that they missed, by operator.
type lateFlights struct{ days, routes map[place]int64 }

// checkLate computes which rows had to be late, from the plans and watermarks in the log, and compares the side output
// with them, row by row.
func (f *timedFlights) checkLate(t *testing.T, in *batch.Inspection, side string) lateFlights {
	t.Helper()
	byPlace := map[place]*timedFlight{}
	for i := range f.rows {
		byPlace[place{f.rows[i].partition, f.rows[i].offset}] = &f.rows[i]
	}
	got := f.readSide(t, side)
	want := lateFlights{map[place]int64{}, map[place]int64{}}
	sessions := liveSessions{}
	for _, b := range committedBatches(in) {
		rows := b.flights(byPlace)
		for _, row := range rows {
			w := b.before[got.daysName]
			if _, end := chicagoDay(row.Date); end <= w {
				want.days[place{row.partition, row.offset}] = w
			}
		}
		w := b.before[got.routesName]
		for _, row := range sessions.merge(rows, w) {
			want.routes[place{row.partition, row.offset}] = w
		}
		sessions.close(b.after[got.routesName])
	}
	got.compare(t, "days", got.days, want.days)
	got.compare(t, "routes", got.routes, want.routes)
	return want
}

// sideRows is what the side output holds.
type sideRows struct {
	lateFlights
	daysName, routesName string // of the operators
}

// readSide reads the late rows, and checks what each says of itself against the flight at its place.
func (f *timedFlights) readSide(t *testing.T, side string) sideRows {
	t.Helper()
	got := sideRows{lateFlights: lateFlights{map[place]int64{}, map[place]int64{}}}
	byPlace := map[place]timedFlight{}
	for _, row := range f.rows {
		byPlace[place{row.partition, row.offset}] = row
	}
	for _, r := range duckdbtest.Query(t, fmt.Sprintf(`
		SELECT _operator, _partition, _offset, epoch_us(_event_time), epoch_us(_watermark), coalesce(epoch_us(_window_start), 0),
		       coalesce(epoch_us(_window_end), 0), epoch_us(date), delay, origin, destination FROM read_parquet('%s/*.parquet')`, side)) {
		at := place{int32(number(t, r[1])), number(t, r[2])}
		row, start, end := byPlace[at], number(t, r[5]), number(t, r[6])
		if number(t, r[3]) != row.Date || number(t, r[7]) != row.Date || number(t, r[8]) != row.Delay || r[9] != row.Origin || r[10] != row.Destination {
			t.Fatalf("late row %v is no flight: %+v", r, row)
		}
		into, name := got.routes, &got.routesName
		if strings.HasPrefix(r[0], "tumble(") {
			into, name = got.days, &got.daysName
			if from, to := chicagoDay(row.Date); start != from || end != to {
				t.Fatalf("late row %v missed [%d, %d), want the day [%d, %d)", r, start, end, from, to)
			}
		}
		if *name == "" {
			*name = r[0]
		}
		if _, twice := into[at]; twice || *name != r[0] {
			t.Fatalf("late row %v came twice, or is of %s", r, *name)
		}
		into[at] = number(t, r[4])
	}
	return got
}

func number(t *testing.T, text string) int64 {
	t.Helper()
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func (s sideRows) compare(t *testing.T, what string, got, want map[place]int64) {
	t.Helper()
	missing, wrong := 0, 0
	for at, w := range want {
		if g, ok := got[at]; !ok {
			missing++
		} else if g != w {
			wrong++
		}
	}
	t.Logf("%s: %d rows late, by the log %d", what, len(got), len(want))
	if len(got) != len(want) || missing > 0 || wrong > 0 || len(got) < 50 {
		t.Errorf("%s: %d late rows, want %d: %d missing, %d with another watermark", what, len(got), len(want), missing, wrong)
	}
}

// loggedBatch is a batch with the watermarks of the operators around it.
type loggedBatch struct {
	plan          *batch.Planned
	before, after map[string]int64
}

func committedBatches(in *batch.Inspection) []loggedBatch {
	plans := map[int64]*batch.Planned{}
	before := map[string]int64{}
	var all []loggedBatch
	for _, e := range in.Entries {
		switch r := e.Record.(type) {
		case *batch.Planned:
			plans[r.Batch] = r
		case *batch.Committed:
			all = append(all, loggedBatch{plans[r.Batch], before, r.After.Operators})
			before = r.After.Operators
		}
	}
	if len(all) > 0 { // in front of the first batch no operator has a watermark
		all[0].before = map[string]int64{}
		for name := range all[0].after {
			all[0].before[name] = windows.NoWatermark
		}
	}
	return all
}

// flights are those in the ranges of the batch.
func (b loggedBatch) flights(byPlace map[place]*timedFlight) []timedFlight {
	var rows []timedFlight
	for _, r := range b.plan.Ranges {
		for o := r.From; o < r.Until; o++ {
			rows = append(rows, *byPlace[place{r.Partition, o}])
		}
	}
	return rows
}

// chicagoDay is the day in Chicago that an instant is in.
func chicagoDay(us int64) (start, end int64) {
	y, m, d := time.UnixMicro(us).In(chicago).Date()
	return time.Date(y, m, d, 0, 0, 0, 0, chicago).UnixMicro(), time.Date(y, m, d+1, 0, 0, 0, 0, chicago).UnixMicro()
}

var chicago = func() *time.Location {
	l, err := time.LoadLocation("America/Chicago")
	if err != nil {
		panic(err)
	}
	return l
}()

// liveSessions are the sessions by route.
type liveSessions map[string][][]timedFlight

const sessionGap = 3 * 3_600_000_000 // µs

// merge takes rows in, all at once, and returns those that are late.
func (s liveSessions) merge(rows []timedFlight, watermark int64) (late []timedFlight) {
	touched := map[string]bool{}
	for _, row := range rows {
		route := row.Origin + "-" + row.Destination
		s[route], touched[route] = append(s[route], []timedFlight{row}), true
	}
	for route := range touched {
		all := slices.Concat(s[route]...)
		slices.SortFunc(all, func(a, b timedFlight) int { return cmp.Compare(a.Date, b.Date) })
		var live [][]timedFlight
		for len(all) > 0 {
			n := 1
			for n < len(all) && all[n].Date-all[n-1].Date <= sessionGap {
				n++
			}
			if all[n-1].Date+sessionGap < watermark {
				late = append(late, all[:n]...)
			} else {
				live = append(live, all[:n:n])
			}
			all = all[n:]
		}
		s[route] = live
	}
	return late
}

// close drops the sessions that are over.
func (s liveSessions) close(watermark int64) {
	for route, all := range s {
		s[route] = slices.DeleteFunc(all, func(one []timedFlight) bool { return one[len(one)-1].Date+sessionGap < watermark })
	}
}

// table writes all flights but these to a file for DuckDB.
func (f *timedFlights) table(t *testing.T, but map[place]int64) string {
	t.Helper()
	dir := t.TempDir()
	text, to := filepath.Join(dir, "flights.csv"), filepath.Join(dir, "flights.parquet")
	file, err := os.Create(text)
	if err != nil {
		t.Fatal(err)
	}
	w := csv.NewWriter(file)
	_ = w.Write([]string{"us", "delay", "origin", "destination"}) // Error tells of it
	for _, row := range f.rows {
		if _, late := but[place{row.partition, row.offset}]; !late {
			_ = w.Write([]string{strconv.FormatInt(row.Date, 10), strconv.FormatInt(row.Delay, 10), row.Origin, row.Destination})
		}
	}
	w.Flush()
	if err := cmp.Or(w.Error(), file.Close()); err != nil {
		t.Fatal(err)
	}
	duckdbtest.Query(t, fmt.Sprintf(`COPY (SELECT make_timestamp(us) AS date, delay, origin, destination FROM read_csv(%s, header = true,
		types = {'us': 'BIGINT', 'delay': 'BIGINT'})) TO %s (FORMAT parquet); SELECT 1`, quote(text), quote(to)))
	return to
}
