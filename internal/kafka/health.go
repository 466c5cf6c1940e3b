package kafka

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// healthPatience is how long attempts may fail before somebody is told: an election takes some hundred milliseconds, and
// nobody has to know.
const healthPatience = 500 * time.Millisecond

// health counts the callers of a client whose attempts fail, and tells when the first has done so for a while, and when
// the last has succeeded again.
type health struct {
	now func() time.Time

	mu         sync.Mutex
	report     func(text string) // may be nil; does not call back
	struggling int               // callers whose last attempt has failed
	since      time.Time         // since when there is one
	told       bool              // of an outage, and not yet of its end
	unresolved atomic.Bool       // told, to be looked at without the lock
}

// OnHealth has report called, once each time, when requests have been failing for a moment ("degraded: …") and when
// they succeed again ("recovered …"). It is called by whoever sends requests, one call at a time, and must not send any.
func (c *Client) OnHealth(report func(text string)) {
	c.health.mu.Lock()
	defer c.health.mu.Unlock()
	c.health.report = report
}

// Outage is a series of attempts of one caller that may fail for a while. It is used by one goroutine.
type Outage struct {
	health  *health
	counted bool
}

// Outage returns a series without a failure.
func (c *Client) Outage() Outage { return Outage{health: &c.health} }

// Failed notes that an attempt failed and that another will follow, for up to budget since the first.
func (o *Outage) Failed(err error, budget time.Duration) {
	h := o.health
	h.mu.Lock()
	defer h.mu.Unlock()
	if !o.counted {
		o.counted = true
		if h.struggling++; h.struggling == 1 && !h.told {
			h.since = h.now()
		}
	}
	if !h.told && h.report != nil && h.now().Sub(h.since) >= healthPatience {
		h.told = true
		h.unresolved.Store(true)
		h.report(fmt.Sprintf("degraded: %v; trying again for up to %s", cause(err), budget))
	}
}

// cause is the part of an error that says which broker is in trouble, if one is: not what was being asked.
func cause(err error) error {
	var reach *ReachError
	var none *NoBrokerError
	var conn *ConnError
	switch {
	case errors.As(err, &reach):
		return reach
	case errors.As(err, &none):
		return none
	case errors.As(err, &conn):
		return conn
	}
	return err
}

// End notes that there will be no further attempt: the last one was well, or the caller gives up, which its error tells.
// Whoever was told of an outage is told of its end by the first attempt that is well, whoever makes it: a caller that gives
// up may begin again.
func (o *Outage) End(well bool) {
	h := o.health
	if !o.counted && !(well && h.unresolved.Load()) {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if o.counted {
		o.counted = false
		h.struggling--
	}
	if h.struggling > 0 || !h.told || !well {
		return
	}
	h.told = false
	h.unresolved.Store(false)
	if h.report != nil {
		h.report("recovered after " + h.now().Sub(h.since).Round(100*time.Millisecond).String())
	}
}
