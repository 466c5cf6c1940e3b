package offsets

import (
	"math"
	"strings"
	"testing"
	"time"
)

// step is one batch as Spark's estimator takes it: times in milliseconds. want is its answer, −1 for none.
type step struct {
	at, n, took, late int64
	want              float64
}

// TestPIDVectors has the numbers that PIDRateEstimator of Spark 3.5 gives, worked out by hand from its rule
//
//	rate' = max(min_rate, rate − Kp·(rate − processed) − Ki·late·processed/interval − Kd·Δerror/Δt)
func TestPIDVectors(t *testing.T) {
	for _, test := range []struct {
		name     string
		interval time.Duration
		gains    Gains
		steps    []step
	}{
		{"step down by ten, and up again", time.Second, DefaultGains, []step{
			{0, 10_000, 1000, 0, -1},        // 10,000 a second, only to start from
			{1000, 10_000, 1000, 0, 10_000}, // steady
			{2000, 10_000, 10_000, 0, 1000}, // the sink takes ten times as long
			{12_000, 1000, 1000, 1000, 800}, // a whole interval late: a fifth less
			{13_000, 800, 800, 0, 1000},
			{14_000, 1000, 1100, 0, 909.0909090909091},
			{15_100, 909, 1000, 100, 890.82},         // 909 − 0.2·0.1·909
			{16_100, 890, 89, 0, 10_000},             // and now it is fast again
			{17_000, 10_000, 1000, 0, 10_000},        // steady
			{17_000, 10_000, 1000, 0, -1},            // no time has passed
			{18_000, 0, 1000, 0, -1},                 // nothing was read
			{19_000, 10_000, 0, 0, -1},               // it took no time
			{20_000, 1, 60_000, 0, 100},              // min_rate
			{30_000, 100, 60_000, 30_000, 100},       // and no less
			{40_000, 1_000_000, 100, 0, 1e7},         // no upper bound of its own
			{50_000, 1000, 1000, 10_000, 100},        // 1000 − 0.2·10·1000 < 0
			{60_000, 1000, 1000, 2_000, 1000 - 400}}, // late by two intervals
		},
		{"half of the difference at a time", 2 * time.Second, Gains{Proportional: 0.5, MinRate: 1}, []step{
			{0, 4000, 2000, 0, -1},
			{2000, 1000, 1000, 0, 1500}, // 2000 − ½·(2000 − 1000)
			{4000, 1000, 1000, 0, 1250},
			{6000, 1000, 1000, 0, 1125},
			{8000, 3000, 1000, 0, 2062.5},
		}},
		{"all gains", time.Second, Gains{Proportional: 1, Integral: 0.5, Derived: 0.25, MinRate: 10}, []step{
			{0, 1000, 1000, 0, -1},
			// error 1000 − 800 = 200; 0.5·0.1·800 = 40; change 200/1 s, a quarter: 50
			{1000, 800, 1000, 100, 710},
			// error 710 − 900 = −190; change −390/0.5 s = −780, a quarter: −195
			{1500, 900, 1000, 0, 1095},
		}},
		{"a first measurement below min_rate", time.Second, DefaultGains, []step{
			{0, 1, 1000, 0, -1},
			{1000, 1, 1000, 0, 100},
		}},
	} {
		p := NewPID(test.interval, test.gains, 0)
		for i, s := range test.steps {
			rate, ok := p.Update(Measurement{At: time.UnixMilli(s.at), Offsets: s.n,
				Took: time.Duration(s.took) * time.Millisecond, Late: time.Duration(s.late) * time.Millisecond})
			if !ok {
				rate = -1
			}
			if math.Abs(rate-s.want) > 1e-9*math.Abs(s.want) {
				t.Errorf("%s, step %d: rate %v, want %v", test.name, i, rate, s.want)
			}
			if ok && p.Rate() != rate {
				t.Errorf("%s, step %d: the controller allows %v", test.name, i, p.Rate())
			}
		}
	}
}

// TestPIDGoesOn begins with the rate of an earlier controller, of whose errors nothing is known.
func TestPIDGoesOn(t *testing.T) {
	g := Gains{Proportional: 1, Derived: 1, MinRate: 10}
	p := NewPID(time.Second, g, 500)
	if p.Rate() != 500 {
		t.Errorf("it begins with %v", p.Rate())
	}
	if rate, ok := p.Update(Measurement{At: time.UnixMilli(1e12), Offsets: 400, Took: time.Second}); !ok || rate != 400 {
		t.Errorf("rate %v, %v; want 400", rate, ok)
	}
	if got := NewPID(time.Second, g, 0).Rate(); got != 0 {
		t.Errorf("before the first measurement it allows %v, want 0 for unknown", got)
	}
}

// TestPIDSettles has a downstream of a fixed cost per batch and per offset: batches come to take their interval, from
// wherever they begin.
func TestPIDSettles(t *testing.T) {
	for _, begin := range []int64{100, 5000, 1_000_000} {
		p, now := NewPID(time.Second, DefaultGains, 0), time.UnixMilli(0)
		n, late, took := begin, time.Duration(0), time.Duration(0)
		for range 40 {
			took = 50*time.Millisecond + time.Duration(n)*100*time.Microsecond
			p.Update(Measurement{At: now, Offsets: n, Took: took, Late: late})
			late = min(max(took-time.Second, 0), time.Second)
			now = now.Add(max(took, time.Second))
			n = int64(p.Rate())
		}
		if took < 900*time.Millisecond || took > 1010*time.Millisecond {
			t.Errorf("from %d offsets: after 40 batches one takes %s", begin, took)
		}
	}
}

func TestGainsCheck(t *testing.T) {
	if err := DefaultGains.Check(); err != nil {
		t.Error(err)
	}
	for _, test := range []struct {
		name   string
		change func(*Gains)
	}{
		{"proportional", func(g *Gains) { g.Proportional = -1 }},
		{"integral", func(g *Gains) { g.Integral = math.NaN() }},
		{"derived", func(g *Gains) { g.Derived = math.Inf(1) }},
		{"min_rate", func(g *Gains) { g.MinRate = 0 }},
	} {
		g := DefaultGains
		test.change(&g)
		if err := g.Check(); err == nil || !strings.HasPrefix(err.Error(), test.name) {
			t.Errorf("%s: %v", test.name, err)
		}
	}
}
