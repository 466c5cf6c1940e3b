package integration

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/millrace/millrace/integration/kafkatest"
	"github.com/millrace/millrace/internal/kafka"
)

func secureClient(t testing.TB, c kafka.Cluster) *kafka.Client {
	t.Helper()
	client, err := kafka.NewClient(c.Options())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

// tokenScript counts its calls in a file and prints a token, unsigned, that ends some three seconds later.
const tokenScript = `echo >>%s
now=$(date +%%s)
printf 'eyJhbGciOiJub25lIn0.'
printf '{"sub":"token","iat":%%d,"exp":%%d}' $now $((now+4)) | base64 | tr '+/' '-_' | tr -d '=\n'
printf .`

// TestKafkaSessions uses connections for several times the life of a session (connections.max.reauth.ms): the broker
// hangs up on a request that comes after a session's end, so that no error at all says that sessions are renewed. A read,
// a transaction and an idle connection, with a password and with tokens that end after three seconds.
func TestKafkaSessions(t *testing.T) {
	t.Parallel() // it waits most of the time
	b := kafkatest.StartSecure(t)
	ca := &kafka.TLS{CAFile: b.CA.File}
	calls := filepath.Join(t.TempDir(), "calls")
	give := []string{"sh", "-c", fmt.Sprintf(tokenScript, calls)}
	password := &kafka.SASL{Mechanism: kafka.ScramSHA512, Username: kafkatest.Admin, Password: kafkatest.AdminPassword}
	users := []*sessionUser{
		newSessionUser(t, b, kafka.Cluster{Brokers: []string{b.Short}, TLS: ca, SASL: password}),
		newSessionUser(t, b, kafka.Cluster{Brokers: []string{b.SASL}, TLS: ca, SASL: &kafka.SASL{Mechanism: kafka.OAuthBearer, TokenCommand: give}}),
	}
	began, rounds := time.Now(), 0
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for ; time.Since(began) < 2*kafkatest.SessionLife+time.Second; rounds++ {
		for _, u := range users {
			u.round(t, rounds)
		}
		<-tick.C
	}
	for _, u := range users {
		u.idle(t)
		if got := committed(t, b.Broker, u.topic, 1); len(got[0]) != rounds {
			t.Errorf("%d values of %d transactions: %v", len(got[0]), rounds, got[0])
		}
	}
	ran, err := os.ReadFile(calls)
	if err != nil || len(ran) < 2 || len(ran) > 60 {
		t.Errorf("the token command ran %d times, %v", len(ran), err)
	}
	t.Logf("%d rounds in %s, the token command ran %d times", rounds, time.Since(began).Round(time.Millisecond), len(ran))
}

// sessionUser uses a cluster without pause, and with one.
type sessionUser struct {
	topic         string
	client, quiet *kafka.Client
	producer      *kafka.Producer
}

func newSessionUser(t *testing.T, b *kafkatest.Secure, c kafka.Cluster) *sessionUser {
	t.Helper()
	u := &sessionUser{topic: b.Topic(t, 1), client: secureClient(t, c), quiet: secureClient(t, c)}
	u.producer = session(t, u.client, u.topic)
	u.idle(t)
	return u
}

// round reads and writes once.
func (u *sessionUser) round(t *testing.T, n int) {
	t.Helper()
	if _, err := u.client.Metadata(t.Context(), []string{u.topic}); err != nil {
		t.Fatalf("round %d: %v", n, err)
	}
	if _, err := u.client.ListOffsets(t.Context(), 1, kafka.ReadCommitted, kafka.Latest, []kafka.PartitionRef{{Topic: u.topic, Epoch: -1}}); err != nil {
		t.Fatalf("round %d: %v", n, err)
	}
	if err := u.producer.Produce(t.Context(), []kafka.ProduceBatch{{Topic: u.topic, Batch: encode(t, fmt.Sprint(n))}}); err != nil {
		t.Fatalf("round %d: %v", n, err)
	}
	if err := u.producer.Commit(t.Context(), u.topic, kafka.CommitRecord{Batch: int64(n)}); err != nil {
		t.Fatalf("round %d: %v", n, err)
	}
}

// idle sends one request on a client that is used at the beginning and at the end only.
func (u *sessionUser) idle(t *testing.T) {
	t.Helper()
	if _, err := u.quiet.Metadata(t.Context(), []string{u.topic}); err != nil {
		t.Fatalf("after a pause: %v", err)
	}
}

// TestKafkaRotation replaces the client's certificate, and the authorities, while a client is in use.
func TestKafkaRotation(t *testing.T) {
	b := kafkatest.StartSecure(t)
	topic := b.Topic(t, 1)
	dir := t.TempDir()
	file := func(name, from string) string {
		data, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	other, err := kafkatest.NewAuthority(dir, "other")
	if err != nil {
		t.Fatal(err)
	}
	put := func(ca string, id kafkatest.Identity) *kafka.TLS {
		return &kafka.TLS{CAFile: file("ca", ca), CertFile: file("cert", id.Cert), KeyFile: file("key", id.Key)}
	}
	client := secureClient(t, kafka.Cluster{Brokers: []string{b.Mutual}, TLS: put(b.CA.File, b.ClientCert)})
	for _, step := range []struct {
		name, ca string
		id       kafkatest.Identity
		want     string
	}{
		{"as at first", b.CA.File, b.ClientCert, ""},
		{"a certificate that has ended", b.CA.File, b.RetiredCert, "which ended at"},
		{"renewed", b.CA.File, b.ClientCert, ""},
		{"another authority", other.File, b.ClientCert, "authority that is not trusted"},
		{"back", b.CA.File, b.ClientCert, ""},
	} {
		put(step.ca, step.id)
		client.Close() // the connections that are open stay good
		_, err := client.Metadata(t.Context(), []string{topic})
		switch {
		case step.want == "" && err != nil:
			t.Errorf("%s: %v", step.name, err)
		case step.want != "" && (err == nil || !strings.Contains(err.Error(), step.want) || kafka.Decide(err) != kafka.Refresh):
			t.Errorf("%s: %v, to %v", step.name, err, kafka.Decide(err))
		}
	}
}

// allow gives the user a right by the broker's own access control lists.
func allow(t *testing.T, b *kafkatest.Secure, acls *kadm.ACLBuilder, op kadm.ACLOperation) {
	t.Helper()
	allowUser(t, b, kafkatest.User, acls, op)
}

func allowUser(t *testing.T, b *kafkatest.Secure, user string, acls *kadm.ACLBuilder, op kadm.ACLOperation) {
	t.Helper()
	acls.Allow("User:" + user).AllowHosts().Operations(op).ResourcePatternType(kadm.ACLPatternLiteral)
	res, err := kadm.NewClient(b.Client(t)).CreateACLs(t.Context(), acls)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range res {
		if r.Err != nil {
			t.Fatal(r.Err)
		}
	}
}

// TestKafkaAccess gives a user one right after the other: each refusal names the one that is missing.
func TestKafkaAccess(t *testing.T) {
	b := kafkatest.StartSecure(t)
	topic := b.Topic(t, 1)
	write(t, producer(t, b.Broker), topic, 0, `{"a": 1}`)
	p := newProgram(t)
	job := secureJob(t, topic, "brokers: "+b.SASL, fmt.Sprintf("tls: {ca: %s}", b.CA.File), sasl("SCRAM-SHA-256", kafkatest.User, kafkatest.UserPassword))
	denied := func(parts ...string) {
		t.Helper()
		code, stderr := p.fails("run", job, "--available-now", "--quiet")
		wantExit(t, code, stderr, 1, parts...)
	}
	denied("ACL Describe on topic "+topic, "kafka error 29")
	allow(t, b, kadm.NewACLs().Topics(topic), kadm.OpDescribe)
	denied("ACL Read on topic "+topic, "kafka error 29")
	allow(t, b, kadm.NewACLs().Topics(topic), kadm.OpRead)
	p.must("run", job, "--available-now", "--quiet")

	client := secureClient(t, kafka.Cluster{Brokers: []string{b.SASL}, TLS: &kafka.TLS{CAFile: b.CA.File},
		SASL: &kafka.SASL{Mechanism: kafka.Plain, Username: kafkatest.User, Password: kafkatest.UserPassword}})
	fails := func(err error, text string) {
		t.Helper()
		if err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("got %v, want %q", err, text)
		}
	}
	commit := func() error {
		return client.CommitOffsets(t.Context(), "readers", []kafka.GroupOffset{{Topic: topic, Offset: 1, LeaderEpoch: -1}}, time.Second)
	}
	fails(commit(), "group readers")
	w := client.NewProducer(kafka.ProducerOptions{TransactionalID: "writer-" + topic, RetryFor: time.Second})
	fails(w.Init(t.Context()), "transactional id writer-"+topic)
	for _, op := range []kadm.ACLOperation{kadm.OpDescribe, kadm.OpWrite} {
		allow(t, b, kadm.NewACLs().TransactionalIDs("writer-"+topic), op)
	}
	if err := w.Init(t.Context()); err != nil {
		t.Fatal(err)
	}
	fails(w.Produce(t.Context(), []kafka.ProduceBatch{{Topic: topic, Batch: encode(t, "x")}}), "ACL Write on topic "+topic)
}

// TestKafkaOutage cuts the way to the broker under a running job, from Kafka to Kafka, and mends it: the job says once
// that it is degraded and once that it has recovered, goes on, and has written every row once.
func TestKafkaOutage(t *testing.T) {
	b := kafkatest.StartSecure(t)
	from, to := b.Topic(t, 1), b.Topic(t, 1)
	write(t, producer(t, b.Broker), from, 0, `{"a":1}`)
	p := newProgram(t)
	l := p.start(kafkaToKafka(t, b, b.Line.Addr, from, to), "--set", "trigger={every: 100ms}")
	rows := func(until int64) {
		t.Helper()
		for got := int64(0); got < until; {
			r, ok := <-l.progress
			if !ok {
				_, err := l.wait()
				t.Fatalf("ended: %v", err)
			}
			got += r.NumInputRows
		}
	}
	rows(1)
	b.Line.Cut()
	for deadline := time.After(time.Minute); !strings.Contains(l.stderr.String(), "degraded"); {
		select {
		case <-deadline:
			t.Fatalf("not degraded: %s", l.stderr.String())
		case <-time.After(20 * time.Millisecond):
		}
	}
	if err := b.Line.Mend(); err != nil {
		t.Fatal(err)
	}
	write(t, producer(t, b.Broker), from, 0, `{"a":2}`, `{"a":3}`)
	rows(2)
	l.signal(t, syscall.SIGTERM)
	if _, err := l.wait(); err != nil {
		t.Fatal(err)
	}
	text := l.stderr.String()
	degraded, recovered := strings.Count(text, "source events: degraded: "), strings.Count(text, "source events: recovered after ")
	if degraded != 1 || recovered != 1 || !strings.Contains(text, b.Line.Addr) || !strings.Contains(text, "trying again for up to 30s") {
		t.Errorf("degraded %d times, recovered %d times: %s", degraded, recovered, text)
	}
	if got := committed(t, b.Broker, to, 1)[0]; !slices.Equal(got, []string{`{"a":1}`, `{"a":2}`, `{"a":3}`}) {
		t.Errorf("written %q", got)
	}
}
