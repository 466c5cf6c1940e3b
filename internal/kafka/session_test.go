package kafka

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/segmentio/kafka-go/protocol"
)

// saslBroker serves one connection after the other: PLAIN, with sessions of a given life, and Metadata for all the rest.
type saslBroker struct {
	addr string
	seen chan string // what each connection has asked, one text a request
}

func startSASLBroker(t *testing.T, life time.Duration, refuse func(n int) bool) *saslBroker {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &saslBroker{addr: l.Addr().String(), seen: make(chan string, 100)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		b.serve(conn, life, refuse)
	}()
	t.Cleanup(func() {
		l.Close()
		<-done
	})
	return b
}

func (b *saslBroker) serve(conn net.Conn, life time.Duration, refuse func(n int) bool) {
	for proofs := 0; ; {
		var head [4]byte
		if _, err := io.ReadFull(conn, head[:]); err != nil {
			return
		}
		frame := make([]byte, binary.BigEndian.Uint32(head[:]))
		if _, err := io.ReadFull(conn, frame); err != nil {
			return
		}
		a := answer{b: frame}
		key, version, id := protocol.ApiKey(a.int16()), a.int16(), a.int32()
		client := a.string()
		r := &request{b: make([]byte, 4)}
		r.int32(id)
		switch key {
		case protocol.SaslHandshake:
			b.seen <- fmt.Sprintf("handshake %s v%d by %s", a.string(), version, client)
			r.int16(0)
			r.array(0)
		case protocol.SaslAuthenticate:
			proofs++
			b.seen <- fmt.Sprintf("authenticate %q", a.bytes())
			code := Code(0)
			if refuse != nil && refuse(proofs) {
				code = codeSASLFailed
			}
			r.int16(int16(code))
			r.string("the password pa55word is wrong")
			r.int32(0)
			r.int64(life.Milliseconds())
		default:
			b.seen <- "request " + string(a.b)
			r.b = append(r.b, a.b...)
		}
		if _, err := conn.Write(r.finish()); err != nil {
			return
		}
	}
}

// asked returns what has been asked so far.
func (b *saslBroker) asked() (all []string) {
	for {
		select {
		case s := <-b.seen:
			all = append(all, s)
		default:
			return all
		}
	}
}

// call1 sends a request in two pieces, as the writer of batches does, and wants it back.
func call1(conn net.Conn, text string, between func()) error {
	r := newRequest(protocol.Metadata, 0, false, 7, "test")
	r.b = append(r.b, text...)
	frame := r.finish()
	for i, piece := range [][]byte{frame[:6], frame[6:]} {
		if i > 0 {
			between()
		}
		if _, err := conn.Write(piece); err != nil {
			return err
		}
	}
	head := make([]byte, 8)
	if _, err := io.ReadFull(conn, head); err != nil {
		return err
	}
	body := make([]byte, binary.BigEndian.Uint32(head)-4)
	if _, err := io.ReadFull(conn, body); err != nil || string(body) != text {
		return fmt.Errorf("answer %q, %w", body, err)
	}
	return nil
}

// TestSessionIsRenewed steps a clock over a connection: a request in the last fifth of a session first proves again who
// sends it, on the same connection, and never between the pieces of a request.
func TestSessionIsRenewed(t *testing.T) {
	b := startSASLBroker(t, 10*time.Second, nil)
	d := newDialer(Options{Brokers: []string{b.addr}, ClientID: "me", DialTimeout: 5 * time.Second,
		SASL: &SASL{Mechanism: Plain, Username: "u", Password: "pa55word"}})
	now := time.Unix(0, 0)
	d.now = func() time.Time { return now }
	conn, err := d.dial(t.Context(), "tcp", bootstrap{}.String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	proof := []string{"handshake PLAIN v1 by me", `authenticate "\x00u\x00pa55word"`}
	want := slices.Clone(proof)
	for _, step := range []struct {
		after, writing time.Duration
		renewed        bool
	}{{0, 0, false}, {8 * time.Second, 0, false}, {1, 0, true}, {8 * time.Second, 0, false}, {time.Hour, 0, true}, {time.Second, time.Hour, false}, {0, 0, true}} {
		now = now.Add(step.after)
		if err := call1(conn, "hello", func() { now = now.Add(step.writing) }); err != nil {
			t.Fatalf("after %s: %v", step.after, err)
		}
		if step.renewed {
			want = append(want, proof...)
		}
		want = append(want, "request hello")
	}
	if got := b.asked(); !slices.Equal(got, want) {
		t.Errorf("asked\n%q\nwant\n%q", got, want)
	}
}

// TestSessionIsNotRenewed: the password was good and is not any more. What the broker says of it does not show it.
func TestSessionIsNotRenewed(t *testing.T) {
	b := startSASLBroker(t, 10*time.Second, func(n int) bool { return n > 1 })
	d := newDialer(Options{Brokers: []string{b.addr}, DialTimeout: 5 * time.Second,
		SASL: &SASL{Mechanism: Plain, Username: "u", Password: "pa55word"}})
	now := time.Unix(0, 0)
	d.now = func() time.Time { return now }
	conn, err := d.dial(t.Context(), "tcp", b.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := call1(conn, "hello", func() {}); err != nil {
		t.Fatal(err)
	}
	d.worked.Store(true)
	now = now.Add(9 * time.Second)
	err = call1(conn, "hello", func() {})
	var reach *ReachError
	if !errors.As(err, &reach) || reach.Fault != BadCredentials || !reach.Worked || reach.Lasting() || Decide(err) != Refresh {
		t.Errorf("got %v", err)
	}
	if text := fmt.Sprint(err); strings.Contains(text, "pa55word") || !strings.Contains(text, b.addr) || !strings.Contains(text, "the password *** is wrong") {
		t.Error(text)
	}
}

// A session without an end, and one shorter than brokers take proofs, are not renewed all the time.
func TestSessionLives(t *testing.T) {
	for _, c := range []struct{ life, renewed time.Duration }{{0, 0}, {time.Hour, 48 * time.Minute}, {time.Second, sessionLeast}} {
		b := startSASLBroker(t, c.life, nil)
		d := newDialer(Options{Brokers: []string{b.addr}, DialTimeout: 5 * time.Second, SASL: &SASL{Mechanism: Plain, Username: "u", Password: "p"}})
		d.now = func() time.Time { return time.Unix(0, 0) }
		conn, err := d.dial(t.Context(), "tcp", b.addr)
		if err != nil {
			t.Fatal(err)
		}
		at := conn.(*brokerConn).renewAt
		if c.life == 0 != at.IsZero() || c.life > 0 && at.Sub(time.Unix(0, 0)) != c.renewed {
			t.Errorf("a session of %s is renewed at %s, want after %s", c.life, at, c.renewed)
		}
		conn.Close()
	}
}
