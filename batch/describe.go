package batch

import (
	"fmt"
	"maps"
	"slices"
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
		return describeCommit(r)
	case *Cancelled:
		return fmt.Sprintf("Cancelled batch %d: %s%s", r.Batch, r.Reason, r.moved())
	case *Reopened:
		return fmt.Sprintf("Reopened after batch %d, watermark %s", r.Batch, windows.FormatTime(r.Marks.Watermark()))
	}
	return TypeName(r)
}

// moved says how many files were moved out of which outputs, with a semicolon in front; "" for none.
func (c *Cancelled) moved() string {
	out := ""
	for _, sink := range slices.Sorted(maps.Keys(c.Discarded)) {
		out += fmt.Sprintf("; %s of sink %s moved to _millrace/discarded", howMany(int64(len(c.Discarded[sink])), "file"), sink)
	}
	return out
}

func describeCommit(c *Committed) string {
	kind, more, pending := "delta", "", int64(0)
	if c.Base != nil {
		kind = "snapshot"
	}
	for _, change := range c.Pending {
		pending += change.After
	}
	if pending > 0 {
		more = fmt.Sprintf(", %s pending", howMany(pending, "row"))
	}
	if dirs := c.completed(); dirs != "" {
		more += ", completed " + dirs
	}
	return fmt.Sprintf("Committed batch %d: %s in, %s, watermark %s, %s%s", c.Batch, howMany(c.Records, "record"), c.wrote(), windows.FormatTime(c.After.Watermark()), kind, more)
}

// wrote says how many rows went out, and into how many files and topics.
func (c *Committed) wrote() string {
	files, topics, rows := int64(0), int64(0), int64(0)
	for sink, entries := range c.Files {
		rows += c.SinkRows[sink]
		for _, f := range entries {
			if f.IsTopic() {
				topics++
			} else {
				files++
			}
		}
	}
	var places []string
	if files > 0 {
		places = append(places, howMany(files, "file"))
	}
	if topics > 0 {
		places = append(places, howMany(topics, "topic"))
	}
	if len(places) == 0 {
		return howMany(rows, "row") + " out"
	}
	return howMany(rows, "row") + " out in " + strings.Join(places, " and ")
}

// howMany is a number with a word, in the plural where it belongs there.
func howMany(n int64, word string) string {
	if n != 1 {
		word += "s"
	}
	return fmt.Sprintf("%d %s", n, word)
}
