package deadletter

import "fmt"

// RefusedError says why letters can't be fed: another try cannot help, unless what it names has changed.
type RefusedError struct{ Msg string }

func (e *RefusedError) Error() string { return e.Msg }

func refuse(format string, args ...any) error {
	return &RefusedError{Msg: fmt.Sprintf(format, args...)}
}
