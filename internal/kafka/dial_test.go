package kafka

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/segmentio/kafka-go/protocol"
)

// listening is the address of somebody who accepts one connection and does something with it.
func listening(t *testing.T, do func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			do(conn)
			conn.Close()
		}
	}()
	t.Cleanup(func() {
		l.Close()
		<-done
	})
	return l.Addr().String()
}

// nobody is an address that refuses connections.
func nobody(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// TestBootstrap: one of the brokers is enough, in whatever order they are tried, also when another says nothing.
func TestBootstrap(t *testing.T) {
	quit := make(chan struct{})
	silent := listening(t, func(net.Conn) { <-quit })
	defer close(quit)
	for range 3 {
		b := startSASLBroker(t, 0, nil)
		d := newDialer(Options{Brokers: []string{nobody(t), silent, b.addr}, DialTimeout: 2 * time.Second,
			SASL: &SASL{Mechanism: Plain, Username: "u", Password: "p"}})
		ctx, cancel := context.WithTimeout(t.Context(), d.timeout) // as the Transport does
		conn, err := d.dial(ctx, "tcp", bootstrap{}.String())
		cancel()
		if err != nil {
			t.Fatal(err)
		}
		conn.Close()
	}
}

// TestBootstrapErrors: with no broker to be had, what TLS or SASL have to say wins; else all of them are named.
func TestBootstrapErrors(t *testing.T) {
	a, b := nobody(t), nobody(t)
	d := newDialer(Options{Brokers: []string{a, b}, DialTimeout: time.Second})
	_, err := d.dial(t.Context(), "tcp", bootstrap{}.String())
	if err == nil || !strings.Contains(err.Error(), a) || !strings.Contains(err.Error(), b) || Decide(err) != Refresh {
		t.Errorf("got %v", err)
	}
	alert := listening(t, func(c net.Conn) {
		io.ReadFull(c, make([]byte, 8))
		c.Write([]byte{0x15, 3, 3, 0, 2, 2, 40})
	})
	d = newDialer(Options{Brokers: []string{a, alert, b}, DialTimeout: 3 * time.Second, SASL: &SASL{Mechanism: Plain, Username: "u", Password: "p"}})
	_, err = d.dial(t.Context(), "tcp", bootstrap{}.String())
	var reach *ReachError
	if !errors.As(err, &reach) || reach.Fault != TLSWanted || reach.Addr != alert || Decide(err) != Stop {
		t.Errorf("got %v", err)
	}
}

// TestDialIsCancelled: who does not wait any more is not kept.
func TestDialIsCancelled(t *testing.T) {
	quit, reached := make(chan struct{}), make(chan struct{}, 1)
	silent := listening(t, func(net.Conn) {
		reached <- struct{}{}
		<-quit
	})
	defer close(quit)
	ctx, cancel := context.WithCancel(t.Context())
	d := newDialer(Options{Brokers: []string{silent}, DialTimeout: time.Hour, SASL: &SASL{Mechanism: Plain, Username: "u", Password: "p"}})
	failed := make(chan error)
	go func() {
		_, err := d.dial(ctx, "tcp", silent)
		failed <- err
	}()
	<-reached
	cancel()
	if err := <-failed; err == nil || !strings.Contains(err.Error(), silent) {
		t.Errorf("got %v", err)
	}
}

// TestTLSFiles: what cannot be read is told before anything is sent.
func TestTLSFiles(t *testing.T) {
	addr := listening(t, func(c net.Conn) { io.Copy(io.Discard, c) })
	for _, c := range []struct {
		tls  TLS
		want string
	}{
		{TLS{CAFile: "nowhere.pem"}, "read tls.ca: open nowhere.pem: no such file or directory"},
		{TLS{CAFile: "dial_test.go"}, "read tls.ca: dial_test.go holds no certificate in PEM"},
		{TLS{CertFile: "dial_test.go", KeyFile: "nowhere.key"}, "read tls.key: open nowhere.key: no such file or directory"},
		{TLS{CertFile: "dial_test.go", KeyFile: "dial_test.go"}, "read tls.cert dial_test.go and tls.key dial_test.go: tls: failed to find any PEM data"},
	} {
		d := newDialer(Options{Brokers: []string{addr}, DialTimeout: 3 * time.Second, TLS: &c.tls})
		_, err := d.dial(t.Context(), "tcp", addr)
		var reach *ReachError
		if !errors.As(err, &reach) || reach.Fault != BadFile || !strings.Contains(err.Error(), c.want) || Decide(err) != Stop || !reach.Lasting() {
			t.Errorf("got %v, want %q", err, c.want)
		}
	}
}

// readWriter answers whatever is written with the same bytes.
type readWriter struct{ io.Reader }

func (readWriter) Write(p []byte) (int, error) { return len(p), nil }

// FuzzAuthenticate has a broker answer anything.
func FuzzAuthenticate(f *testing.F) {
	f.Add([]byte("\x00\x00\x00\x0a\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00"), true)
	f.Add([]byte("\x15\x03\x03\x00\x02\x02\x28"), false)
	f.Add([]byte("\x7f\xff\xff\xff\x00\x00\x00\x01"), false)
	f.Add([]byte("\x00\x00\x00\x0e\x00\x00\x00\x01\x00\x21\x00\x00\x00\x01\x00\x02ab"), false)
	f.Fuzz(func(t *testing.T, data []byte, bearer bool) {
		d := newDialer(Options{SASL: &SASL{Mechanism: ScramSHA256, Username: "u", Password: "pa55word"}})
		if bearer {
			d.sasl.Mechanism = OAuthBearer
		}
		life, err := d.authenticate(readWriter{bytes.NewReader(data)}, "a-token")
		if life < 0 || err == nil && !bearer {
			t.Fatalf("life %s, %v", life, err)
		}
		if err != nil {
			if reach := d.refused("a:1", err); len(err.Error()) > 8000 || reach != nil && strings.ContainsAny(reach.Error(), "\n\x00\x1b") {
				t.Fatalf("not for people: %q", err)
			}
		}
		w := &wireCall{rw: readWriter{bytes.NewReader(data)}}
		if a, err := w.roundTrip(protocol.ApiVersions, 0, func(*request) {}); err == nil && len(a.b) > len(data) {
			t.Fatal("more than there is")
		}
	})
}
