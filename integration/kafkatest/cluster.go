package kafkatest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Nodes is how many brokers a cluster has: each is a controller, too, so that two go on without the third.
const Nodes = 3

// Cluster is three brokers on this machine. What they hold is there three times, and acknowledged by two.
type Cluster struct {
	Addrs []string // host:port of the plaintext listeners, in the order of the nodes

	java, lib, dir string
	nodes          [Nodes]*process
}

// replicated changes a configuration of one broker to one of several: %[1]d is the node, %[2]s the controllers.
const replicated = `node.id=%[1]d
controller.quorum.voters=%[2]s
default.replication.factor=3
min.insync.replicas=2
offsets.topic.replication.factor=3
transaction.state.log.replication.factor=3
transaction.state.log.min.isr=2
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
`

// StartCluster starts three brokers, which end with the test. Like [Start] it skips where there can be none.
func StartCluster(t testing.TB) *Cluster {
	t.Helper()
	c := &Cluster{}
	t.Cleanup(c.stop)
	err := c.start(t.Context())
	switch {
	case errors.Is(err, errMissing) && os.Getenv(RequireEnv) != "1":
		t.Skipf("skipped: %v", err)
	case err != nil:
		t.Fatalf("start Kafka %s: %v", Version, err)
	}
	return c
}

func (c *Cluster) start(ctx context.Context) error {
	base, err := cacheDir()
	if err != nil {
		return err
	}
	if c.java, c.lib, err = install(base); err != nil {
		return err
	}
	removeLeftOver(base)
	c.dir = filepath.Join(base, fmt.Sprintf("run-%d-cluster", os.Getpid()))
	ports, err := freePorts(2 * Nodes)
	if err != nil {
		return err
	}
	var voters []string
	for i := range Nodes {
		c.Addrs = append(c.Addrs, fmt.Sprintf("127.0.0.1:%d", ports[i]))
		voters = append(voters, fmt.Sprintf("%d@127.0.0.1:%d", i+1, ports[Nodes+i]))
	}
	id := newID()
	for i := range Nodes {
		own := fmt.Sprintf(replicated, i+1, strings.Join(voters, ","))
		// Of two lines for one name the last counts.
		change := func(_, text string) (string, []string, error) { return text + own, nil, nil }
		file, args, err := writeConfig(c.nodeDir(i), ports[i], ports[Nodes+i], change)
		if err != nil {
			return err
		}
		if err := format(c.java, c.lib, file, id, args); err != nil {
			return err
		}
		if err := c.Run(i); err != nil {
			return err
		}
	}
	return c.WaitFor(ctx, Nodes)
}

func (c *Cluster) nodeDir(i int) string { return filepath.Join(c.dir, fmt.Sprintf("node-%d", i+1)) }

// Run starts the node with that index, for the first time or after Kill.
func (c *Cluster) Run(i int) (err error) {
	c.nodes[i], err = run(c.java, c.lib, filepath.Join(c.nodeDir(i), "server.properties"), filepath.Join(c.nodeDir(i), "broker.log"), shortLived...)
	return err
}

// Kill ends the node with that index at once, as kill -9 does.
func (c *Cluster) Kill(i int) { c.nodes[i].kill() }

func (c *Cluster) stop() {
	for _, n := range c.nodes {
		if n != nil {
			n.kill()
		}
	}
	os.RemoveAll(c.dir)
}

// WaitFor waits until so many brokers are alive and hold all they should between them.
func (c *Cluster) WaitFor(ctx context.Context, brokers int) error {
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	client, err := kgo.NewClient(kgo.SeedBrokers(c.Addrs...), kgo.MetadataMinAge(10*time.Millisecond))
	if err != nil {
		return err
	}
	defer client.Close()
	for {
		meta, err := kadm.NewClient(client).Metadata(ctx)
		if err == nil && len(meta.Brokers) == brokers && inSync(meta.Topics, brokers) {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("not %d brokers in %s: %v\n%s", brokers, readyWithin, err, c.logTails())
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func inSync(topics kadm.TopicDetails, brokers int) bool {
	for _, t := range topics {
		for _, p := range t.Partitions {
			if len(p.ISR) < brokers || p.Leader < 0 {
				return false
			}
		}
	}
	return true
}

func (c *Cluster) logTails() (text []byte) {
	for _, n := range c.nodes {
		if n != nil {
			text = append(text, n.logTail()...)
		}
	}
	return text
}

// Client returns a franz-go client, closed with the test.
func (c *Cluster) Client(t testing.TB, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	client, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(c.Addrs...), kgo.MetadataMinAge(10 * time.Millisecond)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}
