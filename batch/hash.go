package batch

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"

	"github.com/millrace/millrace/dstream"
)

// outputFormat is part of the job hash: it changes when equal rows would be written as other files.
const outputFormat = "millrace output 1"

// JobHash identifies what a plan computes and writes, whatever its text looked like. settings are further choices that
// change rows or files, in a fixed order.
func JobHash(plan *dstream.Plan, settings ...string) string {
	h := sha256.New()
	fmt.Fprintf(h, "%s\n%s\n%q\n", outputFormat, plan.Canonical(), settings)
	return hex.EncodeToString(h.Sum(nil))
}

// RangeHash identifies what a plan reads: its ranges, its plan time and the watermarks before it. It is a SHA-256 over
// lines of text whose form must not change: logs hold it, and every reader compares it.
func RangeHash(p *Planned) string {
	h := sha256.New()
	fmt.Fprintf(h, "range hash 2\nat %d final %t step %d shards %d\n", p.At, p.Final, p.Step, p.Shards)
	if p.TailStep > 0 { // plans of before there were any must keep their hash
		fmt.Fprintf(h, "tail step %d\n", p.TailStep)
	}
	for _, r := range p.Ranges {
		fmt.Fprintf(h, "range %q %q %s %d %d %d %d\n", r.Source, r.Topic, r.TopicID, r.Partition, r.From, r.Until, r.LeaderEpoch)
	}
	for _, name := range slices.Sorted(maps.Keys(p.Before.Sources)) {
		s := p.Before.Sources[name]
		fmt.Fprintf(h, "source %q %d\n", name, s.Watermark)
		for _, m := range s.Partitions {
			fmt.Fprintf(h, "partition %q %d %d %t %d %d\n", m.Topic, m.Partition, m.Watermark, m.Idle, m.IdleSince, m.LastRead)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(p.Before.Operators)) {
		fmt.Fprintf(h, "operator %q %d\n", name, p.Before.Operators[name])
	}
	for _, s := range p.Skip {
		fmt.Fprintf(h, "skip %q %d %d\n", s.Topic, s.Partition, s.Offset)
	}
	return hex.EncodeToString(h.Sum(nil))
}
