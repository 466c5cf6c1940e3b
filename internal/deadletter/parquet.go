package deadletter

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"path"
	"strconv"
	"strings"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/dstream"
	"github.com/millrace/millrace/internal/parquettable"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/output"
)

// ReadParquet reads the dead letters that a job has committed to the directory of st, root by name. Files that somebody
// has deleted are counted, see [Letters.Missing]. share is how much memory they may take, 0 for 1 GiB.
func ReadParquet(ctx context.Context, job string, st store.Store, root string, share int64) (*Letters, error) {
	files, err := output.Committed(ctx, st, root, job)
	var other *output.OtherJobError
	if errors.As(err, &other) {
		return nil, refuse("%v: name the job that writes there, or its sink of dead letters", err)
	}
	if err != nil {
		return nil, err
	}
	g := &gatherer{most: bound(share)}
	var gone missing
	for _, f := range files {
		data, err := st.Get(ctx, f.Path)
		if errors.Is(err, store.ErrNotExist) {
			gone.add(path.Join(root, f.Path), f.Rows)
			continue
		}
		if err == nil {
			err = g.file(f.Path, data)
		}
		if err != nil {
			return nil, fmt.Errorf("read dead letters of %s: %w", path.Join(root, f.Path), err)
		}
	}
	letters, err := g.letters(job)
	if err == nil {
		letters.missing = gone
	}
	return letters, err
}

// file takes the rows of a file. Columns that its directories stand for are not in it.
func (g *gatherer) file(name string, data []byte) error {
	has, err := parquettable.Schema(name, data)
	if err != nil {
		return err
	}
	var fields []columnar.DecodeField
	for _, f := range dstream.DeadLetterSchema().Fields {
		if has.Index(f.Name) >= 0 {
			fields = append(fields, columnar.DecodeField{Field: f})
		}
	}
	b, err := parquettable.Decode(name, data, fields)
	if err != nil {
		return err
	}
	r := rowReader{b: b, dirs: directories(name)}
	for i := range b.Rows {
		l, err := r.letter(i)
		if err == nil {
			err = g.add(l)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// hiveDefault is the directory of NULL and of the empty text.
const hiveDefault = "__HIVE_DEFAULT_PARTITION__"

// directories are the partition columns of a file, by name.
func directories(name string) map[string]string {
	out := map[string]string{}
	for _, dir := range strings.Split(path.Dir(name), "/") {
		column, value, ok := strings.Cut(dir, "=")
		if !ok {
			continue
		}
		column, err1 := url.PathUnescape(column)
		value, err2 := url.PathUnescape(value)
		if err1 == nil && err2 == nil {
			if value == hiveDefault {
				value = ""
			}
			out[column] = value
		}
	}
	return out
}

// rowReader reads the rows of a file.
type rowReader struct {
	b    *columnar.Batch
	dirs map[string]string
}

// column is the column of that name, nil when it is not in the file.
func (r rowReader) column(name string) *columnar.Vector {
	if i := r.b.Schema.Index(name); i >= 0 {
		return r.b.Cols[i]
	}
	return nil
}

// text is a value of a column, or of the directory in its place; false: it is NULL. numbers are digits.
func (r rowReader) text(name string, row int) (string, bool, error) {
	v := r.column(name)
	switch {
	case v == nil:
		text, ok := r.dirs[name]
		if !ok {
			return "", false, refuse("it has no column %q: these are no dead letters", name)
		}
		return text, true, nil
	case v.IsNull(row):
		return "", false, nil
	}
	switch v.Type.Kind.Storage() {
	case columnar.StoredI32:
		return strconv.FormatInt(int64(v.I32[row]), 10), true, nil
	case columnar.StoredI64:
		return strconv.FormatInt(v.I64[row], 10), true, nil
	case columnar.StoredBits:
		return strconv.FormatBool(v.Bool(row)), true, nil
	}
	return string(v.Str(row)), true, nil
}

func (r rowReader) number(name string, row, bits int) (int64, error) {
	text, _, err := r.text(name, row)
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseInt(text, 10, bits)
	if err != nil {
		return 0, refuse("column %q of row %d holds %q", name, row, text)
	}
	return n, nil
}

func (r rowReader) letter(row int) (*Letter, error) {
	l := &Letter{}
	var err error
	fail := func(e error) {
		if err == nil {
			err = e
		}
	}
	l.Source, _, err = r.text("source", row)
	topic, _, e := r.text("topic", row)
	fail(e)
	partition, e := r.number("partition", row, 32)
	fail(e)
	offset, e := r.number("offset", row, 64)
	fail(e)
	batch, e := r.number("batch", row, 64)
	fail(e)
	complete, _, e := r.text("complete", row)
	fail(e)
	l.Topic, l.Partition, l.Offset, l.Batch, l.Complete = topic, int32(partition), offset, batch, complete == "true"
	fail(r.record(l, row))
	return l, err
}

// record fills in the record. What stands for itself in a directory cannot be read back.
func (r rowReader) record(l *Letter, row int) error {
	key, value, at, headers := r.column("key"), r.column("value"), r.column("timestamp"), r.column("headers")
	for name, v := range map[string]*columnar.Vector{"key": key, "value": value, "timestamp": at, "headers": headers} {
		if v == nil {
			return refuse("column %q is not in the file: partition by an expression of it, not by the column itself", name)
		}
	}
	l.Record.Key, l.Record.Value = bytesOf(key, row), bytesOf(value, row)
	l.Value = l.Record.Value != nil
	l.Record.Timestamp = -1
	if !at.IsNull(row) {
		l.Record.Timestamp = at.I64[row] / 1000
	}
	if !headers.IsNull(row) {
		kid := headers.Kids[0]
		for i := headers.Off[row]; i < headers.Off[row+1]; i++ {
			l.Record.Headers = append(l.Record.Headers, header(string(kid.Kids[0].Str(int(i))), bytesOf(kid.Kids[1], int(i))))
		}
	}
	return nil
}

// bytesOf is a value that stays, nil for NULL.
func bytesOf(v *columnar.Vector, row int) []byte {
	if v.IsNull(row) {
		return nil
	}
	return append([]byte{}, v.Str(row)...)
}
