package kafka

import (
	"context"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/segmentio/kafka-go/protocol"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kversion"
)

// tick is a clock that moves only while somebody sleeps, or is told to.
type tick struct {
	mu    sync.Mutex
	now   time.Time
	slept []time.Duration
}

func newTick() *tick { return &tick{now: time.Unix(1_700_000_000, 0)} }

func (c *tick) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *tick) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func (c *tick) Sleep(ctx context.Context, d time.Duration) error {
	c.pass(d)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.slept = append(c.slept, d)
	return context.Cause(ctx)
}

// styles runs a test against a broker that speaks of transactions in the new way, and one in the old way.
func styles(t *testing.T, f func(t *testing.T, cluster *kfake.Cluster)) {
	t.Run("new", func(t *testing.T) { f(t, fake(t)) })
	t.Run("old", func(t *testing.T) { f(t, fake(t, kfake.MaxVersions(kversion.V3_6_0()))) })
}

// fixture is a producer on a fake cluster whose connections can be broken.
type fixture struct {
	*Producer
	cluster *kfake.Cluster
	clock   *tick
	cuts    *cuts
}

func newFixture(t *testing.T, cluster *kfake.Cluster) *fixture {
	t.Helper()
	f := &fixture{cluster: cluster, clock: newTick(), cuts: &cuts{}}
	c := client(t, Options{Brokers: cluster.ListenAddrs()})
	f.cuts.next, c.transport.Dial = c.transport.Dial, f.cuts.dial
	f.Producer = c.NewProducer(ProducerOptions{TransactionalID: "views", Clock: f.clock})
	f.begin(t)
	return f
}

func (f *fixture) begin(t *testing.T) {
	t.Helper()
	if err := f.Init(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func batchTo(t *testing.T, partition int32, values ...string) ProduceBatch {
	t.Helper()
	var w BatchWriter
	for _, v := range values {
		w.Append(1, nil, []byte(v), nil)
	}
	b, err := w.Finish(nil)
	if err != nil {
		t.Fatal(err)
	}
	return ProduceBatch{"ads", partition, b}
}

func (f *fixture) produce(t *testing.T, values ...string) error {
	t.Helper()
	var batches []ProduceBatch
	for i, v := range values {
		batches = append(batches, batchTo(t, int32(i%2), v))
	}
	return f.Produce(t.Context(), batches)
}

func (f *fixture) commit(t *testing.T, n int64) error {
	t.Helper()
	return f.Commit(t.Context(), "ads", CommitRecord{Batch: n, Metadata: "checkpoint"})
}

// wantVisible compares what a read_committed reader sees, partition 0 before 1, once something invisible could be.
func (f *fixture) wantVisible(t *testing.T, want string) {
	t.Helper()
	if got := visible(t, f.cluster); got != want {
		t.Errorf("visible: %q, want %q", got, want)
	}
}

func visible(t *testing.T, cluster *kfake.Cluster) string {
	t.Helper()
	var parts []string
	for p := range int32(2) {
		info := cluster.PartitionInfo("ads", p)
		c := judge(t, cluster, kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.KeepControlRecords(),
			kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{"ads": {p: kgo.NewOffset().AtStart()}}))
		var values []string
		for next := int64(0); next < info.LastStableOffset; {
			fetches := c.PollFetches(t.Context())
			if err := fetches.Err(); err != nil {
				t.Fatal(err)
			}
			fetches.EachRecord(func(r *kgo.Record) {
				if next = r.Offset + 1; !r.Attrs.IsControl() {
					values = append(values, string(r.Value))
				}
			})
		}
		c.Close()
		parts = append(parts, strings.Join(values, " "))
	}
	return strings.Join(parts, "|")
}

// cuts breaks connections: the next request with key is lost before it arrives, or its answer behind some bytes.
type cuts struct {
	next func(ctx context.Context, network, address string) (net.Conn, error)

	mu     sync.Mutex
	key    protocol.ApiKey
	armed  bool
	before bool // the request does not arrive
	behind int  // bytes of the answer that still come
	hits   int
}

func (c *cuts) arm(key protocol.ApiKey, before bool, behind int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.key, c.before, c.behind, c.armed = key, before, behind, true
}

func (c *cuts) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := c.next(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return &cutConn{Conn: conn, cuts: c}, nil
}

type cutConn struct {
	net.Conn
	cuts *cuts
	left int // bytes until the connection breaks, if cut
	cut  bool
}

func (c *cutConn) Write(p []byte) (int, error) {
	c.cuts.mu.Lock()
	defer c.cuts.mu.Unlock()
	if c.cuts.armed && len(p) > 6 && protocol.ApiKey(p[5]) == c.cuts.key && p[4] == 0 {
		c.cuts.armed, c.cut, c.left = false, true, c.cuts.behind
		c.cuts.hits++
		if c.cuts.before {
			c.Conn.Close()
			return 0, io.ErrUnexpectedEOF
		}
	}
	return c.Conn.Write(p)
}

// Read waits for the answer, so that the request has been worked on, before it breaks.
func (c *cutConn) Read(p []byte) (int, error) {
	if !c.cut {
		return c.Conn.Read(p)
	}
	n, err := c.Conn.Read(p)
	if err != nil {
		return n, err
	}
	n = min(n, c.left)
	if c.left -= n; c.left == 0 {
		c.Conn.Close()
		return n, io.EOF
	}
	return n, nil
}
