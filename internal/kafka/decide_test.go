package kafka

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
)

// TestDecide goes through what is no code of a broker.
func TestDecideErrors(t *testing.T) {
	refused := &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}
	for _, c := range []struct {
		err  error
		want Action
	}{
		{nil, Stop},
		{context.Canceled, Stop},
		{&BatchError{Err: io.ErrUnexpectedEOF}, Stop},
		{&BatchError{Err: codeNotLeader}, Stop}, // whatever else is in it
		{refused, Refresh},
		{&ConnError{"a:1", refused}, Refresh},
		{&NoBrokerError{[]string{"a:1"}, refused}, Refresh},
		{&ConnError{"a:1", io.EOF}, Refresh},
		{&ConnError{"a:1", syscall.ECONNRESET}, Refresh},
		{fmt.Errorf("no answer within 1s: %w", context.DeadlineExceeded), Refresh},
		{errShortAnswer, Refresh},
		{&AccessError{Err: codeTopicDenied}, Stop},
		{&MissingError{"t", 1}, Refresh},
		{&ReachError{Fault: BadCredentials, Err: codeSASLFailed}, Stop},
		{&ReachError{Fault: BadCredentials, Err: codeSASLFailed, Worked: true}, Refresh}, // the password is being replaced
		{&ReachError{Fault: Expired, Err: x509.CertificateInvalidError{}}, Stop},
		{&ReachError{Fault: Expired, Err: x509.CertificateInvalidError{}, Worked: true}, Refresh},
		{&ReachError{Fault: NoToken, Err: io.EOF}, Refresh}, // what gives it may come back
		{&NoBrokerError{[]string{"a:1"}, &ReachError{Fault: TLSWanted, Err: io.EOF}}, Stop},
		{worst([]error{refused, &ReachError{Fault: TLSWanted, Err: io.EOF}}), Stop},
		{worst([]error{refused, refused}), Refresh},
	} {
		if got := Decide(c.err); got != c.want {
			t.Errorf("%v: %v, want %v", c.err, got, c.want)
		}
	}
}

// TestDecideCodes compares with what franz-go tries again, code by code. Where we differ the reason stands here.
func TestDecideCodes(t *testing.T) {
	differs := map[Code]string{
		codeUnknownServer:     "a broker says it of what it did not expect, mostly while it starts or stops",
		CodeOffsetOutOfRange:  "a lagging follower says it too; a reader asks the leader",
		codeConcurrentTxns:    "the coordinator writes the markers of the transaction before",
		2:                     "corrupt: the broker's log holds it, and would send it again",
		84:                    "we start no elections",
		codeUnknownController: "the controllers are electing",
		codeRebootstrap:       "the broker asks for it",
		133:                   "we keep no share sessions",
	}
	actions := map[Action]int{}
	for n := -1; n < 200; n++ {
		code := Code(n)
		got := decideCode(code)
		actions[got]++
		var known *kerr.Error
		if n == 0 || !errors.As(kerr.ErrorForCode(int16(n)), &known) || n > 0 && known.Code == -1 {
			if got != Stop {
				t.Errorf("%v: %v, want stop: no code that is known", code, got)
			}
			continue
		}
		_, differ := differs[code]
		if same := known.Retriable == (got != Stop); same == differ {
			t.Errorf("%s: %v, franz-go tries again: %v, expected to differ: %v", known.Message, got, known.Retriable, differ)
		}
	}
	if actions[Retry] < 5 || actions[Refresh] < 15 {
		t.Errorf("decided %v", actions)
	}
}
