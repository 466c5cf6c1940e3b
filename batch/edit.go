package batch

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/millrace/millrace/dstream"
)

// Edit is a change of the job that took effect with a batch.
type Edit struct {
	Batch   int64    `json:"batch"` // the first that was planned with it
	At      int64    `json:"at_us"` // its plan time
	Changes []string `json:"changes"`
}

// Earlier reads what the checkpoint recorded of a job: the job as it was, which is not to be opened, and what is not the same in
// the one at hand, a line each. The lines are there also with an error, which says why the job cannot be understood any more.
type Earlier func(recorded []byte) (was *Job, changes []string, err error)

// unrecordedEdit is what a log says of an edit that a version made which did not write down what changed.
const unrecordedEdit = "the job changed; the version that ran it did not write down what"

// appendEdit adds the edit that took effect with a plan, if one did. last is the commit before.
func appendEdit(edits []Edit, last *Committed, p *Planned) []Edit {
	changes := p.Changes
	if len(changes) == 0 && last != nil && last.Job != "" && last.Job != p.Job {
		changes = []string{unrecordedEdit}
	}
	if len(changes) == 0 {
		return edits
	}
	return append(edits, Edit{Batch: p.Batch, At: p.At, Changes: changes})
}

// recoverEdited brings sinks and log to the same batch, and the job at hand into effect, if it may. With a batch open that comes
// behind it.
func (d *driver) recoverEdited(ctx context.Context, digest string) error {
	if err := d.discardOpen(ctx, digest); err != nil {
		return err
	}
	open := len(d.history.Open) > 0
	if !open {
		if err := d.takeEdit(ctx, digest); err != nil {
			return err
		}
	}
	if err := d.recover(ctx, digest); err != nil {
		return err
	}
	if open {
		if err := d.takeEdit(ctx, digest); err != nil {
			return err
		}
	}
	return d.useAtHand(ctx, digest)
}

// takeEdit compares the job at hand with the one of the last commit, before anything is opened for it: it is refused, or else its
// first plan says what changed.
func (d *driver) takeEdit(ctx context.Context, digest string) error {
	e := &comparison{}
	e.state(d.o.Job.Plan, d.history)
	last := d.history.Last
	if last == nil || last.Job == "" || last.Job == digest {
		return d.refuseEdit("", e)
	}
	recorded, err := d.cp.blobs.Get(ctx, last.Job)
	if err != nil {
		return lost(fmt.Errorf("read the job of batch %d: %w", last.Batch, err))
	}
	was, changes, err := d.earlier(recorded)
	if err != nil {
		d.o.Warn(fmt.Sprintf("the job of batch %d is not understood any more, so what the job file has of it was not compared: %v", last.Batch, err))
	}
	if was != nil {
		e.jobs(was, d.o.Job, d.history)
	}
	if err := d.refuseEdit(fmt.Sprintf("the job changed since batch %d: ", last.Batch), e); err != nil {
		return err
	}
	for _, text := range e.said {
		d.o.Warn("the job changed: " + text)
	}
	changes = append(changes, e.said...) // what somebody has accepted, perhaps by a flag, stands in the log
	if was != nil && was.Hash == d.o.Job.Hash {
		changes = append(changes, "what it computes and writes is the same")
	}
	for i := range changes {
		changes[i] = d.o.Job.hidden(changes[i])
	}
	if d.changes = changes; len(changes) == 0 {
		d.changes = []string{"another version of the program runs it"}
	}
	return nil
}

// refuseEdit names all that stands against the job at hand.
func (d *driver) refuseEdit(begin string, e *comparison) error {
	if len(e.refused) == 0 {
		return nil
	}
	return d.refuseIfLeading(&RefusedError{Msg: begin + strings.Join(e.refused, "; ")})
}

func (d *driver) earlier(recorded []byte) (*Job, []string, error) {
	switch {
	case d.o.Earlier != nil:
		return d.o.Earlier(recorded)
	case d.o.Resolve != nil:
		was, err := d.o.Resolve(recorded)
		return was, []string{"another version of the job"}, err
	}
	return nil, []string{"another version of the job"}, nil
}

// takeChanges are what a plan says of the edit that takes effect with it: the first of a run does.
func (d *driver) takeChanges() []string {
	out := d.changes
	d.changes = nil
	return out
}

// comparison is what somebody must know of an edit: what is refused, with the way out, and what is accepted and said.
type comparison struct{ refused, said []string }

func (c *comparison) refuse(format string, args ...any) {
	c.refused = append(c.refused, fmt.Sprintf(format, args...))
}

func (c *comparison) say(format string, args ...any) {
	c.said = append(c.said, fmt.Sprintf(format, args...))
}

// jobs says what an edit means to what is in state and in the outputs. It is pure. Topics that a source no longer reads are the
// planner's, which knows what there is to read.
func (c *comparison) jobs(was, is *Job, h *History) {
	if err := checkRead(is.Plan, h.Positions); err != nil {
		c.refuse("%v", err)
	}
	c.sources(was, is, h)
	c.sinks(was, is, h)
}

func (c *comparison) sources(was, is *Job, h *History) {
	for i := range is.Plan.Sources {
		s := &is.Plan.Sources[i]
		j := slices.IndexFunc(was.Plan.Sources, func(o dstream.SourcePlan) bool { return o.Name == s.Name })
		switch {
		case j < 0:
			c.say("source %s is new: it is read from %s", s.Name, startText(is.Sources[s.Name]))
		case was.Sources[s.Name].Start != is.Sources[s.Name].Start:
			c.say("start of source %s is for its first run: it goes on where it is", s.Name)
		}
		if j >= 0 {
			c.eventTime(&was.Plan.Sources[j], s, h)
		}
	}
}

func startText(s Source) string {
	if s.Start == "" {
		return "its start"
	}
	return string(s.Start)
}

// eventTime is about rows that are in windows by another time than those to come.
func (c *comparison) eventTime(was, is *dstream.SourcePlan, h *History) {
	a, b := timeOf(was), timeOf(is)
	switch held := h.holding(); {
	case a == b:
	case held != "":
		c.refuse("the event time of source %s is another one, and %q holds rows in open windows by the old one: finish them with the old job and --flush-windows, or use a new checkpoint", is.Name, held)
	default:
		c.say("the event time of source %s is another one; its watermark goes on where it is, and rows behind it are late", is.Name)
	}
}

// timeOf is where the event time of records comes from, without bounds.
func timeOf(s *dstream.SourcePlan) string {
	bare := *s
	bare.Bounds.MaxDisorder, bare.Bounds.IdleAfter, bare.Bounds.MaxFuture = 0, 0, 0
	return bare.TimeText()
}

// holding is an operator that holds rows; "": none does.
func (h *History) holding() string {
	if h.Last != nil {
		for _, e := range h.Last.Edges {
			if h.needed(e.Operator) {
				return e.Operator
			}
		}
	}
	return ""
}

func (c *comparison) sinks(was, is *Job, h *History) {
	for i := range is.Sinks {
		k, j := &is.Sinks[i], sinkNamed(was, is.Sinks[i].Name)
		switch {
		case j < 0 && c.renamed(was, is, k, h):
		case j < 0:
			c.say("sink %s is new: it gets the rows from here on; replay writes those before into another place", k.Name)
		case h.LastRows[k.Name] > 0:
			c.output(k, &was.Sinks[j], &is.Plan.Sinks[i], &was.Plan.Sinks[j], slices.Contains(is.AcceptOutput, k.Name))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(h.Pending)) {
		if why := pendingDiffer(is, was, name); why != "" {
			c.refuse("sink %s: %s, and %s are in no file yet: run the job as it was once more until it ends, with --available-now or stopped in good order, then edit it", name, why, pendingText(h.Pending[name]))
		}
	}
	for _, k := range was.Sinks {
		if sinkNamed(is, k.Name) < 0 && len(h.Pending[k.Name]) == 0 {
			c.say("sink %s is gone: what it has written stays", k.Name)
		}
	}
}

func sinkNamed(j *Job, name string) int {
	return slices.IndexFunc(j.Sinks, func(k Sink) bool { return k.Name == name })
}

// renamed refuses a new name for what another sink has written, if that is so: rows of a place belong to one name in the log.
func (c *comparison) renamed(was, is *Job, k *Sink, h *History) bool {
	for _, old := range was.Sinks {
		if old.Place == "" || old.Place != k.Place || h.LastRows[old.Name] == 0 || sinkNamed(is, old.Name) >= 0 {
			continue
		}
		c.refuse("sink %s writes to %s, which the job has written as sink %s: give it that name again, or another place", k.Name, k.Place, old.Name)
		return true
	}
	return false
}

// output is about the readers of what a sink has written.
func (c *comparison) output(is, was *Sink, plan, before *dstream.SinkPlan, accepted bool) {
	if is.Topic != was.Topic || (is.Place == "") != (was.Place == "") {
		c.refuse("sink %s has written to %s and would go on in %s: put that back, or give the sink another name to begin an output anew", is.Name, was.where(), is.where())
		return
	}
	var differ []string
	lost, added := compareColumns(before, plan)
	differ = append(differ, lost...)
	if a, b := directories(before), directories(plan); a != b {
		differ = append(differ, fmt.Sprintf("partition_by is %s, was %s", b, a))
	}
	if a, b := changelogText(before), changelogText(plan); a != b {
		differ = append(differ, fmt.Sprintf("its rows are %s, were %s", b, a))
	}
	if is.Form != was.Form {
		differ = append(differ, fmt.Sprintf("its records are %s, were %s", is.Form, was.Form))
	}
	switch text := strings.Join(differ, ", "); {
	case text == "":
	case accepted:
		c.say("sink %s: %s; what is there stays as it is", is.Name, text)
	default:
		c.refuse("sink %[1]s: %[2]s, and %[3]s holds rows of before: put that back, give the sink another name and place, or accept it with --accept-output-change %[1]s", is.Name, text, is.where())
	}
	if len(added) > 0 {
		c.say("sink %s: %s; rows of before do not have it", is.Name, strings.Join(added, ", "))
	}
}

// where is the place of a sink, for messages.
func (k *Sink) where() string {
	if k.Place != "" {
		return k.Place
	}
	return "standard output"
}

// compareColumns says which columns of an output readers would miss or find otherwise, and which are new. Their order does not
// count: readers of files and of JSON go by names.
func compareColumns(was, is *dstream.SinkPlan) (lost, added []string) {
	before, after := columnTypes(was), columnTypes(is)
	for _, f := range was.Columns {
		name := was.Schema.Fields[f].Name
		switch now, there := after[name]; {
		case !there:
			lost = append(lost, fmt.Sprintf("column %s (%s) is gone", name, before[name]))
		case now != before[name]:
			lost = append(lost, fmt.Sprintf("column %s is %s, was %s", name, now, before[name]))
		}
	}
	for _, f := range is.Columns {
		if name := is.Schema.Fields[f].Name; before[name] == "" {
			added = append(added, fmt.Sprintf("column %s (%s) is new", name, after[name]))
		}
	}
	return lost, added
}

func columnTypes(k *dstream.SinkPlan) map[string]string {
	out := map[string]string{}
	for _, c := range k.Columns {
		out[k.Schema.Fields[c].Name] = k.Schema.Fields[c].Type.String()
	}
	return out
}

// directories are the levels that readers find rows by.
func directories(k *dstream.SinkPlan) string {
	var out []string
	for _, p := range k.Partitions {
		out = append(out, p.Name+" "+p.Expr.Type.String())
	}
	if len(out) == 0 {
		return "none"
	}
	return strings.Join(out, ", ")
}

func changelogText(k *dstream.SinkPlan) string {
	if k.Changelog == nil {
		return "never taken back"
	}
	return "a changelog of " + strings.Join(k.KeyNames(), ", ")
}

// state refuses a job that cannot go on with the state in the checkpoint. It is pure, and looks at no block.
func (c *comparison) state(plan *dstream.Plan, h *History) {
	for i := range plan.Exchanges {
		if x := &plan.Exchanges[i]; h.needed(x.Name) {
			c.blocks(x, h)
		}
	}
	for _, err := range orphans(plan, h) {
		c.refuse("%v", err)
	}
}

// blocks compares what an operator holds in blocks with what it would hold.
func (c *comparison) blocks(x *dstream.Exchange, h *History) {
	for _, v := range h.States {
		for _, b := range v.Blocks {
			if want := stateSchema(x); b.Operator == x.Name && b.Schema != want {
				c.refuse("%v", otherSchema(x.Name, v.Batch, b.Schema, want))
				return
			}
		}
	}
}
