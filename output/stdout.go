package output

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strconv"
	"time"

	"github.com/millrace/millrace/columnar"
)

// Stdout is the [Sink] for looking: each row is a JSON object on a line of its own, keys in column order. It promises
// at-least-once only: a batch that ran again after a crash is printed again.
//
// Timestamps are RFC 3339 in UTC (timestamp_ntz without a zone), dates 2026-11-22, binaries base64, doubles without a
// JSON form "NaN", "Infinity" and "-Infinity". Arrays are JSON arrays, structs objects, maps objects whose keys are text.
type Stdout struct {
	sink    string
	w       io.Writer
	layout  Layout
	keys    [][]byte // `"name":`
	printed int64    // last batch written by this process
	all     selector
}

// NewStdout returns a sink that prints the columns of l to w; partitions are no concern of it.
func NewStdout(sink string, w io.Writer, l Layout) (*Stdout, error) {
	s := &Stdout{sink: sink, w: w, layout: l}
	for _, f := range l.File().Fields {
		key, err := jsonString(nil, f.Name)
		if err != nil {
			return nil, fmt.Errorf("sink %s: column %q: %w", sink, f.Name, err)
		}
		s.keys = append(s.keys, append(key, ':'))
	}
	return s, nil
}

// Prepare implements [Sink]: it renders the rows.
func (s *Stdout) Prepare(ctx context.Context, info BatchInfo, shards []Shard, _ []byte) (*Prepared, error) {
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
	if _, err := s.w.Write(text); err != nil {
		return fmt.Errorf("sink %s: print: %w", s.sink, err)
	}
	s.printed = p.Info.Batch
	return nil
}

// Committed implements [Sink]; nothing is kept.
func (s *Stdout) Committed(context.Context, int64, []File) error { return nil }

// Published implements [Sink]: what was printed is not known, so none.
func (s *Stdout) Published(context.Context) (Standing, error) { return Standing{}, nil }

func (s *Stdout) lines(dst []byte, b *columnar.Batch) ([]byte, error) {
	for _, row := range s.all.of(b) {
		dst = append(dst, '{')
		for i, c := range s.layout.Columns {
			if i > 0 {
				dst = append(dst, ',')
			}
			var err error
			if dst, err = jsonValue(append(dst, s.keys[i]...), b.Cols[c], int(row)); err != nil {
				return nil, err
			}
		}
		dst = append(dst, "}\n"...)
	}
	return dst, nil
}

// jsonValue appends row r of v.
func jsonValue(dst []byte, v *columnar.Vector, r int) ([]byte, error) {
	if v.IsNull(r) {
		return append(dst, "null"...), nil
	}
	switch v.Type.Kind {
	case columnar.Bool:
		return strconv.AppendBool(dst, v.Bool(r)), nil
	case columnar.Int8, columnar.Int16, columnar.Int32:
		return strconv.AppendInt(dst, int64(v.I32[r]), 10), nil
	case columnar.Int64:
		return strconv.AppendInt(dst, v.I64[r], 10), nil
	case columnar.Float32:
		return jsonDouble(dst, v.F64[r], 32), nil
	case columnar.Float64:
		return jsonDouble(dst, v.F64[r], 64), nil
	case columnar.Decimal:
		return v.Wide[r].AppendDecimal(dst, int(v.Type.Scale)), nil
	case columnar.String:
		return jsonString(dst, string(v.Str(r)))
	case columnar.Binary:
		text, err := json.Marshal(v.Str(r))
		return append(dst, text...), err
	case columnar.Date:
		return time.Unix(int64(v.I32[r])*86400, 0).UTC().AppendFormat(dst, `"2006-01-02"`), nil
	case columnar.Timestamp:
		return time.UnixMicro(v.I64[r]).UTC().AppendFormat(dst, `"2006-01-02T15:04:05.999999Z"`), nil
	case columnar.LocalTimestamp:
		return time.UnixMicro(v.I64[r]).UTC().AppendFormat(dst, `"2006-01-02T15:04:05.999999"`), nil
	}
	return jsonNested(dst, v, r)
}

func jsonDouble(dst []byte, x float64, bits int) []byte {
	switch {
	case math.IsNaN(x):
		return append(dst, `"NaN"`...)
	case math.IsInf(x, 1):
		return append(dst, `"Infinity"`...)
	case math.IsInf(x, -1):
		return append(dst, `"-Infinity"`...)
	}
	return strconv.AppendFloat(dst, x, 'g', -1, bits)
}

// jsonString quotes s, leaving <, > and & as they are.
func jsonString(dst []byte, s string) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(s); err != nil {
		return nil, err
	}
	return append(dst, bytes.TrimSuffix(b.Bytes(), []byte("\n"))...), nil
}
