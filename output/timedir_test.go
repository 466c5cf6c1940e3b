package output

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/columnar"
)

// keysOf binds partition expressions over one timestamp t, in a session of a zone.
func keysOf(t *testing.T, zone string, exprs ...func(columnar.Session, *columnar.Expr) (*columnar.Expr, error)) (TimeDirs, []*columnar.Program, *columnar.Schema) {
	t.Helper()
	schema := columnar.NewSchema(columnar.Field{Name: "t", Type: columnar.Type{Kind: columnar.Timestamp}})
	out := TimeDirs{}
	var programs []*columnar.Program
	for _, bind := range exprs {
		e, err := bind(columnar.Session{Zone: zone}, columnar.Col(schema, 0))
		if err != nil {
			t.Fatal(err)
		}
		key, ok := columnar.TimeKeyOf(e)
		if !ok {
			t.Fatalf("%s tells no time", e)
		}
		out.Keys, out.Zone = append(out.Keys, key), key.Zone
		p, err := columnar.Compile(e, schema)
		if err != nil {
			t.Fatal(err)
		}
		programs = append(programs, p)
	}
	return out, programs, schema
}

func call(name string) func(columnar.Session, *columnar.Expr) (*columnar.Expr, error) {
	return func(s columnar.Session, t *columnar.Expr) (*columnar.Expr, error) { return s.Call(name, t) }
}

func truncTo(unit string) func(columnar.Session, *columnar.Expr) (*columnar.Expr, error) {
	return func(s columnar.Session, t *columnar.Expr) (*columnar.Expr, error) {
		return s.Call("date_trunc", columnar.Const(columnar.Type{Kind: columnar.String}, columnar.Value{S: unit}), t)
	}
}

func castTo(kinds ...columnar.Kind) func(columnar.Session, *columnar.Expr) (*columnar.Expr, error) {
	return func(s columnar.Session, t *columnar.Expr) (*columnar.Expr, error) {
		for _, k := range kinds {
			var err error
			if t, err = s.Cast(t, columnar.Type{Kind: k}); err != nil {
				return nil, err
			}
		}
		return t, nil
	}
}

// TestTimeDirEnds computes the directories of every quarter of an hour around changes of clocks, by the expressions
// themselves, and compares: no time of a directory lies at or behind its end, and the end is that of the last time in it to a
// quarter of an hour, wherever clocks do not show the same time twice.
func TestTimeDirEnds(t *testing.T) {
	const step = 15 * microsPerMinute
	tight, all := 0, 0
	for _, zone := range []string{"", "America/Chicago", "Europe/Berlin", "America/Sao_Paulo", "America/St_Johns", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Apia"} {
		var rules *columnar.Zone
		if zone != "" {
			var err error
			if rules, err = columnar.LoadZone(zone); err != nil {
				t.Fatal(err)
			}
		}
		for _, test := range []struct {
			name  string
			exprs []func(columnar.Session, *columnar.Expr) (*columnar.Expr, error)
		}{
			{"date", []func(columnar.Session, *columnar.Expr) (*columnar.Expr, error){call("date")}},
			{"cast", []func(columnar.Session, *columnar.Expr) (*columnar.Expr, error){castTo(columnar.Date, columnar.String)}},
			{"date, hour", []func(columnar.Session, *columnar.Expr) (*columnar.Expr, error){call("date"), call("hour")}},
			{"hour, date", []func(columnar.Session, *columnar.Expr) (*columnar.Expr, error){call("hour"), call("date")}},
			{"year, month, day", []func(columnar.Session, *columnar.Expr) (*columnar.Expr, error){call("year"), call("month"), call("day")}},
			{"year, month", []func(columnar.Session, *columnar.Expr) (*columnar.Expr, error){call("year"), call("month")}},
			{"year, quarter", []func(columnar.Session, *columnar.Expr) (*columnar.Expr, error){call("year"), call("quarter")}},
			{"year", []func(columnar.Session, *columnar.Expr) (*columnar.Expr, error){call("year")}},
			{"date, hour, minute", []func(columnar.Session, *columnar.Expr) (*columnar.Expr, error){call("date"), call("hour"), call("minute")}},
			{"trunc hour", []func(columnar.Session, *columnar.Expr) (*columnar.Expr, error){truncTo("hour")}},
			{"trunc day", []func(columnar.Session, *columnar.Expr) (*columnar.Expr, error){truncTo("day")}},
			{"trunc day, hour", []func(columnar.Session, *columnar.Expr) (*columnar.Expr, error){truncTo("day"), call("hour")}},
			{"trunc week", []func(columnar.Session, *columnar.Expr) (*columnar.Expr, error){truncTo("week")}},
			{"trunc month", []func(columnar.Session, *columnar.Expr) (*columnar.Expr, error){truncTo("month")}},
			{"trunc quarter", []func(columnar.Session, *columnar.Expr) (*columnar.Expr, error){truncTo("quarter")}},
			{"the time", []func(columnar.Session, *columnar.Expr) (*columnar.Expr, error){castTo()}},
		} {
			dirs, programs, schema := keysOf(t, zone, test.exprs...)
			if d := dirs.Depths(); len(d) == 0 || d[len(d)-1] != len(test.exprs) {
				t.Fatalf("%s in %q: depths %v", test.name, zone, d)
			}
			for _, around := range []string{"2001-04-01", "2001-10-28", "2026-11-22", "2010-03-14", "2010-11-07", "2018-11-04", "2018-02-18", "2011-12-30", "1969-12-31", "2024-02-29"} {
				from, err := time.Parse(time.DateOnly, around)
				if err != nil {
					t.Fatal(err)
				}
				var times []int64
				for at := from.UnixMicro() - 2*microsPerDay; at < from.UnixMicro()+2*microsPerDay; at += step {
					times = append(times, at)
				}
				paths := pathsOf(t, programs, schema, times)
				last := map[string]int64{}
				for i, p := range paths {
					end := dirs.End(p, rules)
					if times[i] >= end {
						t.Fatalf("%s in %q: %s lies in %s, which is said to end at %s", test.name, zone, stamp(times[i]), p, stamp(end))
					}
					last[p] = times[i]
				}
				final := paths[len(paths)-1]
				for p, at := range last {
					if end := dirs.End(p, rules); p != final && end != NeverEnds {
						all++
						if end <= at+step {
							tight++
						}
					}
				}
			}
		}
	}
	t.Logf("%d of %d ends are exact to a quarter of an hour", tight, all)
	if tight < all*97/100 { // of an hour that comes twice by its number the first of two directories' times is over early
		t.Errorf("ends are later than they need to be")
	}
}

func stamp(us int64) string { return time.UnixMicro(us).UTC().Format(time.RFC3339) }

// pathsOf are the directories that times lie in.
func pathsOf(t *testing.T, programs []*columnar.Program, schema *columnar.Schema, times []int64) []string {
	t.Helper()
	b := &columnar.Batch{Schema: schema, Rows: len(times), Cols: []*columnar.Vector{{Type: schema.Fields[0].Type, N: len(times), I64: times}}}
	out := make([]string, len(times))
	for level, p := range programs {
		v, err := p.Eval(b)
		if err != nil {
			t.Fatal(err)
		}
		for i := range out {
			text := ""
			switch {
			case v.Type.Kind == columnar.String:
				text = string(v.Str(i))
			case v.I32 != nil:
				text = intText(v.Type.Kind, int64(v.I32[i]))
			default:
				text = intText(v.Type.Kind, v.I64[i])
			}
			name, err := dirName("s", fmt.Sprint("p", level), text)
			if err != nil {
				t.Fatal(err)
			}
			out[i] = strings.TrimPrefix(out[i]+"/"+name, "/")
		}
	}
	return out
}

// TestTimeDirDepths: which levels narrow the time down, and which names tell no time.
func TestTimeDirDepths(t *testing.T) {
	day, part := columnar.TimeKey{Form: columnar.DayKey}, func(unit string) columnar.TimeKey { return columnar.TimeKey{Form: columnar.PartKey, Unit: unit} }
	start := func(unit string) columnar.TimeKey { return columnar.TimeKey{Form: columnar.StartKey, Unit: unit} }
	none := columnar.TimeKey{}
	for _, test := range []struct {
		keys []columnar.TimeKey
		want []int
	}{
		{nil, nil}, {[]columnar.TimeKey{none, none}, nil},
		{[]columnar.TimeKey{day}, []int{1}}, {[]columnar.TimeKey{none, day}, []int{2}}, {[]columnar.TimeKey{day, none}, []int{1}},
		{[]columnar.TimeKey{day, part("hour")}, []int{1, 2}}, {[]columnar.TimeKey{part("hour"), day}, []int{2}},
		{[]columnar.TimeKey{part("hour")}, nil}, {[]columnar.TimeKey{part("month"), part("day")}, nil}, {[]columnar.TimeKey{day, part("minute")}, []int{1}},
		{[]columnar.TimeKey{part("year"), none, part("month"), part("day"), part("hour")}, []int{1, 3, 4, 5}},
		{[]columnar.TimeKey{start("month"), day}, []int{1, 2}}, {[]columnar.TimeKey{start("month"), part("hour")}, []int{1}},
	} {
		if got := (TimeDirs{Keys: test.keys}).Depths(); !slices.Equal(got, test.want) {
			t.Errorf("%+v: %v, want %v", test.keys, got, test.want)
		}
	}
	for _, dir := range []string{"dt=__HIVE_DEFAULT_PARTITION__", "dt=x", "dt=2026-13-01", "dt="} {
		if end := (TimeDirs{Keys: []columnar.TimeKey{day}}).End(dir, nil); end != math.MaxInt64 {
			t.Errorf("%s ends at %s", dir, stamp(end))
		}
	}
	if end := (TimeDirs{Keys: []columnar.TimeKey{part("year")}}).End("y=99999999", nil); end != math.MaxInt64 {
		t.Errorf("the year 99999999 ends at %d", end)
	}
}
