package batch

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/windows"
)

// zoneAhead are rules by which a zone is always so many hours ahead of UTC.
func zoneAhead(t testing.TB, name string, hours int64) *columnar.Zone {
	t.Helper()
	tokyo, err := columnar.LoadZone("Asia/Tokyo")
	if err != nil {
		t.Fatal(err)
	}
	rules := tokyo.Encode()[:17] // version, one change, one offset
	for i := range 8 {
		rules[9+i] = byte(hours * 3600 * 1e6 >> (8 * i))
	}
	z, err := columnar.DecodeZone(name, rules)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// zoneRules makes drivers go by these rules of every zone.
func zoneRules(t testing.TB, hours int64) func(*Options) {
	return func(o *Options) {
		o.Env.LoadZone = func(name string) (*columnar.Zone, error) { return zoneAhead(t, name, hours), nil }
	}
}

// campaignsByZone has the table's rows depend on the rules of a zone.
func campaignsByZone(j *Job) {
	ads := j.Tables["ads"]
	decode := ads.Decode
	ads.Zones = []string{"Mars/Base"}
	ads.Decode = func(data []byte, env *columnar.Env) (*columnar.Batch, error) {
		z, err := env.Zone("Mars/Base")
		if err != nil {
			return nil, err
		}
		offset, _, _ := z.OffsetAt(0)
		rows := strings.ReplaceAll(string(data), ",c", fmt.Sprintf(",c%d-", offset/3_600_000_000))
		return decode([]byte(strings.Replace(rows, fmt.Sprintf(",c%d-ampaign", offset/3_600_000_000), ",campaign", 1)), env)
	}
	j.Tables["ads"] = ads
}

// TestZoneOfATable runs an open batch with the rules of its plan, and the next one with those of the program at hand.
func TestZoneOfATable(t *testing.T) {
	w := newWorld(t, simSeed(t))
	w.generate(150)
	err := w.run(w.job(windowed, rowsMax(60), campaignsByZone, hooked(&hooks{prepare: failAt(2)})), zoneRules(t, 1), alone)
	if !errors.Is(err, errNetwork) {
		t.Fatal(err)
	}
	first, rest := w.split(w.history().Open[0])
	w.mustRun(w.job(windowed, flushing, rowsMax(60), campaignsByZone), zoneRules(t, 2)) // an upgraded program
	var before, after int64
	for _, r := range w.rows() {
		switch {
		case strings.Contains(r.text, "campaign=c1-"):
			before += r.int(t, "views")
		case strings.Contains(r.text, "campaign=c2-"):
			after += r.int(t, "views")
		default:
			t.Errorf("a row by unknown rules: %s", r.text)
		}
	}
	if wantBefore, wantAfter := int64(countKind(first, "view")), int64(countKind(rest, "view")); before != wantBefore || after != wantAfter || after == 0 {
		t.Errorf("%d views by the old rules and %d by the new, want %d and %d", before, after, wantBefore, wantAfter)
	}
	if a, b, c := w.planned(1).Zones, w.planned(2).Zones, w.planned(3).Zones; a["Mars/Base"] != b["Mars/Base"] || a["Mars/Base"] == c["Mars/Base"] || len(c) != 1 {
		t.Errorf("rules by digest: %v, %v, %v", a, b, c)
	}
}

// TestZoneOfExpressions is TestZoneOfATable for expressions: of rows, of partitions, and behind a window.
func TestZoneOfExpressions(t *testing.T) {
	for _, how := range []func(*Options){cores(1), cores(2), throughBytes} {
		zoneOfExpressions(t, how)
	}
}

func zoneOfExpressions(t *testing.T, how func(*Options)) {
	w := newWorld(t, simSeed(t))
	w.generate(200)
	err := w.run(w.job(daily, rowsMax(60), hooked(&hooks{prepare: failAt(4)})), zoneRules(t, 1), how, alone) // two sinks: in the second batch
	if !errors.Is(err, errNetwork) || len(w.history().Open) != 1 || w.history().Open[0].Batch != 2 {
		t.Fatalf("error %v, open %v", err, w.history().Open)
	}
	w.mustRun(w.job(daily, flushing, rowsMax(60)), zoneRules(t, 7), how)
	seen := map[string]bool{}
	for name, data := range w.files() {
		sink, file, _ := strings.Cut(name, "/")
		var batch int64
		if _, err := fmt.Sscanf(path.Base(file), "sim-b%d-", &batch); err != nil {
			t.Fatal(err)
		}
		hour := int64(simStart.Hour() + 7)
		if batch <= 2 {
			hour = int64(simStart.Hour() + 1)
		}
		if sink != "rows" {
			continue
		}
		rows, err := parquetRows(name, data)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range rows {
			// Some events are from the last seconds of the hour before.
			if got, dir := r.int(t, "hour"), r.int(t, "h"); got != dir || got != hour && got != hour-1 {
				t.Errorf("batch %d: hour %d in the row, %d in the directory, want %d", batch, got, dir, hour)
			}
			seen[fmt.Sprint(batch <= 2)] = true
		}
	}
	if len(seen) != 2 {
		t.Errorf("rows by old and new rules: %v", seen)
	}
}

// TestUnknownZone plans nothing by rules that are not there.
func TestUnknownZone(t *testing.T) {
	w := newWorld(t, simSeed(t))
	w.generate(50)
	err := w.run(w.job(windowed, campaignsByZone))
	wantText(t, err, `unknown time zone "Mars/Base"`)
	if h := w.history(); h.NextBatch != 1 {
		t.Errorf("batch %d was planned", h.NextBatch-1)
	}
}

// textsByZone has the event times of the source follow the rules of a zone where they are texts without one.
func textsByZone(j *Job) {
	j.Plan.Sources[0].Zone, j.Plan.Zones = "Mars/Base", []string{"Mars/Base"}
}

// TestZoneOfTexts decodes an open batch again with the rules of its plan, and the next one with those at hand.
func TestZoneOfTexts(t *testing.T) {
	w := newWorld(t, simSeed(t))
	record := []byte(`{"ad":"a0","kind":"view","n":900,"price":1,"ts":"2026-11-22T10:00:00"}`)
	w.appendRaw(0, record)
	err := w.run(w.job(stateless, textsByZone, hooked(&hooks{prepare: failAt(1)})), zoneRules(t, 1))
	if !errors.Is(err, errNetwork) {
		t.Fatal(err)
	}
	w.appendRaw(0, record)
	w.mustRun(w.job(stateless, textsByZone), zoneRules(t, 2)) // an upgraded program
	var got []int64
	for _, r := range w.rows() {
		got = append(got, r.int(t, "ts"))
	}
	slices.Sort(got)
	ten := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC).UnixMicro()
	const hour = int64(time.Hour / time.Microsecond)
	if want := []int64{ten - 2*hour, ten - hour}; !slices.Equal(got, want) {
		t.Errorf("event times %v, want %v", got, want)
	}
}

// TestSnapshotOfAChangingDay: results that came out before a snapshot do not come out again behind a restart, with the rules of
// any zone.
func TestSnapshotOfAChangingDay(t *testing.T) {
	for _, every := range []int{1, 2, 100} {
		days := daysIn("Asia/Tokyo")
		days.emit = windows.Emission{Changelog: true, Lateness: (48 * time.Hour).Microseconds()}
		w := newWorld(t, simSeed(t))
		for i, hour := range []int{10, 34, 12, 36} { // the third is late, and allowed
			w.append(simEvent{ms: time.Date(2026, 11, 20, hour, 0, 0, 0, time.UTC).UnixMilli(), ad: "a0", kind: "view", n: 1 << i})
			w.mustRun(w.job(days, bounds(windows.Bounds{MaxFuture: -1})), zoneRules(t, 0), func(o *Options) { o.snapshotEvery = every })
		}
		var got []string
		for _, c := range w.changes() {
			got = append(got, fmt.Sprintf("%s %d", c.op, c.row.int(t, "n")))
		}
		if want := []string{"insert 1", "update_before 1", "update_after 5"}; !slices.Equal(got, want) {
			t.Errorf("a snapshot every %d: %q, want %q", every, got, want)
		}
	}
}

// TestNewRulesUnderAChangelog: rules that would move a day which came out, and may still change, are refused, whatever is left of the
// log; rules that differ elsewhere are not. The job goes on with the old ones.
func TestNewRulesUnderAChangelog(t *testing.T) {
	for _, every := range []int{1, 2, 100} {
		days := daysIn("Asia/Tokyo")
		days.emit = windows.Emission{Changelog: true, Lateness: (48 * time.Hour).Microseconds()}
		w := newWorld(t, simSeed(t))
		run := func(hours int64, hour int) error {
			w.append(simEvent{ms: time.Date(2026, 11, 20, hour, 0, 0, 0, time.UTC).UnixMilli(), ad: "a0", kind: "view", n: 1})
			return w.run(w.job(days, bounds(windows.Bounds{MaxFuture: -1})), zoneRules(t, hours), func(o *Options) { o.snapshotEvery = every })
		}
		for _, hour := range []int{10, 34} {
			if err := run(0, hour); err != nil {
				t.Fatal(err)
			}
		}
		n := w.records()
		wantError[*RefusedError](t, run(-12, 12), "other rules of the time zone Asia/Tokyo", "was [2026-11-18T00:00:00Z, 2026-11-19T00:00:00Z) and would be [2026-11-18T12:00:00Z, 2026-11-19T12:00:00Z)", "--flush-windows")
		if got := w.records(); got > n+1 { // Opened
			t.Errorf("a snapshot every %d: %d records of a run that was refused", every, got-n)
		}
		if err := run(0, 36); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, c := range w.changes() {
			got = append(got, fmt.Sprintf("%s %d", c.op, c.row.int(t, "n")))
		}
		if want := []string{"insert 1", "update_before 1", "update_after 2"}; !slices.Equal(got, want) {
			t.Errorf("a snapshot every %d: %q, want %q", every, got, want)
		}
	}
}
