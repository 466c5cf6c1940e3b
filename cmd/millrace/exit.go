package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/millrace/millrace/batch"
	"github.com/millrace/millrace/dstream"
	"github.com/millrace/millrace/internal/jobspec"
	"github.com/millrace/millrace/internal/kafka"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/wal"
	"github.com/millrace/millrace/offsets"
	"github.com/millrace/millrace/output"
)

// Exit codes. Schedulers depend on them.
const (
	exitDone      = 0   // done, nothing to do, or a clean stop
	exitFailed    = 1   // a retry may help: broker, disk
	exitUsage     = 2   // command line or job file
	exitRefused   = 3   // refused to protect data
	exitBadData   = 4   // the input holds what the job must not swallow
	exitHeld      = 5   // another run holds the job
	exitDifferent = 6   // a check found a difference
	exitKilled    = 130 // second signal
)

var errSecondSignal = errors.New("stopped at once by a second signal; the open batch runs again at the next start")

// usageError is a mistake on the command line.
type usageError struct{ msg string }

func (e *usageError) Error() string { return e.msg }

func usage(format string, args ...any) error { return &usageError{fmt.Sprintf(format, args...)} }

// exitWith ends a command with a code of its own and no message.
type exitWith int

func (e exitWith) Error() string { return fmt.Sprintf("exit %d", int(e)) }

// exitCode says which kind an error is of.
func exitCode(err error) int {
	var code exitWith
	switch {
	case err == nil:
		return exitDone
	case errors.As(err, &code):
		return int(code)
	case errors.Is(err, errSecondSignal):
		return exitKilled
	case is[*usageError](err), is[*dstream.Error](err), is[*offsets.UnknownTopicError](err), is[*output.TopicError](err), is[*batch.SkipError](err), is[*batch.SelectionError](err), is[*offsets.StartError](err), lasting(err):
		return exitUsage
	case is[*wal.HeldError](err), is[*batch.SupersededError](err):
		return exitHeld
	case is[*batch.RefusedError](err), is[*offsets.RangeGoneError](err), is[*output.ConflictError](err), is[*output.OwnedError](err), is[*store.UnsafeError](err), is[*store.MissingPlaceError](err):
		return exitRefused
	case is[*batch.BadDataError](err), is[*output.PartitionLimitError](err), is[*kafka.BatchError](err):
		return exitBadData
	}
	return exitFailed
}

// lasting reports whether only another job file, or another password or certificate, makes a broker take the job.
func lasting(err error) bool {
	var reach *kafka.ReachError
	return errors.As(err, &reach) && reach.Lasting()
}

func is[T error](err error) bool {
	var t T
	return errors.As(err, &t)
}

// report prints an error, once, with the source line and a caret where it has a place in a file.
func report(w io.Writer, err error) int {
	code := exitCode(err)
	if err == nil || is[exitWith](err) {
		return code
	}
	if errors.Is(err, context.Canceled) && code == exitFailed {
		return exitKilled
	}
	fmt.Fprintln(w, "millrace:", strings.TrimSpace(jobspec.Explain(err))+wayOut(err))
	return code
}

// wayOut says what to do about errors of packages that do not know what a run is.
func wayOut(err error) string {
	var gone *offsets.RangeGoneError
	if errors.As(err, &gone) {
		return fmt.Sprintf("; to go on without what is gone, run with --accept-data-loss %s: the log then says what that was", gone.Range.Source)
	}
	if is[*kafka.BatchError](err) {
		return "; nothing of its batch was committed, and the next run reads it again: let another replica lead the partition, or begin anew behind it with another checkpoint and start: {offsets: …}"
	}
	return ""
}
