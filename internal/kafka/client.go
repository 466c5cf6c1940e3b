package kafka

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	kafkago "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
)

// Options says how to reach a cluster. The zero value of every field but Brokers works.
type Options struct {
	// Brokers are the bootstrap addresses, host:port; port 9092 if left out. At least one.
	Brokers []string
	// ClientID names this program in the brokers' logs and quotas; "millrace" by default.
	ClientID string
	// DialTimeout bounds one connection attempt with TLS and SASL; 5 s by default.
	DialTimeout time.Duration
	// RequestTimeout bounds one request, beyond the time a broker may hold it back (Fetch's MaxWait, throttling);
	// 15 s by default. Keep it above twice DialTimeout.
	RequestTimeout time.Duration
	// TLS and SASL secure the connections; nil for neither.
	TLS  *TLS
	SASL *SASL
}

// refreshInterval is the least time between two times that all connections are dropped: after a leader died every
// reader asks for it at once.
const refreshInterval = 50 * time.Millisecond

// Client sends requests to the brokers of one cluster. It is safe for concurrent use.
type Client struct {
	opts          Options
	dialer        *dialer
	health        health
	transport     *kafkago.Transport
	correlationID atomic.Int32
	looking       chan struct{} // held by the one request that fills the leader cache

	mu        sync.Mutex
	refreshed time.Time
	versions  map[int32]map[protocol.ApiKey]int16
	leaders   map[partitionKey]Leader
	muted     map[int32]time.Time // by broker: until when it holds back answers

	coordinators map[coordinatorKey]int32
}

// NewClient returns a client; it connects with the first request.
func NewClient(opts Options) (*Client, error) {
	if len(opts.Brokers) == 0 {
		return nil, errors.New("kafka: no brokers given")
	}
	opts.ClientID = orDefault(opts.ClientID, "millrace")
	opts.DialTimeout = orDefault(opts.DialTimeout, 5*time.Second)
	opts.RequestTimeout = orDefault(opts.RequestTimeout, 15*time.Second)
	c := &Client{
		opts:    opts,
		dialer:  newDialer(opts),
		health:  health{now: time.Now},
		looking: make(chan struct{}, 1),
		muted:   map[int32]time.Time{},
	}
	c.transport = &kafkago.Transport{
		Dial:        c.dialer.dial,
		ClientID:    opts.ClientID,
		DialTimeout: opts.DialTimeout + c.dialer.tokenTime(),
		MetadataTTL: time.Minute,
		// Not nil: no topics at all. Only the brokers' addresses are taken from the Transport.
		MetadataTopics: []string{},
	}
	c.forget()
	return c, nil
}

func orDefault[T comparable](v, def T) T {
	var zero T
	if v == zero {
		return def
	}
	return v
}

// Brokers returns the bootstrap addresses.
func (c *Client) Brokers() []string { return c.opts.Brokers }

// Close closes the connections that are not in use; those in use close when their request ends. A later request
// connects again, so a client may be shared.
func (c *Client) Close() { c.transport.CloseIdleConnections() }

// Refresh forgets leaders, versions and connections, so that the next request looks for them afresh. Calls close
// together count as one.
func (c *Client) Refresh() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Since(c.refreshed) < refreshInterval {
		clear(c.leaders)
		return
	}
	c.refreshed = time.Now()
	c.forget()
	c.transport.CloseIdleConnections()
}

func (c *Client) forget() {
	c.versions = map[int32]map[protocol.ApiKey]int16{}
	c.leaders = map[partitionKey]Leader{}
	c.coordinators = map[coordinatorKey]int32{}
}

// call is a request with its place in the protocol.
type call struct {
	node     int32
	key      protocol.ApiKey
	version  int16
	flexible bool
	wait     time.Duration // how long the broker may hold the answer back by request
	buf      []byte        // reused for the answer if large enough
	most     int64         // bytes of the answer; 0: answerBytesMax
	body     func(*request)
}

// send sends a request and returns its answer. After an error c.buf must not be used any more: the exchange may
// still be writing into it.
func (c *Client) send(ctx context.Context, q call) (*rawAnswer, error) {
	limit := c.opts.RequestTimeout + q.wait + c.mutedFor(q.node) + c.dialer.tokenTime()
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	id := c.correlationID.Add(1)
	r := newRequest(q.key, q.version, q.flexible, id, c.opts.ClientID)
	q.body(r)
	x := &exchange{ctx: ctx, key: q.key, node: q.node, flexible: q.flexible, correlationID: id, frame: r.finish(), buf: q.buf, most: q.most}
	m, err := c.transport.RoundTrip(ctx, bootstrap{}, x)
	if err != nil {
		return nil, c.explain(x, limit, err)
	}
	if q.key != protocol.ApiVersions { // which brokers answer to anybody
		c.dialer.worked.Store(true)
	}
	return m.(*rawAnswer), nil
}

// explain gives a transport error its place.
func (c *Client) explain(x *exchange, limit time.Duration, err error) error {
	var code kafkago.Error
	var reach *ReachError
	var conn *ConnError
	switch {
	case errors.As(err, &reach):
		return reach
	case errors.As(err, &code):
		return c.explainCode(x, Code(code))
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		err = fmt.Errorf("no answer within %s: %w", limit, context.DeadlineExceeded)
	case errors.Is(err, context.Canceled):
		return err
	case errors.As(err, &conn):
		if reach := c.dialer.suspect(conn); reach != nil {
			return reach
		}
		err = conn
	}
	switch {
	case x.node == anyBroker:
		return &NoBrokerError{Brokers: c.opts.Brokers, Err: err}
	case conn != nil:
		return err
	case x.addr != "":
		return &ConnError{x.addr, err}
	}
	return fmt.Errorf("broker %d: %w", x.node, err)
}

// explainCode says more of a broker that the Transport does not know: mostly it could not ask any for the others.
func (c *Client) explainCode(x *exchange, code Code) error {
	if code != codeBrokerNotAvailable {
		return code
	}
	if last := c.dialer.last.Load(); last != nil {
		return fmt.Errorf("broker %d: %w (%w)", x.node, code, *last)
	}
	return fmt.Errorf("broker %d: %w", x.node, code)
}

// throttled notes that a broker holds back its next answers. It mutes the connection for that long, which must not
// look like a dead broker.
func (c *Client) throttled(node int32, d time.Duration) {
	if d <= 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if until := time.Now().Add(d); until.After(c.muted[node]) {
		c.muted[node] = until
	}
}

func (c *Client) mutedFor(node int32) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return max(time.Until(c.muted[node]), 0)
}

// throttle reads the throttle time that most answers begin with.
func (c *Client) throttle(node int32, a *answer) time.Duration {
	d := time.Duration(a.int32()) * time.Millisecond
	c.throttled(node, d)
	return max(d, 0)
}

// NoBrokerError says that no bootstrap broker could be reached, or that none answered.
type NoBrokerError struct {
	Brokers []string
	Err     error
}

func (e *NoBrokerError) Error() string {
	return fmt.Sprintf("kafka: no broker answered at %s (%v)", strings.Join(e.Brokers, ", "), e.Err)
}

// Unwrap returns what went wrong with the last one tried.
func (e *NoBrokerError) Unwrap() error { return e.Err }
