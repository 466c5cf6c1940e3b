package integration

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/millrace/millrace/integration/kafkatest"
	"github.com/millrace/millrace/internal/kafka"
	"github.com/millrace/millrace/offsets"
)

// unsignedToken is a token of a user that the test broker believes.
func unsignedToken(t testing.TB, user string, life time.Duration) string {
	t.Helper()
	now := time.Now()
	part := func(claims map[string]any) string {
		data, err := json.Marshal(claims)
		if err != nil {
			t.Fatal(err)
		}
		return base64.RawURLEncoding.EncodeToString(data)
	}
	return part(map[string]any{"alg": "none"}) + "." +
		part(map[string]any{"sub": user, "iat": now.Unix(), "exp": now.Add(life).Unix()}) + "."
}

// tokenFile writes a token to a file.
func tokenFile(t testing.TB, token string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(path, []byte(token+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// readsValues reads a topic by a cluster as it is given, and wants these values.
func readsValues(t *testing.T, c kafka.Cluster, topic string, want ...string) {
	t.Helper()
	s, err := offsets.DialKafka(t.Context(), c, offsets.KafkaOptions{Source: "events", Topics: []string{topic}, ReadCommitted: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if got := values(t, s); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("read %q, want %q", got, want)
	}
}

// values reads all that is there.
func values(t *testing.T, s *offsets.Kafka) []string {
	t.Helper()
	states, err := s.Partitions(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range states {
		r, err := s.Read(t.Context(), offsets.Range{Topic: p.Topic, TopicID: p.TopicID, Partition: p.Partition, From: p.Start, Until: p.End, LeaderEpoch: p.LeaderEpoch})
		if err != nil {
			t.Fatal(err)
		}
		var recs offsets.Records
		for r.Next(t.Context(), &recs) == nil {
			for i := range recs.Rows {
				got = append(got, string(recs.Rows[i].Value.Of(recs.Buf)))
			}
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return got
}

// TestKafkaSecureWays reads by every listener and mechanism.
func TestKafkaSecureWays(t *testing.T) {
	b := kafkatest.StartSecure(t)
	topic := b.Topic(t, 1)
	write(t, producer(t, b.Broker), topic, 0, "a", "b")
	ca := &kafka.TLS{CAFile: b.CA.File}
	user := func(mechanism string) *kafka.SASL {
		return &kafka.SASL{Mechanism: mechanism, Username: kafkatest.Admin, Password: kafkatest.AdminPassword}
	}
	for name, c := range map[string]kafka.Cluster{
		"PLAIN":         {Brokers: []string{b.SASL}, TLS: ca, SASL: user(kafka.Plain)},
		"SCRAM-SHA-256": {Brokers: []string{b.SASL}, TLS: ca, SASL: user(kafka.ScramSHA256)},
		"SCRAM-SHA-512": {Brokers: []string{b.SASL}, TLS: &kafka.TLS{CAFile: b.CA.File, MinVersion: "1.3"}, SASL: user(kafka.ScramSHA512)},
		"without TLS":   {Brokers: []string{b.Open}, SASL: user(kafka.ScramSHA512)},
		"certificate":   {Brokers: []string{b.Mutual}, TLS: &kafka.TLS{CAFile: b.CA.File, CertFile: b.ClientCert.Cert, KeyFile: b.ClientCert.Key}},
		"token file":    {Brokers: []string{b.SASL}, TLS: ca, SASL: &kafka.SASL{Mechanism: kafka.OAuthBearer, TokenFile: tokenFile(t, unsignedToken(t, "token", time.Hour))}},
		"token command": {Brokers: []string{b.SASL}, TLS: ca, SASL: &kafka.SASL{Mechanism: kafka.OAuthBearer, TokenCommand: []string{"cat", tokenFile(t, unsignedToken(t, "token", time.Hour))}}},
	} {
		t.Run(name, func(t *testing.T) { readsValues(t, c, topic, "a", "b") })
	}
}
