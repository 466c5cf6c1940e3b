package integration

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/millrace/millrace/integration/kafkatest"
)

// TestKafkaGen writes test events to a cluster that asks who writes, by a file that says what a job says under kafka.
func TestKafkaGen(t *testing.T) {
	t.Parallel()
	b := kafkatest.StartSecure(t)
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	file("password", kafkatest.WriterPassword+"\n")
	p := newProgram(t, "ADMIN_PASSWORD="+kafkatest.AdminPassword)
	cluster := func(name, addr, user, password string) string {
		return file(name, fmt.Sprintf("brokers: %s\ntls: {ca: %s}\n%s\n", addr, b.CA.File, sasl("SCRAM-SHA-512", user, password)))
	}
	admin := cluster("admin.yaml", b.SASL, kafkatest.Admin, "${ADMIN_PASSWORD}")
	user := cluster("user.yaml", "127.0.0.1:1", kafkatest.Writer, "${file:password}")
	topic := "gen-" + strings.ToLower(b.Topic(t, 1))
	args := func(cluster string, more ...string) []string {
		return append([]string{"gen", "ysb", "--records", "20000", "--sentinel=false", "--topic", topic, "--cluster", cluster}, more...)
	}
	denied := func(code int, args []string, parts ...string) {
		t.Helper()
		got, stderr := p.fails(args...)
		wantExit(t, got, stderr, code, parts...)
		t.Log(stderr)
		if strings.Contains(stderr, "pa55word") || strings.Count(stderr, "\n") != 1 {
			t.Errorf("want one line without a password: %s", stderr)
		}
	}
	denied(2, args(cluster("wrong.yaml", b.SASL, kafkatest.Admin, "wr0ng-pa55word")), "broker "+b.SASL, `refuses user "admin"`)
	denied(2, []string{"gen", "ysb", "--topic", topic, "--brokers", b.Addr, "--cluster", admin}, "broker "+b.Addr, "does not speak TLS")
	denied(1, args(user, "--brokers", b.SASL), "at "+b.SASL, "User:bob needs the ACL Describe on topic "+topic)
	allowUser(t, b, kafkatest.Writer, kadm.NewACLs().Topics(topic), kadm.OpDescribe)
	denied(1, args(user, "--brokers", b.SASL), "at "+b.SASL, "User:bob needs the ACL Create on topic "+topic)

	out := p.must(args(admin, "--partitions", "3")...)
	if want := fmt.Sprintf("20000 records to %s (3 partitions) in ", topic); !strings.HasPrefix(out, want) {
		t.Errorf("printed %q, want %q", out, want)
	}
	denied(1, args(user, "--brokers", b.SASL), "at "+b.SASL, "User:bob needs the ACL IdempotentWrite on the cluster, or Write on a topic")
	allowUser(t, b, kafkatest.Writer, kadm.NewACLs().Topics(topic), kadm.OpWrite)
	p.must(args(user, "--brokers", b.SASL)...)
	n := 0
	for _, values := range committed(t, b.Broker, topic, 3) {
		n += len(values)
	}
	if n != 40_000 {
		t.Errorf("%d records, want 40000", n)
	}
}
