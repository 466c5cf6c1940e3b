package batch

import (
	"bytes"
	"context"
	"io"
	"time"

	"github.com/millrace/millrace/internal/failpoint"
	"github.com/millrace/millrace/internal/store"
)

// simPart is the size of a part of an object: small, so that many objects have several.
const simPart = 512

// objectPoints are objects with the failpoints of those in S3, at the same places: see package internal/store/s3.
type objectPoints struct{ store.Objects }

func (o objectPoints) PutIfAbsent(ctx context.Context, name string, write func(io.Writer) error) error {
	fault := func(err error) error { return &store.OpError{Op: "create", Name: name, Err: err} }
	var data bytes.Buffer
	if err := write(&data); err != nil {
		return err
	}
	for _, p := range pointsOfPut(data.Len()) {
		if err := failpoint.Hit(p); err != nil {
			return fault(err)
		}
	}
	if err := store.PutBytes(ctx, o.Objects, name, data.Bytes()); err != nil {
		return err
	}
	if err := failpoint.Hit(failpoint.S3Created); err != nil {
		return fault(err)
	}
	return nil
}

// pointsOfPut are those in front of an object of a size.
func pointsOfPut(size int) (out []failpoint.Point) {
	if size <= simPart {
		return []failpoint.Point{failpoint.S3Put}
	}
	for ; size > 0; size -= simPart {
		out = append(out, failpoint.S3Part)
	}
	return append(out, failpoint.S3Complete)
}

func (o objectPoints) Get(ctx context.Context, name string) ([]byte, error) {
	if err := failpoint.Hit(failpoint.S3Get); err != nil {
		return nil, &store.OpError{Op: "read", Name: name, Err: err}
	}
	return o.Objects.Get(ctx, name)
}

func (o objectPoints) GetAll(ctx context.Context, names []string) (out [][]byte, err error) {
	for _, name := range names {
		data, err := o.Get(ctx, name)
		if err != nil {
			return nil, err
		}
		out = append(out, data)
	}
	return out, nil
}

func (o objectPoints) LastBeat(ctx context.Context, name string) ([]byte, time.Duration, error) {
	if err := failpoint.Hit(failpoint.S3Get); err != nil {
		return nil, 0, &store.OpError{Op: "read", Name: name, Err: err}
	}
	return o.Objects.LastBeat(ctx, name)
}

func (o objectPoints) List(ctx context.Context, prefix string) ([]string, error) {
	return o.ListAfter(ctx, prefix, "", 0)
}

func (o objectPoints) ListAfter(ctx context.Context, prefix, after string, limit int) ([]string, error) {
	if err := failpoint.Hit(failpoint.S3List); err != nil {
		return nil, &store.OpError{Op: "list", Name: prefix, Err: err}
	}
	return o.Objects.ListAfter(ctx, prefix, after, limit)
}
