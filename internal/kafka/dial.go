package kafka

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// bootstrap is the address under which the Transport knows all bootstrap brokers: which one answers is for the dialer
// to find, since it tells why none does.
type bootstrap struct{}

// Network implements net.Addr.
func (bootstrap) Network() string { return "tcp" }

// String implements net.Addr.
func (bootstrap) String() string { return "bootstrap" }

// dialer makes the connections of a client, encrypted and authenticated.
type dialer struct {
	brokers  []string
	clientID string
	timeout  time.Duration
	tls      *TLS
	sasl     *SASL
	tokens   *tokens
	now      func() time.Time
	worked   atomic.Bool           // a broker has served a request
	last     atomic.Pointer[error] // why the last connection could not be made; nil: it could
}

func newDialer(o Options) *dialer {
	d := &dialer{brokers: o.Brokers, clientID: o.ClientID, timeout: o.DialTimeout, tls: o.TLS, sasl: o.SASL, now: time.Now}
	if o.SASL != nil {
		d.tokens = newTokens(o.SASL.TokenFile, o.SASL.TokenCommand)
	}
	return d
}

// dial implements kafka-go's Transport.Dial.
func (d *dialer) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	conn, err := d.dialAny(ctx, network, addr)
	if err != nil {
		d.last.Store(&err)
		return nil, err
	}
	d.last.Store(nil)
	return conn, nil
}

// dialAny connects to the broker, or to one of those that the job names.
func (d *dialer) dialAny(ctx context.Context, network, addr string) (net.Conn, error) {
	if addr != (bootstrap{}).String() {
		return d.connect(ctx, network, addr)
	}
	var errs []error
	order := slices.Clone(d.brokers)
	rand.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	for i, addr := range order {
		conn, err := d.connectWithin(ctx, network, addr, len(order)-i)
		if err == nil {
			return conn, nil
		}
		errs = append(errs, err)
	}
	return nil, worst(errs)
}

// connectWithin leaves the brokers behind the same time to answer.
func (d *dialer) connectWithin(ctx context.Context, network, addr string, left int) (net.Conn, error) {
	if deadline, ok := ctx.Deadline(); ok && left > 1 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Until(deadline)/time.Duration(left))
		defer cancel()
	}
	return d.connect(ctx, network, addr)
}

// worst is the error that says most: one of TLS or SASL, or else all of them.
func worst(errs []error) error {
	for _, err := range errs {
		var reach *ReachError
		if errors.As(err, &reach) {
			return reach
		}
	}
	if len(errs) == 1 {
		return errs[0]
	}
	var texts []string
	for _, err := range errs {
		texts = append(texts, err.Error())
	}
	return &bootstrapError{text: strings.Join(texts, "; "), errs: errs}
}

// bootstrapError is what each bootstrap broker said, in one line.
type bootstrapError struct {
	text string
	errs []error
}

func (e *bootstrapError) Error() string   { return e.text }
func (e *bootstrapError) Unwrap() []error { return e.errs }

// connect makes one connection.
func (d *dialer) connect(ctx context.Context, network, addr string) (net.Conn, error) {
	token, err := d.token(ctx, addr)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, d.timeout)
	defer cancel()
	tcp, err := (&net.Dialer{}).DialContext(ctx, network, addr)
	if err != nil {
		return nil, err // it names the address
	}
	conn, err := d.secure(ctx, tcp, addr, token)
	if err != nil {
		tcp.Close()
		return nil, err
	}
	return conn, nil
}

// token returns the token to send to a broker, if that is the way.
func (d *dialer) token(ctx context.Context, addr string) (Secret, error) {
	if d.sasl == nil || d.sasl.Mechanism != OAuthBearer {
		return "", nil
	}
	token, err := d.tokens.get(ctx)
	if err == nil {
		return token, nil
	}
	fault := NoToken
	if errors.As(err, new(errTokenFile)) {
		fault = BadFile
	}
	return "", d.fault(&ReachError{Addr: addr, Fault: fault, Err: err})
}

// fault says whether the way has worked before.
func (d *dialer) fault(e *ReachError) error {
	e.Worked = d.worked.Load()
	return e
}

// secure encrypts and authenticates a connection.
func (d *dialer) secure(ctx context.Context, tcp net.Conn, addr string, token Secret) (*brokerConn, error) {
	deadline, _ := ctx.Deadline()
	tcp.SetDeadline(deadline)
	stop := context.AfterFunc(ctx, func() { tcp.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	c := &brokerConn{Conn: tcp, d: d, addr: addr}
	if d.tls != nil {
		if err := c.encrypt(ctx); err != nil {
			return nil, err
		}
	}
	if d.sasl != nil {
		if err := c.authenticate(ctx, token); err != nil {
			return nil, err
		}
	}
	if !stop() {
		return nil, &ConnError{addr, context.Cause(ctx)}
	}
	tcp.SetDeadline(time.Time{})
	return c, nil
}

// brokerConn is a connection that stays authenticated: a broker that ends sessions takes no request after their end, so
// a request that comes late in one first proves again who sends it. Its errors have the broker's address.
type brokerConn struct {
	net.Conn
	d     *dialer
	addr  string
	asked bool // the broker has asked for a certificate of ours

	renewAt time.Time // zero: never
	within  bool      // a request is being written, or its answer is outstanding
	read    int64     // bytes since the connection was made
}

func (c *brokerConn) encrypt(ctx context.Context) error {
	host, _, err := net.SplitHostPort(c.addr)
	if err != nil {
		host = c.addr
	}
	config, err := c.d.tls.config(host, &c.asked)
	if err != nil {
		return c.d.fault(&ReachError{Addr: c.addr, Fault: BadFile, Err: err})
	}
	encrypted := tls.Client(c.Conn, config)
	err = encrypted.HandshakeContext(ctx)
	if err == nil {
		c.Conn = encrypted
		return nil
	}
	if e := c.d.tls.refusal(c.addr, err); e != nil {
		return c.d.fault(e)
	}
	if record := new(tls.RecordHeaderError); errors.As(err, record) || hungUp(err) && speaksPlaintext(ctx, c.addr) {
		return c.d.fault(&ReachError{Addr: c.addr, Fault: TLSNotTaken, Err: fmt.Errorf("it does not speak TLS at this address (%w)", err), Hint: "take the address of a TLS listener, or leave tls out"})
	}
	return &ConnError{c.addr, fmt.Errorf("TLS handshake: %w", c.timedOut(ctx, err))}
}

// timedOut gives the error of a deadline that was set for the context its name.
func (c *brokerConn) timedOut(ctx context.Context, err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return fmt.Errorf("no answer within %s: %w", c.d.timeout, context.DeadlineExceeded)
	}
	return err
}

// sessionPart is how much of a session may pass before it is renewed, and sessionLeast the least time between two
// proofs that brokers take.
const (
	sessionPart  = 0.8
	sessionLeast = 1100 * time.Millisecond
)

// authenticate proves who we are, also on a connection that has served requests.
func (c *brokerConn) authenticate(ctx context.Context, token Secret) error {
	life, err := c.d.authenticate(c.Conn, token)
	if err != nil {
		if e := c.d.refused(c.addr, err); e != nil {
			return c.d.fault(e)
		}
		return c.explain(fmt.Errorf("authenticate: %w", c.timedOut(ctx, err)))
	}
	c.renewAt = time.Time{}
	if life > 0 {
		c.renewAt = c.d.now().Add(max(time.Duration(sessionPart*float64(life)), sessionLeast))
	}
	return nil
}

// Write implements net.Conn. The Transport uses a connection for one request at a time.
func (c *brokerConn) Write(p []byte) (int, error) {
	if !c.within && !c.renewAt.IsZero() && c.d.now().After(c.renewAt) {
		if err := c.renew(); err != nil {
			return 0, err
		}
	}
	c.within = true
	n, err := c.Conn.Write(p)
	return n, c.explain(err)
}

// renew authenticates anew, within the time that the request has.
func (c *brokerConn) renew() error {
	token, err := c.d.token(context.Background(), c.addr)
	if err != nil {
		return err
	}
	return c.authenticate(context.Background(), token)
}

// Read implements net.Conn.
func (c *brokerConn) Read(p []byte) (int, error) {
	c.within = false
	n, err := c.Conn.Read(p)
	if c.read == 0 && c.d.tls == nil && isTLSAlert(p[:n]) {
		return 0, c.d.fault(tlsWanted(c.addr))
	}
	c.read += int64(n)
	return n, c.explain(err)
}

// explain gives an error the broker's address, and its meaning if it has one.
func (c *brokerConn) explain(err error) error {
	var conn *ConnError
	switch {
	case err == nil || errors.As(err, &conn) || errors.As(err, new(*ReachError)):
		return err
	case c.d.tls != nil:
		if e := c.d.tls.refusal(c.addr, err); e != nil {
			return c.d.fault(e)
		}
		if c.asked && c.read == 0 && hungUp(err) && c.d.tls.CertFile == "" {
			return c.d.fault(c.d.tls.clientRefused(c.addr, err))
		}
	}
	return &ConnError{c.addr, err}
}

// tokenTime is how much longer it may take to make a connection, or to keep one.
func (d *dialer) tokenTime() time.Duration {
	if d.sasl == nil || len(d.sasl.TokenCommand) == 0 {
		return 0
	}
	return tokenCommandMax
}

// suspect looks for what a broker does not say when it hangs up on the first requests of a client.
func (d *dialer) suspect(e *ConnError) *ReachError {
	if !hungUp(e.Err) || d.sasl != nil || d.worked.Load() {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), d.timeout)
	defer cancel()
	return d.wantsSASL(ctx, e.Addr)
}

// wantsSASL reports whether a listener serves nobody without SASL, which it shows by hanging up.
func (d *dialer) wantsSASL(ctx context.Context, addr string) *ReachError {
	conn, err := d.connect(ctx, "tcp", addr)
	if err != nil {
		return nil
	}
	defer conn.Close()
	deadline, _ := ctx.Deadline()
	conn.SetDeadline(deadline)
	err = handshake(&wireCall{rw: conn, clientID: d.clientID}, "")
	var offer *mechanismsError
	if !errors.As(err, &offer) || offer.code != codeUnsupportedMechanism {
		return nil
	}
	return &ReachError{Addr: addr, Fault: SASLWanted, Hint: "write sasl: {mechanism: …} with one of them",
		Err: fmt.Errorf("it serves nobody who does not prove who they are; it offers %s", strings.Join(offer.offered, ", "))}
}
