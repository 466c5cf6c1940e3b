package kafka

import "fmt"

// Fault is what keeps a broker that answers from being used.
type Fault int

const (
	// BadFile: a file of the job's own (authority, certificate, key, token) cannot be read or holds something else.
	BadFile Fault = iota
	// NoToken: no token could be had, or it has ended.
	NoToken
	// BadCredentials: the broker refuses the username and password, or the token.
	BadCredentials
	// BadMechanism: the broker does not offer the SASL mechanism.
	BadMechanism
	// SASLNotTaken: the listener knows no SASL.
	SASLNotTaken
	// SASLWanted: the listener serves nobody without SASL.
	SASLWanted
	// TLSNotTaken: the listener is not encrypted.
	TLSNotTaken
	// TLSWanted: the listener is encrypted.
	TLSWanted
	// TLSVersion: the broker speaks no version of TLS that is allowed.
	TLSVersion
	// UnknownAuthority: nobody who is trusted has signed the broker's certificate.
	UnknownAuthority
	// WrongName: the broker's certificate is that of another host.
	WrongName
	// Expired: the broker's certificate has ended, or has not begun.
	Expired
	// ClientRefused: the broker does not take the client's certificate, or wants one.
	ClientRefused
)

// ReachError says why a broker cannot be used although something answers at its address: a matter of TLS or SASL.
type ReachError struct {
	Addr  string // host:port
	Fault Fault
	Err   error  // what is wrong, without secrets
	Hint  string // what to do
	// Worked reports whether the client has used connections made in the same way: then something has changed since,
	// and may still be changing, such as a password that is being replaced.
	Worked bool
}

func (e *ReachError) Error() string {
	if e.Hint == "" {
		return fmt.Sprintf("broker %s: %v", e.Addr, e.Err)
	}
	return fmt.Sprintf("broker %s: %v; %s", e.Addr, e.Err, e.Hint)
}

// Unwrap returns what is wrong.
func (e *ReachError) Unwrap() error { return e.Err }

// Lasting reports whether only another job file or other files mend it. What is left may pass: a certificate is renewed,
// a service that gives tokens comes back.
func (e *ReachError) Lasting() bool {
	switch e.Fault {
	case NoToken, Expired:
		return false
	}
	return !e.Worked
}

// ConnError is an error of one connection, with its address.
type ConnError struct {
	Addr string // host:port
	Err  error
}

func (e *ConnError) Error() string { return fmt.Sprintf("broker %s: %v", e.Addr, e.Err) }

// Unwrap returns what went wrong.
func (e *ConnError) Unwrap() error { return e.Err }
