package output

import "github.com/millrace/millrace/columnar"

// run is a sequence of rows of one batch: sel lists them, and is never empty.
type run struct {
	batch *columnar.Batch
	sel   []int32
}

// runs is a sequence of rows over several batches.
type runs []run

func (rs runs) rows() int {
	n := 0
	for _, r := range rs {
		n += len(r.sel)
	}
	return n
}

// cut splits rs behind its first n rows. Both halves share the rows with rs, which stays as it is.
func (rs runs) cut(n int) (head, tail runs) {
	for i, r := range rs {
		if n < len(r.sel) {
			if n > 0 { // a run has rows
				head = append(head, run{r.batch, r.sel[:n]})
			}
			return head, append(runs{{r.batch, r.sel[n:]}}, rs[i+1:]...)
		}
		head = append(head, r)
		n -= len(r.sel)
	}
	return head, nil
}

// selector gives batches without a selection vector one that selects all rows, so that kernels have a single loop.
type selector struct{ ramp []int32 }

func (s *selector) of(b *columnar.Batch) []int32 {
	if b.Sel != nil {
		return b.Sel
	}
	for len(s.ramp) < b.Rows {
		s.ramp = append(s.ramp, int32(len(s.ramp)))
	}
	return s.ramp[:b.Rows]
}

// partBlock is the number of rows at whose multiples a file may end; part of the format.
const partBlock = 1024

// fileLimit says when a file is full.
type fileLimit struct {
	bytes  int64             // of rows, by estimate: a file ends with the block of rows that brings it there
	rows   int64             // 0: any number
	passed func(bytes int64) // see BatchInfo; nil: nobody is told
}

// ends is after how many rows of rs files end, of which the first has so many rows already, and what is left behind the
// last of them.
func (l fileLimit) ends(rs runs, columns []int, rows, size int64) (ends []int, rest, restSize int64) {
	at := 0
	for c := (cursor{runs: rs}); ; {
		if size >= l.bytes || l.rows > 0 && rows >= l.rows { // before the first row where files have become smaller
			ends, rows, size, rest, restSize = append(ends, at), 0, 0, 0, 0
		}
		if !c.more() {
			return ends, rest, restSize
		}
		n, bytes := c.skipBlock(columns, l.block(rows))
		if l.passed != nil {
			l.passed(int64(4 * n * len(columns))) // sizes of strings, at most
		}
		at, rows, size, rest, restSize = at+n, rows+int64(n), size+bytes, rest+int64(n), restSize+bytes
	}
}

// block is how many rows more are looked at together.
func (l fileLimit) block(rows int64) int {
	if l.rows > 0 {
		return int(min(l.rows-rows, partBlock))
	}
	return partBlock
}

// parts cuts rs into files.
func (rs runs) parts(columns []int, limit fileLimit) []runs {
	var out []runs
	ends, rest, _ := limit.ends(rs, columns, 0, 0)
	for at, i := 0, 0; i < len(ends); i++ {
		var head runs
		head, rs = rs.cut(ends[i] - at)
		out, at = append(out, head), ends[i]
	}
	if rest > 0 {
		out = append(out, rs)
	}
	return out
}

// cursor walks over runs.
type cursor struct {
	runs runs
	i    int // the run it stands in
	off  int // rows of that run behind it
}

func (c *cursor) more() bool { return c.i < len(c.runs) }

// next returns the next rows that lie in one batch, at least one and at most n.
func (c *cursor) next(n int) run {
	r := c.runs[c.i]
	r.sel = r.sel[c.off:]
	if n < len(r.sel) {
		c.off += n
		r.sel = r.sel[:n]
		return r
	}
	c.i, c.off = c.i+1, 0
	return r
}

// skipBlock moves over so many rows, or those that are left, and returns their number and estimated size.
func (c *cursor) skipBlock(columns []int, most int) (rows int, bytes int64) {
	for rows < most && c.more() {
		r := c.next(most - rows)
		rows += len(r.sel)
		for _, col := range columns {
			bytes += estimate(r.batch.Cols[col], r.sel)
		}
	}
	return rows, bytes
}

// estimate is the uncompressed size of the rows in bytes, whatever their encoding.
func estimate(v *columnar.Vector, sel []int32) int64 {
	switch v.Type.Kind {
	case columnar.Bool:
		return int64(len(sel))
	case columnar.Int8, columnar.Int16, columnar.Int32, columnar.Date, columnar.Float32:
		return 4 * int64(len(sel))
	case columnar.Decimal:
		return 16 * int64(len(sel))
	case columnar.Array, columnar.Struct, columnar.Map:
		return nestedBytes(v, sel)
	case columnar.String, columnar.Binary:
		return 4*int64(len(sel)) + stringBytes(v, sel)
	}
	return 8 * int64(len(sel))
}

// nestedBytes counts what the rows hold, and 4 bytes for each array, map or struct.
func nestedBytes(v *columnar.Vector, sel []int32) int64 {
	n := 4 * int64(len(sel))
	for _, r := range sel {
		if v.IsNull(int(r)) {
			continue
		}
		inside := []int32{r}
		if v.Type.Kind != columnar.Struct {
			inside = inside[:0]
			for i := v.Off[r]; i < v.Off[r+1]; i++ {
				inside = append(inside, i)
			}
		}
		for _, kid := range v.Kids {
			n += estimate(kid, inside)
		}
	}
	return n
}

// stringBytes counts NULL rows as empty: what their offsets say is undefined.
func stringBytes(v *columnar.Vector, sel []int32) int64 {
	var n int64
	for _, r := range sel {
		if v.Valid != nil && v.IsNull(int(r)) {
			continue
		}
		n += int64(v.Off[r+1] - v.Off[r])
	}
	return n
}
