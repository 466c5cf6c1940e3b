package batch

import (
	"fmt"
	"strings"

	"github.com/millrace/millrace/windows"
)

// TypeName is the name of a record's type as docs/formats/journal.md has it.
func TypeName(r Record) string {
	return strings.TrimPrefix(fmt.Sprintf("%T", r), "*batch.")
}

// Describe says on one line what a record says.
func Describe(r Record) string {
	switch r := r.(type) {
	case *Opened:
		return fmt.Sprintf("Opened epoch %d by %s:%d at %s", r.Epoch, r.Host, r.PID, windows.FormatTime(r.At))
	case *Planned:
		var b strings.Builder
		fmt.Fprintf(&b, "Planned batch %d at %s:", r.Batch, windows.FormatTime(r.At))
		for _, x := range r.Ranges {
			fmt.Fprintf(&b, " %s", x)
		}
		if r.Final {
			b.WriteString(" final")
		}
		if r.Roll {
			b.WriteString(" roll")
		}
		for _, l := range r.Losses {
			fmt.Fprintf(&b, "; gave up %s", l)
		}
		return b.String()
	case *Committed:
		files, rows := 0, int64(0)
		for name := range r.Files {
			files += len(r.Files[name])
			rows += r.SinkRows[name]
		}
		kind := "delta"
		if r.Base != nil {
			kind = "snapshot"
		}
		done, pending := "", int64(0)
		for _, change := range r.Pending {
			pending += change.After
		}
		if pending > 0 {
			done = fmt.Sprintf(", %d rows pending", pending)
		}
		if dirs := r.completed(); dirs != "" {
			done += ", completed " + dirs
		}
		return fmt.Sprintf("Committed batch %d: %d records in, %d rows out in %d files, watermark %s, %s%s", r.Batch, r.Records, rows, files, windows.FormatTime(r.After.Watermark()), kind, done)
	case *Cancelled:
		return fmt.Sprintf("Cancelled batch %d: %s", r.Batch, r.Reason)
	case *Reopened:
		return fmt.Sprintf("Reopened after batch %d, watermark %s", r.Batch, windows.FormatTime(r.Marks.Watermark()))
	}
	return TypeName(r)
}
