package integration

import (
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/millrace/millrace/integration/kafkatest"
	"github.com/millrace/millrace/internal/kafka"
)

func wireClient(t *testing.T, b *kafkatest.Broker) *kafka.Client {
	t.Helper()
	client, err := kafka.NewClient(kafka.Options{Brokers: []string{b.Addr}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

// TestKafkaWireAdmin makes a topic, reads its settings and publishes a group's offsets, all on a broker that has just
// started and has no coordinator yet.
func TestKafkaWireAdmin(t *testing.T) {
	b := kafkatest.Start(t)
	client := wireClient(t, b)
	spec := kafka.TopicSpec{Name: "wire-admin", Partitions: 3, Replicas: -1, Configs: map[string]string{"max.message.bytes": "4321"}}
	for _, want := range []bool{true, false} {
		if made, err := client.CreateTopic(t.Context(), spec); err != nil || made != want {
			t.Fatalf("made %v, %v; want %v", made, err, want)
		}
	}
	configs, err := client.TopicConfigs(t.Context(), spec.Name, "max.message.bytes", "cleanup.policy", "no.such")
	if err != nil || len(configs) != 2 || configs["max.message.bytes"] != "4321" || configs["cleanup.policy"] != "delete" {
		t.Errorf("configs %v, %v", configs, err)
	}
	bad := kafka.TopicSpec{Name: "not a name", Partitions: 1, Replicas: 1}
	if _, err := client.CreateTopic(t.Context(), bad); err == nil || !strings.Contains(err.Error(), "create topic not a name: Invalid Topic") {
		t.Errorf("a bad name: %v", err)
	}
	want := kafka.GroupOffset{Topic: spec.Name, Partition: 2, Offset: 17, LeaderEpoch: -1, Metadata: "a note"}
	if err := client.CommitOffsets(t.Context(), "wire-group", []kafka.GroupOffset{want}, 30*time.Second); err != nil {
		t.Fatal(err)
	}
	got, err := kadm.NewClient(b.Client(t)).FetchOffsets(t.Context(), "wire-group")
	if err != nil {
		t.Fatal(err)
	}
	if o, ok := got.Lookup(spec.Name, 2); !ok || o.At != 17 || o.Metadata != "a note" {
		t.Errorf("committed %+v", o)
	}
}
