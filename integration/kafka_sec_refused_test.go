package integration

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/integration/kafkatest"
)

// secureJob writes a job that reads a topic as reach says, lines under kafka, and returns its path. Checkpoint and output
// lie beside it.
func secureJob(t testing.TB, topic string, reach ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "job.yaml")
	text := fmt.Sprintf(`name: secure
sources:
  events:
    kafka:
      topic: %s
      %s
    columns: {a: bigint}
query: SELECT a FROM events
sinks: {lake: {parquet: {path: lake}}}
checkpoint: cp
`, topic, strings.Join(reach, "\n      "))
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func sasl(mechanism, user, password string) string {
	return fmt.Sprintf("sasl: {mechanism: %s, username: %s, password: '%s'}", mechanism, user, password)
}

// TestKafkaRefused runs a job that cannot reach its cluster, one way after the other: one clear error each, which names
// host:port and what to do, with the exit code of its kind, and nothing is left behind. None says that a topic is unknown.
func TestKafkaRefused(t *testing.T) {
	t.Parallel()
	b := kafkatest.StartSecure(t)
	topic := b.Topic(t, 1)
	write(t, producer(t, b.Broker), topic, 0, `{"a": 1}`)
	p := newProgram(t)
	other, err := kafkatest.NewAuthority(t.TempDir(), "other")
	if err != nil {
		t.Fatal(err)
	}
	stranger, err := other.Issue("stranger", time.Now().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	ca := fmt.Sprintf("tls: {ca: %s}", b.CA.File)
	good := sasl("SCRAM-SHA-512", kafkatest.Admin, kafkatest.AdminPassword)
	client := func(id kafkatest.Identity) string {
		return fmt.Sprintf("tls: {ca: %s, cert: %s, key: %s}", b.CA.File, id.Cert, id.Key)
	}
	bearer := func(token string) string {
		return fmt.Sprintf("sasl: {mechanism: OAUTHBEARER, token_file: %s}", tokenFile(t, token))
	}
	for _, c := range []struct {
		name  string
		addr  string
		reach []string
		code  int
		parts []string
	}{
		{"wrong password, SCRAM", b.SASL, []string{ca, sasl("SCRAM-SHA-256", kafkatest.Admin, "wrong-pa55word")}, 2, []string{`refuses user "admin" with this password (SCRAM-SHA-256)`, "kafka error 58", "look at sasl.username and sasl.password"}},
		{"wrong password, PLAIN", b.SASL, []string{ca, sasl("PLAIN", kafkatest.Admin, "wrong-pa55word")}, 2, []string{`refuses user "admin" with this password (PLAIN)`, "kafka error 58", "look at sasl.username"}},
		{"unknown user", b.SASL, []string{ca, sasl("SCRAM-SHA-512", "nobody", "wrong-pa55word")}, 2, []string{`refuses user "nobody"`}},
		{"no SASL over TLS", b.SASL, []string{ca}, 2, []string{"serves nobody who does not prove who they are", "it offers OAUTHBEARER, PLAIN, SCRAM-SHA-256, SCRAM-SHA-512", "write sasl: {mechanism: …}"}},
		{"no SASL", b.Open, nil, 2, []string{"serves nobody who does not prove who they are", "write sasl: {mechanism: …}"}},
		{"no TLS", b.SASL, []string{good}, 2, []string{"speaks TLS at this address", "write tls: true"}},
		{"no TLS, no SASL", b.Mutual, nil, 2, []string{"speaks TLS at this address", "write tls: true"}},
		{"unknown authority", b.SASL, []string{"tls: true", good}, 2, []string{"authority that is not trusted", "in tls.ca"}},
		{"another authority", b.SASL, []string{fmt.Sprintf("tls: {ca: %s}", other.File), good}, 2, []string{"authority that is not trusted", "the authorities in " + other.File + " have not"}},
		{"wrong name", b.SASL, []string{fmt.Sprintf("tls: {ca: %s, server_name: kafka.example}", b.CA.File), good}, 2, []string{"another name", "kafka.example", "tls.server_name"}},
		{"TLS against plaintext", b.Addr, []string{ca}, 2, []string{"does not speak TLS at this address", "leave tls out"}},
		{"TLS against SASL without it", b.Open, []string{ca, good}, 2, []string{"does not speak TLS at this address"}},
		{"SASL on a plaintext listener", b.Addr, []string{good}, 2, []string{"takes no SASL at this address", "kafka error 34", "leave sasl out"}},
		{"SASL on a TLS listener", b.Mutual, []string{client(b.ClientCert), good}, 2, []string{"takes no SASL at this address", "leave sasl out"}},
		{"expired certificate", b.Ended, []string{ca, good}, 1, []string{"its certificate has ended or has not begun", "renew it"}},
		{"no client certificate", b.Mutual, []string{ca}, 2, []string{"asks for a certificate of the client", "tls.cert and tls.key"}},
		{"expired client certificate", b.Mutual, []string{client(b.RetiredCert)}, 2, []string{"refuses the certificate of tls.cert, " + b.RetiredCert.Cert + ", which ended at", "renew it"}},
		{"strange client certificate", b.Mutual, []string{client(stranger)}, 2, []string{"refuses the certificate of tls.cert, " + stranger.Cert}},
		{"token refused", b.SASL, []string{ca, bearer("c2VjcmV0.bm9uc2Vuc2U.xx")}, 2, []string{"refuses the token", "invalid_token"}},
		{"token has ended", b.SASL, []string{ca, bearer(unsignedToken(t, "token", -time.Minute))}, 1, []string{"ended at"}},
		{"token command fails", b.SASL, []string{ca, "sasl: {mechanism: OAUTHBEARER, token_command: [sh, -c, 'echo printed-secret; echo no ticket >&2; exit 3']}"}, 1, []string{"token_command sh: exit status 3: no ticket"}},
		{"no token command", b.SASL, []string{ca, "sasl: {mechanism: OAUTHBEARER, token_command: ./no-such-program}"}, 2, []string{"token_command: ", "no such file"}},
		{"no authority file", b.SASL, []string{"tls: {ca: nowhere.pem}", good}, 2, []string{"read tls.ca: open ", "nowhere.pem: no such file"}},
		{"key of another", b.Mutual, []string{fmt.Sprintf("tls: {ca: %s, cert: %s, key: %s}", b.CA.File, b.ClientCert.Cert, stranger.Key)}, 2, []string{"read tls.cert", "private key does not match"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			job := secureJob(t, topic, append([]string{"brokers: " + c.addr}, c.reach...)...)
			code, stderr := p.fails("run", job, "--available-now")
			wantExit(t, code, stderr, c.code, append(c.parts, "broker "+c.addr+": ")...)
			if strings.Count(stderr, "\n") != 1 {
				t.Errorf("want one line: %s", stderr)
			}
			for _, never := range []string{"wrong-pa55word", kafkatest.AdminPassword, "printed-secret", "c2VjcmV0", "does not exist"} {
				if strings.Contains(stderr, never) {
					t.Errorf("%q is in: %s", never, stderr)
				}
			}
			for _, place := range []string{"lake", "cp"} {
				if _, err := os.Stat(filepath.Join(filepath.Dir(job), place)); !errors.Is(err, fs.ErrNotExist) {
					t.Errorf("a job that reached nobody has left %s: %v", place, err)
				}
			}
		})
	}
}
