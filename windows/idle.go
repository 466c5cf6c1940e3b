package windows

// Probe is what the planner found out about one partition when it made a plan.
type Probe struct {
	Topic         string
	Partition     int32
	From, Until   int64 // the planned range
	HighWatermark int64 // of the leader; records of open transactions lie below it
	Answered      bool  // the leader answered; without it the partition is never idle
}

// quiet reports whether there is nothing in the partition that is not read yet. A range that is empty because a limit
// or an open transaction keeps it so is not quiet.
func (p Probe) quiet() bool {
	return p.Answered && p.Until <= p.From && p.From == p.HighWatermark
}

// IdleRule says from when on a quiet partition counts as idle, in µs.
type IdleRule struct {
	// Continuous: since this epoch's first trigger that found the partition quiet. Otherwise (available-now, cron):
	// since the plan time of the last batch that read a record of it, else of the first plan that knew it.
	Continuous bool
	PlanTime   int64 // of the plan that the mark goes into
	IdleAfter  int64 // exactly this long is idle
}

// Idle is the mark to write into a plan: the watermarks of before, which are those of the batch's start, and the idle
// set and since-when of the rule. Partitions new in probes are added; one that is not in probes is not idle.
//
// A continuous driver calls Idle at every trigger, also when it then writes nothing, and passes the mark on to its
// next call; it begins its epoch with [NewEpoch].
func Idle(before SourceMark, probes []Probe, rule IdleRule) SourceMark {
	planned := NewEpoch(before)
	for _, probe := range probes {
		p := planned.partition(probe.Topic, probe.Partition, rule.PlanTime)
		if !probe.quiet() {
			continue
		}
		p.IdleSince = rule.since(*p, before)
		p.Idle = rule.PlanTime >= saturatingAdd(p.IdleSince, rule.IdleAfter)
	}
	return planned
}

// since is the plan time from which the idleness of a quiet partition counts.
func (r IdleRule) since(p PartitionMark, before SourceMark) int64 {
	if !r.Continuous {
		return p.LastRead
	}
	if i, known := before.find(p.Topic, p.Partition); known && before.Partitions[i].IdleSince != NotQuiet {
		return before.Partitions[i].IdleSince
	}
	return r.PlanTime
}

// NewEpoch forgets which partitions are idle and since when: a driver that comes after a pause must not take the
// pause for silence of the partitions. Watermarks stay.
func NewEpoch(m SourceMark) SourceMark {
	fresh := m.clone()
	for i := range fresh.Partitions {
		fresh.Partitions[i].Idle, fresh.Partitions[i].IdleSince = false, NotQuiet
	}
	return fresh
}
