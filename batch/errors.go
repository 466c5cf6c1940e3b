package batch

import (
	"errors"
	"fmt"

	"github.com/millrace/millrace/internal/state"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/wal"
)

// RefusedError stops a job to protect data (exit code 3). The message says what differs and the one way out.
type RefusedError struct{ Msg string }

func (e *RefusedError) Error() string { return e.Msg }

func refuse(format string, args ...any) error {
	return &RefusedError{Msg: fmt.Sprintf(format, args...)}
}

// BadDataError stops a job because of what its input holds (exit code 4). The batch is cancelled: the next run plans
// the same offsets anew.
type BadDataError struct{ Err error }

func (e *BadDataError) Error() string { return e.Err.Error() }

// Unwrap returns the reason.
func (e *BadDataError) Unwrap() error { return e.Err }

// SupersededError says that another driver has taken over (exit code 5). Nothing more may be published.
type SupersededError struct {
	Epoch uint64 // ours
	Newer wal.Holder
}

func (e *SupersededError) Error() string {
	return fmt.Sprintf("another run has taken this job over from epoch %d: %s", e.Epoch, e.Newer)
}

// lost turns the loss or damage of something that the checkpoint must hold into a refusal: another try cannot help.
func lost(err error) error {
	var digest *store.DigestError
	var block *state.CorruptError
	if errors.Is(err, store.ErrNotExist) || errors.As(err, &digest) || errors.As(err, &block) {
		return refuse("%v: the checkpoint is incomplete or damaged; restore it from a copy, nothing was changed", err)
	}
	return err
}
