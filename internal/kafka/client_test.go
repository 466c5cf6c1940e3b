package kafka

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func fake(t *testing.T, opts ...kfake.Opt) *kfake.Cluster {
	t.Helper()
	cluster, err := kfake.NewCluster(append(opts, kfake.SeedTopics(2, "ads"))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	return cluster
}

func client(t *testing.T, opts Options) *Client {
	t.Helper()
	c, err := NewClient(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func fill(t *testing.T, cluster *kfake.Cluster, values ...string) {
	t.Helper()
	w, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	for _, v := range values {
		if err := w.ProduceSync(t.Context(), &kgo.Record{Topic: "ads", Value: []byte(v)}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
}

func fetchText(t *testing.T, c *Client, f FetchRequest) string {
	t.Helper()
	f.Topic, f.MaxBytes, f.MaxWait = "ads", 1<<20, 100*time.Millisecond
	res, err := c.Fetch(t.Context(), f)
	if err != nil {
		t.Fatal(err)
	}
	text, err := readBatches(res.Records, res.Aborted...)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestVersions talks to brokers that know topic ids in metadata and fetches, in metadata only, and not at all.
func TestVersions(t *testing.T) {
	for _, test := range []struct {
		name     string
		versions *kversion.Versions
		ids      bool
	}{{"newest", nil, true}, {"2.8", kversion.V2_8_0(), true}, {"2.4", kversion.V2_4_0(), false}} {
		t.Run(test.name, func(t *testing.T) {
			var opts []kfake.Opt
			if test.versions != nil {
				opts = append(opts, kfake.MaxVersions(test.versions))
			}
			cluster := fake(t, opts...)
			fill(t, cluster, "a", "b")
			c := client(t, Options{Brokers: cluster.ListenAddrs()})
			topics, err := c.Metadata(t.Context(), []string{"nobody", "ads"})
			if err != nil {
				t.Fatal(err)
			}
			if topics[0].Code != CodeUnknownTopic || len(topics[1].Partitions) != 2 || (topics[1].ID != [16]byte{}) != test.ids {
				t.Errorf("metadata %+v", topics)
			}
			for _, id := range [][16]byte{topics[1].ID, {}} {
				if got := fetchText(t, c, FetchRequest{TopicID: id}); got != "0=a 1=b" {
					t.Errorf("fetch with id %x reads %q", id, got)
				}
			}
		})
	}
}

func TestTooOldBroker(t *testing.T) {
	cluster := fake(t, kfake.MaxVersions(kversion.V2_3_0()))
	_, err := client(t, Options{Brokers: cluster.ListenAddrs()}).Metadata(t.Context(), []string{"ads"})
	if err == nil || !strings.Contains(err.Error(), "older than Kafka 2.4") || Decide(err) != Stop {
		t.Errorf("error %v", err)
	}
}

func TestListOffsets(t *testing.T) {
	cluster := fake(t)
	fill(t, cluster, "a", "b", "c")
	if err := cluster.DeleteRecords("ads", 0, 1); err != nil {
		t.Fatal(err)
	}
	c := client(t, Options{Brokers: cluster.ListenAddrs()})
	l, err := c.Leader(t.Context(), "ads", 0)
	if err != nil {
		t.Fatal(err)
	}
	refs := []PartitionRef{{"ads", 0, l.Epoch}}
	first, err := c.ListOffsets(t.Context(), l.Node, ReadUncommitted, Earliest, refs)
	if err != nil || first[0] != 1 {
		t.Errorf("earliest %v, %v; want 1", first, err)
	}
	last, err := c.ListOffsets(t.Context(), l.Node, ReadCommitted, Latest, refs)
	if err != nil || last[0] != 3 {
		t.Errorf("latest %v, %v; want 3", last, err)
	}
	refs[0].Epoch++
	if _, err := c.ListOffsets(t.Context(), l.Node, ReadCommitted, Latest, refs); !errors.Is(err, codeUnknownLeaderEpoch) {
		t.Errorf("an epoch from the future: %v", err)
	}
}

func TestEpochEnds(t *testing.T) {
	cluster := fake(t)
	fill(t, cluster, "a", "b", "c")
	c := client(t, Options{Brokers: cluster.ListenAddrs()})
	refs := make([]EpochRef, 2)
	for _, node := range []int32{0, 1, 0} { // its epoch is then higher than that of the records
		for p := range int32(2) {
			if err := cluster.MoveTopicPartition("ads", p, node); err != nil {
				t.Fatal(err)
			}
		}
	}
	c.Refresh()
	for p := range int32(2) {
		l, err := c.Leader(t.Context(), "ads", p)
		if err != nil {
			t.Fatal(err)
		}
		refs[1-p] = EpochRef{PartitionRef{"ads", p, l.Epoch}, l.Epoch}
	}
	if ends, err := c.EpochEnds(t.Context(), 0, refs); err != nil || ends[0] != 0 || ends[1] != 3 {
		t.Errorf("the epochs end at %d, %v; want 0 and 3", ends, err)
	}
	refs[1].Wanted++
	if ends, err := c.EpochEnds(t.Context(), 0, refs); err != nil || ends[1] != -1 {
		t.Errorf("an epoch that has not begun ends at %d, %v; want -1", ends, err)
	}
	refs[0].Epoch--
	if _, err := c.EpochEnds(t.Context(), 0, refs); !errors.Is(err, codeFencedLeaderEpoch) || !strings.Contains(err.Error(), "ads/1") {
		t.Errorf("an epoch that has passed: %v", err)
	}
	if _, err := c.EpochEnds(t.Context(), 1, refs[1:]); !errors.Is(err, codeNotLeader) || Decide(err) != Refresh {
		t.Errorf("asked a broker that does not lead: %v", err)
	}
}

// TestMissing tells a topic from a partition that is not there.
func TestMissing(t *testing.T) {
	cluster := fake(t)
	c := client(t, Options{Brokers: cluster.ListenAddrs()})
	for _, test := range []struct {
		topic     string
		partition int32
		want      MissingError
		text      string
	}{
		{"nobody", 0, MissingError{"nobody", -1}, "topic nobody: "},
		{"ads", 2, MissingError{"ads", 2}, "partition ads/2: "},
	} {
		_, err := c.Leader(t.Context(), test.topic, test.partition)
		var missing *MissingError
		if !errors.As(err, &missing) || *missing != test.want || !strings.HasPrefix(err.Error(), test.text) || Decide(err) != Refresh {
			t.Errorf("leader of %s/%d: %v", test.topic, test.partition, err)
		}
	}
}

// TestThrottledFetch: over quota a broker answers without topics and without an error.
func TestThrottledFetch(t *testing.T) {
	cluster := fake(t)
	fill(t, cluster, "a")
	throttled := 0
	cluster.ControlKey(int16(kmsg.Fetch), func(r kmsg.Request) (kmsg.Response, error, bool) {
		if throttled++; throttled > 2 {
			return nil, nil, false
		}
		cluster.KeepControl()
		res := r.ResponseKind().(*kmsg.FetchResponse)
		res.ThrottleMillis = 30_000
		return res, nil, true
	})
	c := client(t, Options{Brokers: cluster.ListenAddrs()})
	if got := fetchText(t, c, FetchRequest{}); got != "0=a" || throttled < 2 {
		t.Errorf("reads %q after %d throttled answers", got, throttled)
	}
	l, err := c.Leader(t.Context(), "ads", 0)
	if err != nil {
		t.Fatal(err)
	}
	if d := c.mutedFor(l.Node); d < 20*time.Second {
		t.Errorf("the next request waits only %s longer", d)
	}
}

func TestNoBroker(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close()
	_, err = client(t, Options{Brokers: []string{addr}}).Metadata(t.Context(), []string{"ads"})
	var none *NoBrokerError
	want := "kafka: no broker answered at " + addr + " (dial tcp " + addr + ": connect: connection refused)"
	if !errors.As(err, &none) || none.Error() != want || Decide(err) != Refresh {
		t.Errorf("error  %v\nwant … %s", err, want)
	}
	if _, err := NewClient(Options{}); err == nil {
		t.Error("a client without brokers")
	}
}

// silent accepts connections and never answers.
func silent(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { conn.Close() })
		}
	}()
	return l.Addr().String()
}

func TestSilentBroker(t *testing.T) {
	c := client(t, Options{Brokers: []string{silent(t)}, RequestTimeout: 50 * time.Millisecond, DialTimeout: 20 * time.Millisecond})
	_, err := c.Metadata(t.Context(), []string{"ads"})
	var none *NoBrokerError
	if !errors.As(err, &none) || Decide(err) != Refresh {
		t.Errorf("error %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Metadata(ctx, []string{"ads"}); !errors.Is(err, context.Canceled) || Decide(err) != Stop {
		t.Errorf("cancelled: error %v", err)
	}
}

// TestCancelEndsExchange: a cancelled exchange ends at once and does not go on writing into its buffer until the
// broker answers.
func TestCancelEndsExchange(t *testing.T) {
	ours, theirs := net.Pipe()
	defer ours.Close()
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		defer theirs.Close()
		theirs.Read(make([]byte, 100)) // the request
		cancel()
		theirs.SetReadDeadline(time.Now().Add(5 * time.Second))
		theirs.Read(make([]byte, 100)) // until the other side hangs up
	}()
	x := &exchange{ctx: ctx, frame: newRequest(1, 11, false, 1, "test").finish()}
	began := time.Now()
	if _, err := x.RawExchange(ours); !errors.Is(err, context.Canceled) || time.Since(began) > 4*time.Second {
		t.Errorf("error %v after %s", err, time.Since(began))
	}
}

func TestBrokerHangsUp(t *testing.T) {
	cluster := fake(t)
	fill(t, cluster, "a")
	cluster.ControlKey(int16(kmsg.Fetch), func(kmsg.Request) (kmsg.Response, error, bool) {
		return nil, errors.New("hang up"), true
	})
	c := client(t, Options{Brokers: cluster.ListenAddrs()})
	_, err := c.Fetch(t.Context(), FetchRequest{Topic: "ads", MaxBytes: 1 << 20})
	if err == nil || Decide(err) != Refresh {
		t.Errorf("error %v, want one to refresh after", err)
	}
	c.Refresh()
	if got := fetchText(t, c, FetchRequest{}); got != "0=a" {
		t.Errorf("afterwards %q", got)
	}
}

func TestDecide(t *testing.T) {
	for _, test := range []struct {
		err  error
		want Action
	}{
		{nil, Stop},
		{context.Canceled, Stop},
		{context.DeadlineExceeded, Refresh},
		{net.ErrClosed, Refresh},
		{errShortAnswer, Refresh},
		{&BatchError{Err: ErrTooLarge}, Stop},
		{&NoBrokerError{Err: net.ErrClosed}, Refresh},
		{&NoBrokerError{Err: Code(kerr.SaslAuthenticationFailed.Code)}, Stop},
		{CodeOffsetOutOfRange, Refresh},
		{CodeUnknownTopic, Refresh},
		{CodeUnknownTopicID, Refresh},
		{codeNotLeader, Refresh},
		{codeFencedLeaderEpoch, Refresh},
		{codeOffsetNotAvailable, Refresh},
		{codeRequestTimedOut, Retry},
		{codeUnknownServer, Retry},
		{Code(kerr.TopicAuthorizationFailed.Code), Stop},
		{codeUnsupportedVersion, Stop},
	} {
		if got := Decide(test.err); got != test.want {
			t.Errorf("%v: %s, want %s", test.err, got, test.want)
		}
	}
}

func FuzzAnswers(f *testing.F) {
	f.Add([]byte{0, 0, 0, 0, 0, 0, 0, 0, 0, 0})
	f.Add([]byte{0, 0, 0, 0, 2, 0, 0, 0, 1, 2, 'h', 0, 0, 0, 1, 0, 0, 2, 'c', 0, 0, 0, 1, 2, 0, 0, 4, 'a', 'd', 's'})
	for _, bodies := range realAnswers(f) {
		for _, body := range bodies {
			f.Add(body)
		}
	}
	f.Fuzz(func(t *testing.T, p []byte) {
		parseProducers(&answer{b: p, flexible: true})
		for version := int16(metadataMin); version <= metadataMax; version++ {
			parseMetadata(&answer{b: p, flexible: true}, version)
		}
		for _, flexible := range []bool{false, true} {
			if res, err := parseFetch(&answer{b: p, flexible: flexible}); err == nil && res != nil && len(res.Records) > len(p) {
				t.Fatal("more records than bytes")
			}
		}
		parseListOffsets(&answer{b: p})
		parseEpochEnds(&answer{b: p})
		parseAPIVersions(p)
	})
}
