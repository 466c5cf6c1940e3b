package batch

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/millrace/millrace/offsets"
)

// showLagAgain is how long a job that reads nothing leaves its consumer groups alone: brokers forget them after a week.
const showLagAgain = 24 * time.Hour

// lagShower shows lag tools how far a job is, beside its work: a batch never waits for it, and of several positions that
// have not been shown yet only the last are. nil: nobody wants to know.
type lagShower struct {
	groups []lagGroup

	mu     sync.Mutex
	next   *shownLag // not shown yet
	busy   bool      // a goroutine is at it
	idle   *sync.Cond
	failed []string // warnings, to be told by the driver's goroutine
	told   map[string]bool
	cancel context.CancelFunc
	ctx    context.Context
}

// lagGroup is a source that has a group.
type lagGroup struct {
	source string
	shower offsets.LagShower
}

// shownLag is where the job stands behind a batch.
type shownLag struct {
	batch     int64
	positions []offsets.Position
}

// newLagShower collects the sources that can show how far they are and are asked to.
func newLagShower(job *Job, sources []offsets.Source) *lagShower {
	l := &lagShower{told: map[string]bool{}}
	for i, s := range sources {
		if g, ok := s.(offsets.LagShower); ok && g.LagGroup() != "" {
			l.groups = append(l.groups, lagGroup{job.Plan.Sources[i].Name, g})
		}
	}
	if len(l.groups) == 0 {
		return nil
	}
	l.idle = sync.NewCond(&l.mu)
	l.ctx, l.cancel = context.WithCancel(context.Background())
	return l
}

// show is told where the job stands and returns at once.
func (l *lagShower) show(batch int64, positions []offsets.Position) {
	if l == nil || len(positions) == 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.next = &shownLag{batch, positions}
	if !l.busy {
		l.busy = true
		go l.work()
	}
}

// work shows what there is to show, then ends.
func (l *lagShower) work() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.next != nil && l.ctx.Err() == nil {
		now := l.next
		l.next = nil
		l.mu.Unlock()
		var failed []error
		for _, g := range l.groups {
			note := fmt.Sprintf("millrace: behind batch %d", now.batch)
			if err := g.shower.ShowLag(l.ctx, positionsOf(now.positions, g.source), note); err != nil {
				failed = append(failed, fmt.Errorf("source %s: %w", g.source, err))
			}
		}
		l.mu.Lock()
		for _, err := range failed {
			l.note(err)
		}
	}
	l.busy = false
	l.idle.Broadcast()
}

// causesMost bounds the causes that are remembered.
const causesMost = 100

// note keeps a failure for the log if it is the first by its cause. How a message tells of it (addresses, times) differs
// from one to the next.
func (l *lagShower) note(err error) {
	cause := rootCause(err).Error()
	if l.ctx.Err() != nil || l.told[cause] || len(l.told) >= causesMost {
		return
	}
	l.told[cause] = true
	l.failed = append(l.failed, fmt.Sprintf("%v: lag tools do not see how far the job is, the job itself goes on; kafka.group: off leaves it out", err))
}

// rootCause is the error at the bottom, the first of several.
func rootCause(err error) error {
	for {
		var many interface{ Unwrap() []error }
		if next := errors.Unwrap(err); next != nil {
			err = next
		} else if errors.As(err, &many) && len(many.Unwrap()) > 0 {
			err = many.Unwrap()[0]
		} else {
			return err
		}
	}
}

// warnings returns what there is to tell, once.
func (l *lagShower) warnings() []string {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	out := l.failed
	l.failed = nil
	return out
}

// finish waits until the last positions are shown, or that has failed.
func (l *lagShower) finish() {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.busy {
		l.idle.Wait()
	}
}

// close gives up what is under way.
func (l *lagShower) close() {
	if l != nil {
		l.cancel()
		l.finish()
	}
}

// showLag shows where the job stands, and tells what went wrong with that before.
func (d *driver) showLag() {
	d.warnLag()
	if last := d.history.Last; last != nil {
		d.s.lag.show(last.Batch, d.history.Positions)
		d.lagShown = d.o.Env.Clock.Now()
	}
}

// refreshLag keeps the groups of a job that reads nothing from being forgotten.
func (d *driver) refreshLag() {
	d.warnLag()
	if d.o.Env.Clock.Now().Sub(d.lagShown) >= showLagAgain {
		d.showLag()
	}
}

func (d *driver) warnLag() {
	for _, w := range d.s.lag.warnings() {
		d.o.Warn(w)
	}
}
