package kafkatest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Version is the Apache Kafka version that is started.
const Version = "4.2.0"

// RequireEnv is the environment variable that makes a missing broker a failure instead of a skip, if it is "1".
const RequireEnv = "MILLRACE_REQUIRE_KAFKA"

// readyWithin bounds the start of the broker, on a busy machine.
const readyWithin = 4 * time.Minute

// Broker is a running broker.
type Broker struct {
	Addr string // host:port of its plaintext listener

	java, lib string
	options   []string // of its virtual machine
	dir       string
	proc      *process
	topics    atomic.Int64
}

var shared struct {
	sync.Mutex
	broker *Broker
	err    error
}

// errMissing says that this machine cannot run a broker.
var errMissing = errors.New("real Kafka not available")

// Start returns the broker of this test process.
func Start(t testing.TB) *Broker {
	t.Helper()
	shared.Lock()
	defer shared.Unlock()
	if shared.broker == nil && shared.err == nil {
		shared.broker, shared.err = launchBroker("", nil)
	}
	switch {
	case shared.err == nil:
		return shared.broker
	case errors.Is(shared.err, errMissing) && os.Getenv(RequireEnv) != "1":
		t.Skipf("skipped: %v", shared.err)
	default:
		t.Fatalf("start Kafka %s: %v", Version, shared.err)
	}
	return nil
}

// Main runs a package's tests and stops the broker that they started. Call it from TestMain.
func Main(m *testing.M) int {
	defer Stop()
	return m.Run()
}

// Stop ends the brokers of this process, if there are any, and removes their data. The next Start starts another.
func Stop() {
	stopSecure()
	shared.Lock()
	defer shared.Unlock()
	if shared.broker != nil {
		shared.broker.proc.kill()
		os.RemoveAll(shared.broker.dir)
	}
	shared.broker, shared.err = nil, nil
}

// configure changes the text of a configuration, and may have the data directory formatted with more arguments.
type configure func(dir, config string) (text string, formatArgs []string, err error)

// launchBroker starts a broker whose directory ends in suffix, with options of its virtual machine.
func launchBroker(suffix string, change configure, options ...string) (*Broker, error) {
	base, err := cacheDir()
	if err != nil {
		return nil, err
	}
	java, lib, err := install(base)
	if err != nil {
		return nil, err
	}
	removeLeftOver(base)
	b := &Broker{java: java, lib: lib, options: options, dir: filepath.Join(base, fmt.Sprintf("run-%d%s", os.Getpid(), suffix))}
	if err := b.start(change); err != nil {
		os.RemoveAll(b.dir)
		return nil, err
	}
	return b, nil
}

func (b *Broker) start(change configure) error {
	ports, err := freePorts(2)
	if err != nil {
		return err
	}
	b.Addr = fmt.Sprintf("127.0.0.1:%d", ports[0])
	config, args, err := writeConfig(b.dir, ports[0], ports[1], change)
	if err != nil {
		return err
	}
	if err := format(b.java, b.lib, config, newID(), args); err != nil {
		return err
	}
	b.proc, err = run(b.java, b.lib, config, filepath.Join(b.dir, "broker.log"), b.options...)
	if err != nil {
		return err
	}
	if err := b.waitReady(); err != nil {
		b.proc.kill()
		return fmt.Errorf("%w\n%s", err, b.proc.logTail())
	}
	return nil
}

// waitReady asks for metadata until the broker lists itself.
func (b *Broker) waitReady() error {
	ctx, cancel := context.WithTimeout(context.Background(), readyWithin)
	defer cancel()
	client, err := kgo.NewClient(kgo.SeedBrokers(b.Addr))
	if err != nil {
		return err
	}
	defer client.Close()
	for {
		brokers, err := kadm.NewClient(client).ListBrokers(ctx)
		if err == nil && len(brokers) == 1 {
			return nil
		}
		select {
		case <-b.proc.done:
			return errors.New("broker ended while starting")
		case <-ctx.Done():
			return fmt.Errorf("broker not ready in %s: %v", readyWithin, err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// Data is the directory of the broker's logs, for tests that spoil one.
func (b *Broker) Data() string { return filepath.Join(b.dir, "data") }

// Client returns a franz-go client: the independent opinion of tests. It is closed with the test.
func (b *Broker) Client(t testing.TB, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	client, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(b.Addr)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

// Topic makes a topic of its own for a test, named after it, and returns the name. configs are pairs "name=value".
func (b *Broker) Topic(t testing.TB, partitions int, configs ...string) string {
	t.Helper()
	name := fmt.Sprintf("%s-%d", strings.Map(topicRune, t.Name()), b.topics.Add(1))
	b.CreateTopic(t, name, partitions, configs...)
	return name
}

func topicRune(r rune) rune {
	if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' {
		return r
	}
	return '-'
}

// CreateTopic makes a topic of that name. configs are pairs "name=value".
func (b *Broker) CreateTopic(t testing.TB, name string, partitions int, configs ...string) {
	t.Helper()
	set := map[string]*string{}
	for _, c := range configs {
		key, value, _ := strings.Cut(c, "=")
		set[key] = &value
	}
	admin := kadm.NewClient(b.Client(t))
	if _, err := admin.CreateTopic(t.Context(), int32(partitions), 1, set, name); err != nil {
		t.Fatalf("create topic %s: %v", name, err)
	}
	b.waitTopic(t, admin, name)
}

// waitTopic waits until the broker leads all partitions: it says so some milliseconds after it made the topic.
func (b *Broker) waitTopic(t testing.TB, admin *kadm.Client, name string) {
	t.Helper()
	for {
		ends, err := admin.ListEndOffsets(t.Context(), name)
		if err == nil && ends.Error() == nil && len(ends[name]) > 0 {
			return
		}
		select {
		case <-t.Context().Done():
			t.Fatalf("wait for topic %s: %v", name, err)
		case <-time.After(5 * time.Millisecond):
		}
	}
}
