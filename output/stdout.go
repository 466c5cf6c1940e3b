package output

import (
	"context"
	"fmt"
	"io"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/internal/failpoint"
)

// Stdout is the [Sink] for looking: each row is a JSON object on a line of its own (docs/formats/output.md). It promises
// at-least-once only: a batch that ran again after a crash is printed again.
type Stdout struct {
	sink    string
	w       io.Writer
	row     jsonRow
	printed int64 // last batch written by this process
	all     selector
}

// NewStdout returns a sink that prints the columns of l to w, of a changelog also the operations; partitions are no
// concern of it.
func NewStdout(sink string, w io.Writer, l Layout) (*Stdout, error) {
	if err := l.Changelog.check(l); err != nil {
		return nil, fmt.Errorf("sink %s: %w", sink, err)
	}
	return &Stdout{sink: sink, w: w, row: newJSONRow(l.withOps())}, nil
}

// Prepare implements [Sink]: it renders the rows.
func (s *Stdout) Prepare(ctx context.Context, info BatchInfo, shards []Shard, _ *Pending) (*Prepared, error) {
	p := &Prepared{Info: info}
	var text []byte
	for _, shard := range shards {
		for _, b := range shard.Rows {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			var err error
			if text, err = s.lines(text, b); err != nil {
				return nil, fmt.Errorf("sink %s: %w", s.sink, err)
			}
			p.Rows += int64(b.Len())
		}
	}
	p.work = text
	return p, nil
}

// Publish implements [Sink]. A rerun is like any other run: what an earlier one printed is not known.
func (s *Stdout) Publish(_ context.Context, p *Prepared) error {
	if p.Info.Batch <= s.printed {
		return nil
	}
	text, _ := p.work.([]byte)
	err := failpoint.Hit(failpoint.StdoutPrint)
	if err == nil {
		_, err = s.w.Write(text)
	}
	if err != nil {
		return fmt.Errorf("sink %s: print: %w", s.sink, err)
	}
	s.printed = p.Info.Batch
	return failpoint.Hit(failpoint.StdoutPrinted)
}

// Committed implements [Sink]; nothing is kept.
func (s *Stdout) Committed(context.Context, int64, []File) error { return nil }

// Published implements [Sink]: what was printed is not known, so none.
func (s *Stdout) Published(context.Context) (Standing, error) { return Standing{}, nil }

func (s *Stdout) lines(dst []byte, b *columnar.Batch) ([]byte, error) {
	for _, row := range s.all.of(b) {
		var err error
		if dst, err = s.row.append(dst, b, int(row)); err != nil {
			return nil, err
		}
		dst = append(dst, '\n')
	}
	return dst, nil
}
