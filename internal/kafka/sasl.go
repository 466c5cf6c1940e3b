package kafka

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/segmentio/kafka-go/protocol"
)

const (
	codeUnsupportedMechanism Code = 33
	codeIllegalSASLState     Code = 34
	codeSASLFailed           Code = 58
)

// authenticateBytesMax bounds an answer of the exchange: some hundred bytes.
const authenticateBytesMax = 1 << 20

// wireCall sends the requests that come before all others, on a connection that nobody else uses yet.
type wireCall struct {
	rw       io.ReadWriter
	clientID string
	id       int32
}

func (w *wireCall) roundTrip(key protocol.ApiKey, version int16, body func(*request)) (*answer, error) {
	w.id++
	r := newRequest(key, version, false, w.id, w.clientID)
	body(r)
	if _, err := w.rw.Write(r.finish()); err != nil {
		return nil, err
	}
	var head [4]byte
	if _, err := io.ReadFull(w.rw, head[:]); err != nil {
		return nil, err
	}
	size := binary.BigEndian.Uint32(head[:])
	switch {
	case isTLSAlert(head[:]):
		return nil, errTLSAlert
	case size < 4 || size > authenticateBytesMax:
		return nil, errShortAnswer
	}
	buf := make([]byte, size)
	if _, err := io.ReadFull(w.rw, buf); err != nil {
		return nil, err
	}
	a := &answer{b: buf}
	if a.int32() != w.id {
		return nil, errShortAnswer
	}
	return a, nil
}

// errTLSAlert says that a listener answers what is not encrypted as TLS does.
var errTLSAlert = errors.New("it answers in TLS")

// isTLSAlert reports whether an answer begins as an alert of TLS 1.0 to 1.3.
func isTLSAlert(p []byte) bool { return len(p) >= 2 && p[0] == 0x15 && p[1] == 3 }

// authenticate proves who we are. It returns how long the broker takes requests on the connection until it has to be
// proven again; 0: for ever.
func (d *dialer) authenticate(rw io.ReadWriter, token Secret) (time.Duration, error) {
	w := &wireCall{rw: rw, clientID: d.clientID}
	if err := handshake(w, d.sasl.Mechanism); err != nil {
		return 0, err
	}
	switch d.sasl.Mechanism {
	case Plain:
		_, life, err := d.exchange(w, []byte("\x00"+d.sasl.Username+"\x00"+string(d.sasl.Password)))
		return life, err
	case OAuthBearer:
		return d.bearer(w, token)
	}
	s := newScram(d.sasl.Mechanism, d.sasl.Username, d.sasl.Password)
	message := s.start()
	for {
		res, life, err := d.exchange(w, message)
		if err != nil {
			return 0, err
		}
		answer, done, err := s.next(res)
		if err != nil || done {
			return life, err
		}
		message = answer
	}
}

// mechanismsError says what a broker offers instead.
type mechanismsError struct {
	code    Code
	offered []string
}

func (e *mechanismsError) Error() string {
	if len(e.offered) == 0 {
		return e.code.Error()
	}
	return fmt.Sprintf("%v; it offers %s", e.code, strings.Join(e.offered, ", "))
}

func (e *mechanismsError) Unwrap() error { return e.code }

// handshake names the mechanism.
func handshake(w *wireCall, mechanism string) error {
	a, err := w.roundTrip(protocol.SaslHandshake, 1, func(r *request) { r.string(mechanism) })
	if err != nil {
		return err
	}
	code := Code(a.int16())
	var offered []string
	a.each(func() {
		if name := shown(a.string()); len(offered) < mechanismsShown {
			offered = append(offered, name)
		}
	})
	switch {
	case a.err != nil:
		return a.err
	case code != 0:
		slices.Sort(offered)
		return &mechanismsError{code, offered}
	}
	return nil
}

// exchange sends one message of the mechanism and returns the broker's.
func (d *dialer) exchange(w *wireCall, message []byte) ([]byte, time.Duration, error) {
	a, err := w.roundTrip(protocol.SaslAuthenticate, 1, func(r *request) {
		r.int32(int32(len(message)))
		r.b = append(r.b, message...)
	})
	if err != nil {
		return nil, 0, err
	}
	code := Code(a.int16())
	text := a.string()
	res := a.bytes()
	life := a.int64()
	switch {
	case a.err != nil:
		return nil, 0, a.err
	case code != 0:
		return nil, 0, withText(code, shown(d.scrub(text)))
	}
	return res, time.Duration(max(life, 0)) * time.Millisecond, nil
}

// bearer sends a token (RFC 7628).
func (d *dialer) bearer(w *wireCall, token Secret) (time.Duration, error) {
	res, life, err := d.exchange(w, []byte("n,,\x01auth=Bearer "+string(token)+"\x01\x01"))
	if err != nil || len(res) == 0 {
		return life, err
	}
	// A refusal comes in two steps: the reason, and the error once we have said that we have read it.
	reason := strings.ReplaceAll(d.scrub(string(res)), string(token), "***")
	if _, _, err = d.exchange(w, []byte{1}); err == nil {
		err = codeSASLFailed
	}
	return 0, fmt.Errorf("%w (%s)", err, shown(reason))
}

// Bounds of what errors show of a broker's words.
const (
	mechanismsShown = 16
	wordsShown      = 300
)

// shown is a broker's text for a message: one line of bounded length.
func shown(text string) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, strings.ToValidUTF8(text[:min(len(text), wordsShown)], ""))
	return strings.TrimSpace(text)
}

// scrub takes the password out of what a broker says.
func (d *dialer) scrub(text string) string {
	if d.sasl != nil && d.sasl.Password != "" {
		text = strings.ReplaceAll(text, string(d.sasl.Password), "***")
	}
	return text
}

// refused explains an error of the exchange; nil if it may come from anywhere.
func (d *dialer) refused(addr string, err error) *ReachError {
	var code Code
	switch {
	case errors.As(err, &code):
	case errors.Is(err, errScram):
		return &ReachError{Addr: addr, Fault: BadCredentials, Err: err, Hint: "it may not be the broker that it should be"}
	case errors.Is(err, errTLSAlert):
		return tlsWanted(addr)
	default:
		return nil
	}
	switch code {
	case codeUnsupportedMechanism:
		return &ReachError{Addr: addr, Fault: BadMechanism, Err: fmt.Errorf("it does not take %s: %w", d.sasl.Mechanism, err), Hint: "write one of them in sasl.mechanism"}
	case codeIllegalSASLState:
		return &ReachError{Addr: addr, Fault: SASLNotTaken, Err: fmt.Errorf("it takes no SASL at this address: %w", err), Hint: "leave sasl out, or take the address of a SASL listener"}
	case codeSASLFailed:
		what, hint := fmt.Sprintf("it refuses user %q with this password (%s)", d.sasl.Username, d.sasl.Mechanism), "look at sasl.username and sasl.password"
		if d.sasl.Mechanism == OAuthBearer {
			what, hint = "it refuses the token", "look at what gives it, and at what the broker expects of it"
		}
		return &ReachError{Addr: addr, Fault: BadCredentials, Err: fmt.Errorf("%s: %w", what, err), Hint: hint}
	}
	return nil
}

func tlsWanted(addr string) *ReachError {
	return &ReachError{Addr: addr, Fault: TLSWanted, Err: errors.New("it speaks TLS at this address, and the connection is not encrypted"), Hint: "write tls: true, or tls: {ca: FILE}"}
}
