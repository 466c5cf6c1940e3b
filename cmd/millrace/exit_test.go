package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/millrace/millrace/batch"
	"github.com/millrace/millrace/dstream"
	"github.com/millrace/millrace/internal/kafka"
	"github.com/millrace/millrace/internal/wal"
	"github.com/millrace/millrace/offsets"
	"github.com/millrace/millrace/output"
)

// Schedulers depend on the codes, however deep the error that decides is wrapped or joined.
func TestExitCodes(t *testing.T) {
	for _, c := range []struct {
		err  error
		want int
	}{
		{nil, 0},
		{errors.New("disk full"), 1},
		{context.DeadlineExceeded, 1},
		{&usageError{"x"}, 2},
		{&dstream.Error{Msg: "x"}, 2},
		{&offsets.UnknownTopicError{Topic: "t"}, 2},
		{&offsets.StartError{Msg: "x"}, 2},
		{&kafka.BatchError{Err: errors.New("x")}, 4},
		{&kafka.ReachError{Fault: kafka.BadCredentials, Err: errors.New("x")}, 2},
		{&kafka.ReachError{Fault: kafka.BadCredentials, Err: errors.New("x"), Worked: true}, 1},
		{&kafka.ReachError{Fault: kafka.NoToken, Err: errors.New("x")}, 1},
		{&kafka.ReachError{Fault: kafka.Expired, Err: errors.New("x")}, 1},
		{&kafka.AccessError{Operation: "Read", Resource: "topic t", Err: errors.New("x")}, 1},
		{&batch.RefusedError{Msg: "x"}, 3},
		{&offsets.RangeGoneError{}, 3},
		{&output.ConflictError{}, 3},
		{&output.OwnedError{}, 3},
		{&batch.BadDataError{Err: errors.New("x")}, 4},
		{&output.PartitionLimitError{}, 4},
		{&wal.HeldError{}, 5},
		{&batch.SupersededError{}, 5},
		{exitWith(9), 9},
		{errSecondSignal, 130},
		{context.Canceled, 130},
	} {
		err := c.err
		if err != nil {
			err = errors.Join(fmt.Errorf("run: %w", c.err), errors.New("close source"))
		}
		var out bytes.Buffer
		if got := report(&out, err); got != c.want {
			t.Errorf("%T: exit %d, want %d", c.err, got, c.want)
		}
		silent := c.err == nil || is[exitWith](err) || errors.Is(err, context.Canceled)
		if silent != (out.Len() == 0) {
			t.Errorf("%T: printed %q", c.err, out.String())
		}
	}
}
