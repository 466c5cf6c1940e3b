package integration

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/millrace/millrace/integration/kafkatest"
)

// TestKafkaSinkAccess gives the user of a sink one right after the other: until it has all, each run ends with the name
// of the one that is missing, of whom it is for and of the cluster, and nothing is visible; then every row is there once.
func TestKafkaSinkAccess(t *testing.T) {
	b := kafkatest.StartSecure(t)
	from, out, made := b.Topic(t, 1), b.Topic(t, 1), "made-"+strings.ToLower(b.Topic(t, 1))
	write(t, producer(t, b.Broker), from, 0, `{"a":1}`, `{"a":2}`)
	p := newProgram(t)
	run := func(job, topic, text string, steps []sinkRight) {
		t.Helper()
		for _, s := range steps {
			code, stderr := p.fails("run", job, "--available-now", "--quiet")
			want := "at " + b.SASL + ": User:alice needs the ACL " + strings.ReplaceAll(s.missing, "ID", "millrace-"+text+"/out/"+topic)
			wantExit(t, code, stderr, 1, "sink out: ", want+": ")
			t.Log(strings.TrimSpace(stderr))
			if strings.Count(stderr, "\n") != 1 || strings.Contains(stderr, kafkatest.UserPassword) {
				t.Errorf("want one line without the password: %s", stderr)
			}
			if topic != made && len(committed(t, b.Broker, topic, 1)[0]) > 0 {
				t.Error("rows are visible")
			}
			allow(t, b, s.acl, s.op)
		}
		p.must("run", job, "--available-now", "--quiet")
		if got := committed(t, b.Broker, topic, 1)[0]; !slices.Equal(got, []string{`{"a":1}`, `{"a":2}`}) {
			t.Errorf("written %q", got)
		}
	}
	topic := func(name string) *kadm.ACLBuilder { return kadm.NewACLs().Topics(name) }

	// Before the user may write anywhere: without transactions a producer id takes that.
	job := sinkJob(t, b, "once-or-more", from, made, "mode: at_least_once, create_topic: {partitions: 1}")
	run(job, made, "once-or-more", []sinkRight{
		{"Describe on topic " + made, topic(made), kadm.OpDescribe},
		{"Create on topic " + made, topic(made), kadm.OpCreate},
		{"IdempotentWrite on the cluster, or Write on a topic", topic(made), kadm.OpWrite},
	})
	job = sinkJob(t, b, "once", from, out, "mode: exactly_once")
	id := "millrace-once/out/" + out
	run(job, out, "once", []sinkRight{
		{"Describe on topic " + out, topic(out), kadm.OpDescribe},
		{"Read on group ID", kadm.NewACLs().Groups(id), kadm.OpRead},
		{"Write on transactional id ID", kadm.NewACLs().TransactionalIDs(id), kadm.OpWrite},
		{"Read on topic " + out, topic(out), kadm.OpRead},
		{"Write on topic " + out, topic(out), kadm.OpWrite},
	})
}

// sinkRight is what a run says is missing, and what is given then.
type sinkRight struct {
	missing string
	acl     *kadm.ACLBuilder
	op      kadm.ACLOperation
}

// sinkJob writes a job whose source is open to it, and whose sink is the user's.
func sinkJob(t *testing.T, b *kafkatest.Secure, name, from, to, how string) string {
	t.Helper()
	job := filepath.Join(t.TempDir(), "job.yaml")
	text := fmt.Sprintf("name: %s\nsources: {events: {kafka: {brokers: %s, topic: %s}, columns: {a: bigint}}}\nquery: SELECT a FROM events\n"+
		"sinks: {out: {kafka: {brokers: %s, tls: {ca: %s}, %s, topic: %s, %s}}}\ncheckpoint: cp\n",
		name, b.Addr, from, b.SASL, b.CA.File, sasl("SCRAM-SHA-512", kafkatest.User, kafkatest.UserPassword), to, how)
	if err := os.WriteFile(job, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return job
}
