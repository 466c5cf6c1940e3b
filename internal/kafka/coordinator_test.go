package kafka

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func judge(t *testing.T, cluster *kfake.Cluster, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	c, err := kgo.NewClient(append(opts, kgo.SeedBrokers(cluster.ListenAddrs()...))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func TestCommitOffsets(t *testing.T) {
	cluster := fake(t)
	c := client(t, Options{Brokers: cluster.ListenAddrs()})
	want := []GroupOffset{{"ads", 0, 7, -1, "seven"}, {"ads", 1, 9, 3, ""}}
	if err := c.CommitOffsets(t.Context(), "views", want, time.Second); err != nil {
		t.Fatal(err)
	}
	got, err := kadm.NewClient(judge(t, cluster)).FetchOffsets(t.Context(), "views")
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range want {
		g, ok := got.Lookup(o.Topic, o.Partition)
		if !ok || g.At != o.Offset || g.Metadata != o.Metadata || g.LeaderEpoch != o.LeaderEpoch {
			t.Errorf("committed %+v, want %+v", g.Offset, o)
		}
	}
}

// TestCoordinatorMoves: a coordinator that is being made, loads or has moved is asked, or looked for, again.
func TestCoordinatorMoves(t *testing.T) {
	for _, test := range []struct {
		key    kmsg.Key
		code   *kerr.Error
		lookUp int // FindCoordinator requests in all
	}{
		{kmsg.FindCoordinator, kerr.CoordinatorNotAvailable, 3},
		{kmsg.OffsetCommit, kerr.CoordinatorLoadInProgress, 1},
		{kmsg.OffsetCommit, kerr.CoordinatorNotAvailable, 3},
		{kmsg.OffsetCommit, kerr.NotCoordinator, 3},
	} {
		t.Run(test.code.Message, func(t *testing.T) {
			cluster := fake(t)
			fault := cluster.Fault(kfake.Fault{Keys: []kmsg.Key{test.key}, Err: test.code, Count: 2})
			lookUps := 0
			cluster.ControlKey(int16(kmsg.FindCoordinator), func(kmsg.Request) (kmsg.Response, error, bool) {
				cluster.KeepControl()
				lookUps++
				return nil, nil, false
			})
			c := client(t, Options{Brokers: cluster.ListenAddrs()})
			err := c.CommitOffsets(t.Context(), "views", []GroupOffset{{Topic: "ads", Offset: 7, LeaderEpoch: -1}}, 10*time.Second)
			if err != nil || fault.Hits() != 2 || lookUps != test.lookUp {
				t.Errorf("error %v after %d faults and %d look-ups, want %d", err, fault.Hits(), lookUps, test.lookUp)
			}
		})
	}
}

func TestCommitRefused(t *testing.T) {
	cluster := fake(t)
	c := client(t, Options{Brokers: cluster.ListenAddrs()})
	fault := cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.OffsetCommit}, Err: kerr.GroupAuthorizationFailed})
	err := c.CommitOffsets(t.Context(), "views", []GroupOffset{{Topic: "ads", Offset: 7, LeaderEpoch: -1}}, 10*time.Second)
	if err == nil || !strings.Contains(err.Error(), "group views") || !errors.Is(err, Code(30)) || fault.Hits() != 1 {
		t.Errorf("error %v after %d tries", err, fault.Hits())
	}
	cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.FindCoordinator}, Err: kerr.CoordinatorNotAvailable, Count: 1 << 20})
	err = c.CommitOffsets(t.Context(), "other", []GroupOffset{{Topic: "ads", Offset: 7, LeaderEpoch: -1}}, 20*time.Millisecond)
	if err == nil || !strings.Contains(err.Error(), "given up after") || !errors.Is(err, codeCoordinatorNotAvail) {
		t.Errorf("no coordinator: %v", err)
	}
}

func TestCreateTopic(t *testing.T) {
	cluster := fake(t)
	c := client(t, Options{Brokers: cluster.ListenAddrs()})
	spec := TopicSpec{Name: "views", Partitions: 3, Replicas: 1, Configs: map[string]string{"max.message.bytes": "1234"}}
	for _, want := range []bool{true, false} {
		if made, err := c.CreateTopic(t.Context(), spec); err != nil || made != want {
			t.Errorf("made %v, %v; want %v", made, err, want)
		}
	}
	configs, err := c.TopicConfigs(t.Context(), "views", "max.message.bytes", "no.such")
	if err != nil || len(configs) != 1 || configs["max.message.bytes"] != "1234" {
		t.Errorf("configs %v, %v", configs, err)
	}
	topics, err := c.Metadata(t.Context(), []string{"views"})
	if err != nil || len(topics[0].Partitions) != 3 {
		t.Errorf("metadata %+v, %v", topics, err)
	}
	if _, err := c.TopicConfigs(t.Context(), "nobody", "max.message.bytes"); !errors.Is(err, CodeUnknownTopic) {
		t.Errorf("configs of no topic: %v", err)
	}
}
