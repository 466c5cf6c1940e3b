package batch

import (
	"context"
	"slices"
	"strings"

	"github.com/millrace/millrace/dstream"
	"github.com/millrace/millrace/output"
)

// printer is standard output: what was printed stays printed, whatever becomes of the process, but a dead one prints nothing.
type printer struct {
	w    *world
	text strings.Builder
}

func (p *printer) Write(data []byte) (int, error) {
	if _, err := p.w.disk.ReadDir("/"); err != nil {
		return 0, err
	}
	return p.text.Write(data)
}

// stdout is a sink that prints its rows.
func (w *world) stdout(k *dstream.SinkPlan) Sink {
	return Sink{Name: k.Name, Guarantee: AtLeastOnce, Open: func(context.Context, output.Opening) (output.Sink, error) {
		return output.NewStdout(k.Name, w.printed, layoutOf(k))
	}}
}

// printedRows are the rows that were printed. A batch that ran again is printed again, so each is there once here.
func (w *world) printedRows() (rows []simRow) {
	w.t.Helper()
	for line := range strings.Lines(w.printed.text.String()) {
		rows = append(rows, w.jsonRow(line))
	}
	slices.SortFunc(rows, compareSimRows)
	return slices.CompactFunc(rows, exactRows)
}
