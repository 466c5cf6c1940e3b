package batch

import (
	"context"
	"fmt"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/windows"
)

// checkRules refuses new rules of a time zone that would move windows of which results have come out as a changelog: a day that is
// there would be inserted again, or changed under another name. Rules change only with another version of the program.
func (d *driver) checkRules(ctx context.Context, p *Planned) error {
	plan := d.s.job.Plan
	for i := range plan.Exchanges {
		x := &plan.Exchanges[i]
		was, is := d.history.Zones[x.Window.Zone], p.Zones[x.Window.Zone]
		if !x.Emit.Changelog || x.Window.Zone == "" || was == "" || was == is {
			continue
		}
		z, err := d.zone(ctx, p, x.Window.Zone)
		if err != nil {
			return err
		}
		watermark, known := d.history.Marks.Operators[x.Name]
		if !known {
			continue
		}
		for _, a := range d.s.worker.states[i] {
			if was, is, moved := a.Moved(z, watermark); moved {
				return refuse("this version of the program has other rules of the time zone %s than results of %s came out by: a window of it was %s and would be %s; finish the open windows with the version that ran before and --flush-windows, or begin anew with another checkpoint and output",
					x.Window.Zone, x.Name, windowText(was), windowText(is))
			}
		}
	}
	return nil
}

func windowText(w windows.OpenWindow) string {
	return fmt.Sprintf("[%s, %s)", windows.FormatTime(w.Start), windows.FormatTime(w.End))
}

// zone reads the rules that a plan names.
func (d *driver) zone(ctx context.Context, p *Planned, name string) (*columnar.Zone, error) {
	data, err := copyOf(ctx, d.cp.blobs, p.Zones, "the rules of time zone", name)
	if err != nil {
		return nil, err
	}
	return columnar.DecodeZone(name, data)
}
