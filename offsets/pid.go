package offsets

import (
	"fmt"
	"math"
	"time"
)

// Gains are those of a [PID] controller, with the names and defaults of Spark's spark.streaming.backpressure.pid.*.
type Gains struct {
	Proportional float64 // weight of the difference between the rate and what was processed; 1 follows it at once
	Integral     float64 // weight of what batches that took too long have left undone
	Derived      float64 // weight of how fast the difference changes; it makes noise worse, so it is 0 by default
	MinRate      float64 // offsets per second that are always allowed, so that there is something to measure
}

// DefaultGains are Spark's.
var DefaultGains = Gains{Proportional: 1, Integral: 0.2, Derived: 0, MinRate: 100}

// Check refuses gains that a controller cannot work with.
func (g Gains) Check() error {
	for _, x := range []struct {
		name  string
		value float64
		ok    bool
	}{
		{"proportional", g.Proportional, g.Proportional >= 0},
		{"integral", g.Integral, g.Integral >= 0},
		{"derived", g.Derived, g.Derived >= 0},
		{"min_rate", g.MinRate, g.MinRate > 0},
	} {
		if !x.ok || math.IsInf(x.value, 0) {
			return fmt.Errorf("%s is %v, want a number of at least 0, and above it for min_rate", x.name, x.value)
		}
	}
	return nil
}

// PID finds the rate at which batches take just their interval, out of how long they took: the controller of Spark's
// back-pressure (PIDRateEstimator in org.apache.spark.streaming.scheduler.rate), with the same numbers. It knows nothing
// of clocks.
type PID struct {
	interval time.Duration
	gains    Gains
	started  bool
	at       time.Time // of the last measurement that counted
	rate     float64   // offsets per second
	err      float64
}

// NewPID returns a controller for batches that begin every interval. rate is what an earlier one had come to, in offsets
// per second; 0: none.
func NewPID(interval time.Duration, gains Gains, rate float64) *PID {
	return &PID{interval: interval, gains: gains, started: rate > 0, rate: rate}
}

// Measurement is what one batch took.
type Measurement struct {
	At      time.Time     // the batch's plan time
	Offsets int64         // in its ranges
	Took    time.Duration // from its trigger to its commit
	// Late is how long after its tick the batch began, because the one before was not done.
	Late time.Duration
}

// Update takes a measurement and returns the new rate in offsets per second. The first one is only the point to start
// from; it, and one that says nothing (no time has passed, nothing was read), is answered with false.
func (p *PID) Update(m Measurement) (float64, bool) {
	if !m.At.After(p.at) || m.Offsets <= 0 || m.Took <= 0 {
		return 0, false
	}
	processed := float64(m.Offsets) / m.Took.Seconds()
	passed := m.At.Sub(p.at)
	first := p.at.IsZero()
	p.at = m.At
	if !p.started {
		p.started, p.rate = true, processed
		return 0, false
	}
	err := p.rate - processed
	undone := m.Late.Seconds() * processed / p.interval.Seconds()
	change := 0.0
	if !first { // the rate comes from an earlier controller: nothing is known of its error
		change = (err - p.err) / passed.Seconds()
	}
	g := p.gains
	p.rate = max(p.rate-g.Proportional*err-g.Integral*undone-g.Derived*change, g.MinRate)
	p.err = err
	return p.rate, true
}

// Rate is what the controller allows, in offsets per second; 0 before the first measurement.
func (p *PID) Rate() float64 {
	if !p.started {
		return 0
	}
	return max(p.rate, p.gains.MinRate)
}
