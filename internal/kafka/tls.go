package kafka

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/segmentio/kafka-go/protocol"
)

// pemBytesMax bounds a file of certificates; those of a system have some 300 kB.
const pemBytesMax = 8 << 20

// config reads the files anew, for one connection. asked is set when the broker asks for the client's certificate.
func (t *TLS) config(host string, asked *bool) (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: host}
	if t.MinVersion == "1.3" {
		c.MinVersion = tls.VersionTLS13
	}
	if t.ServerName != "" {
		c.ServerName = t.ServerName
	}
	if t.CAFile != "" {
		data, err := readPEM(t.CAFile)
		if err != nil {
			return nil, fmt.Errorf("read tls.ca: %w", err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(data) {
			return nil, fmt.Errorf("read tls.ca: %s holds no certificate in PEM", t.CAFile)
		}
	}
	own, err := t.certificate()
	if err != nil {
		return nil, err
	}
	c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		*asked = true
		return own, nil // whoever may have signed it: the broker's refusal says more than silence
	}
	return c, nil
}

// certificate is the client's own, or an empty one.
func (t *TLS) certificate() (*tls.Certificate, error) {
	if t.CertFile == "" {
		return &tls.Certificate{}, nil
	}
	cert, err := readPEM(t.CertFile)
	if err != nil {
		return nil, fmt.Errorf("read tls.cert: %w", err)
	}
	key, err := readPEM(t.KeyFile)
	if err != nil {
		return nil, fmt.Errorf("read tls.key: %w", err)
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return nil, fmt.Errorf("read tls.cert %s and tls.key %s: %w", t.CertFile, t.KeyFile, err)
	}
	return &pair, nil
}

func readPEM(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, pemBytesMax+1))
	if err == nil && len(data) > pemBytesMax {
		err = fmt.Errorf("%s is longer than %d bytes", path, pemBytesMax)
	}
	return data, err
}

// refusal says what is wrong with TLS, as far as an error of the handshake, or of what follows it, tells. It is nil for
// errors that may come from anywhere.
func (t *TLS) refusal(addr string, err error) *ReachError {
	var unknown x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	var verify *tls.CertificateVerificationError
	switch {
	case errors.As(err, &unknown):
		hint := "name the file of that authority in tls.ca"
		if t.CAFile != "" {
			hint = "the authorities in " + t.CAFile + " have not"
		}
		return &ReachError{Addr: addr, Fault: UnknownAuthority, Err: fmt.Errorf("its certificate is signed by an authority that is not trusted (%w)", err), Hint: hint}
	case errors.As(err, &name):
		return &ReachError{Addr: addr, Fault: WrongName, Err: fmt.Errorf("its certificate has another name (%w)", err), Hint: "write a name that it bears in tls.server_name, or connect to it by that name"}
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return &ReachError{Addr: addr, Fault: Expired, Err: fmt.Errorf("its certificate has ended or has not begun (%w)", err), Hint: "renew it, or set the clock of this machine"}
	case errors.As(err, &verify):
		return &ReachError{Addr: addr, Fault: UnknownAuthority, Err: fmt.Errorf("its certificate is not good (%w)", err), Hint: "look at it with openssl s_client -connect " + addr}
	}
	return t.alert(addr, err)
}

// alert reads the words of the TLS library: it has no types for what the broker refuses.
func (t *TLS) alert(addr string, err error) *ReachError {
	text := err.Error()
	var remote *net.OpError
	switch {
	case strings.Contains(text, "protocol version"):
		return &ReachError{Addr: addr, Fault: TLSVersion, Err: fmt.Errorf("no version of TLS in common (%w)", err), Hint: "look at tls.min_version and at the broker's ssl.enabled.protocols"}
	case errors.As(err, &remote) && remote.Op == "remote error" && strings.Contains(text, "certificate"):
		return t.clientRefused(addr, err)
	}
	return nil
}

// clientRefused says what the broker may have against the client's certificate.
func (t *TLS) clientRefused(addr string, err error) *ReachError {
	e := &ReachError{Addr: addr, Fault: ClientRefused, Err: fmt.Errorf("it refuses the certificate of tls.cert, %s (%w)", t.CertFile, err), Hint: "it has to be signed by an authority that the broker trusts"}
	if t.CertFile == "" {
		e.Err = fmt.Errorf("it asks for a certificate of the client (%w)", err)
		e.Hint = "name its files in tls.cert and tls.key"
		return e
	}
	pair, readErr := t.certificate()
	if readErr == nil && pair.Leaf != nil && pair.Leaf.NotAfter.Before(time.Now()) {
		e.Err = fmt.Errorf("it refuses the certificate of tls.cert, %s, which ended at %s (%w)", t.CertFile, pair.Leaf.NotAfter.UTC().Format(time.RFC3339), err)
		e.Hint = "renew it"
	}
	return e
}

// hungUp reports whether the other side has closed the connection.
func hungUp(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// speaksPlaintext reports whether a listener answers a request that is not encrypted: a broker only hangs up on bytes
// that it does not understand, as one does that is just going down.
func speaksPlaintext(ctx context.Context, addr string) bool {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
	if err != nil {
		return false
	}
	defer conn.Close()
	deadline, _ := ctx.Deadline() // that of the connection it replaces
	conn.SetDeadline(deadline)
	_, err = (&wireCall{rw: conn, clientID: "millrace"}).roundTrip(protocol.ApiVersions, 0, func(*request) {})
	return err == nil
}
