package jobspec

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/millrace/millrace/internal/kafka"
)

// TestLoadCluster: a file of its own says how a cluster is reached, as a job does.
func TestLoadCluster(t *testing.T) {
	dir := workDir(t)
	for name, text := range map[string]string{
		"secret": "pa55word\n",
		"good.yaml": `brokers: a:9093, b:9093
tls: {ca: certs/ca.pem}
sasl: {mechanism: SCRAM-SHA-512, username: alice, password: "${file:secret}"}
`,
		"bare.yaml":    "sasl: {mechanism: SCRAM-SHA-256, username: alice, password: pa55word}\n",
		"plain.yaml":   "brokers: a:9093\nsasl: {mechanism: PLAIN, username: alice, password: pa55word}\n",
		"unknown.yaml": "brokers: a:9093\ntsl: true\n",
		"topic.yaml":   "brokers: a:9093\ntopic: t\n",
		"list.yaml":    "- a:9093\n",
		"empty.yaml":   "",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var secrets []string
	o := Options{Secret: func(s []string) { secrets = append(secrets, s...) }}
	c, err := LoadCluster(filepath.Join(dir, "good.yaml"), o)
	want := kafka.SASL{Mechanism: kafka.ScramSHA512, Username: "alice", Password: "pa55word"}
	switch {
	case err != nil:
		t.Fatal(err)
	case !slices.Equal(c.Brokers, []string{"a:9093", "b:9093"}), c.ClientID != "millrace-gen",
		c.TLS == nil || c.TLS.CAFile != filepath.Join(dir, "certs/ca.pem"), c.SASL == nil,
		c.SASL.Mechanism != want.Mechanism || c.SASL.Username != want.Username || c.SASL.Password != want.Password:
		t.Errorf("%+v", c)
	case !slices.Contains(secrets, "pa55word"):
		t.Error("the password was not told")
	}
	if c, err = LoadCluster(filepath.Join(dir, "bare.yaml"), Options{Set: []string{"brokers=c:1,d:2"}}); err != nil || !slices.Equal(c.Brokers, []string{"c:1", "d:2"}) {
		t.Errorf("brokers from outside: %v, %v", c.Brokers, err)
	}
	for name, want := range map[string]string{
		"bare.yaml":    "bare.yaml:1:1: cluster: brokers is missing",
		"plain.yaml":   "plain.yaml:2:8: cluster.sasl: PLAIN sends a password over connections that are not encrypted",
		"unknown.yaml": "unknown.yaml:2:1: cluster: unknown key \"tsl\"",
		"topic.yaml":   "topic.yaml:2:1: cluster: unknown key \"topic\"",
		"list.yaml":    "list.yaml:1:1: the file is a list, want a mapping",
		"empty.yaml":   "the file is empty",
		"nowhere.yaml": "read how the cluster is reached: open ",
	} {
		_, err := LoadCluster(filepath.Join(dir, name), Options{})
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "pa55word") {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
}
