package integration

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/millrace/millrace/integration/kafkatest"
)

// TestKafkaSecrets looks for secrets in every byte that runs leave behind, good ones and bad ones.
func TestKafkaSecrets(t *testing.T) {
	t.Parallel()
	b := kafkatest.StartSecure(t)
	topic := b.Topic(t, 1)
	write(t, producer(t, b.Broker), topic, 0, `{"a": 1}`)
	token := unsignedToken(t, "token", time.Hour)
	const wrong = "wr0ng-canary-pa55word"
	p := newProgram(t, "KAFKA_PW="+kafkatest.AdminPassword, "WRONG="+wrong)
	key, err := os.ReadFile(b.ClientCert.Key)
	if err != nil {
		t.Fatal(err)
	}
	secrets := []string{kafkatest.AdminPassword, wrong, token, strings.Split(token, ".")[1], strings.Split(string(key), "\n")[1]}
	ca := fmt.Sprintf("tls: {ca: %s}", b.CA.File)
	for name, reach := range map[string][]string{
		"literal":        {"brokers: " + b.SASL, ca, sasl("PLAIN", kafkatest.Admin, kafkatest.AdminPassword)},
		"variable":       {"brokers: " + b.SASL, ca, sasl("SCRAM-SHA-512", kafkatest.Admin, "${KAFKA_PW}")},
		"wrong literal":  {"brokers: " + b.SASL, ca, sasl("PLAIN", kafkatest.Admin, wrong)},
		"wrong variable": {"brokers: " + b.SASL, ca, sasl("SCRAM-SHA-256", kafkatest.Admin, "${WRONG}")},
		"token":          {"brokers: " + b.SASL, ca, "sasl: {mechanism: OAUTHBEARER, token_file: " + tokenFile(t, token) + "}"},
		"bad token":      {"brokers: " + b.SASL, ca, "sasl: {mechanism: OAUTHBEARER, token_command: [cat, " + tokenFile(t, token+"!") + "]}"},
		"bad file":       {"brokers: " + b.Mutual, fmt.Sprintf("tls: {ca: %s, cert: %s, key: %s}", b.CA.File, b.ClientCert.Cert, b.ClientCert.Cert)},
		"key as CA":      {"brokers: " + b.Mutual, fmt.Sprintf("tls: {ca: %s}", b.ClientCert.Key)},
		"sink":           {"brokers: " + b.SASL, ca, sasl("PLAIN", kafkatest.Admin, kafkatest.AdminPassword), sinkMark},
		"sink refused":   {"brokers: " + b.Addr, sinkMark},
		"certificate":    {"brokers: " + b.Mutual, fmt.Sprintf("tls: {ca: %s, cert: %s, key: %s}", b.CA.File, b.ClientCert.Cert, b.ClientCert.Key)},
		"mistake beside": {"brokers: " + b.SASL, ca, "sasl: {mechanism: PLAIN, username: admin, passwort: x, password: " + wrong + "}"},
		"no YAML":        {"brokers: " + b.SASL, ca, "sasl: {mechanism: PLAIN, username: admin, password: " + wrong + ", ]"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			job := secureJob(t, topic, reach...)
			addSink(t, job, b, wrong)
			var all bytes.Buffer
			for _, args := range [][]string{
				{"validate", job, "--plan"}, {"explain", job}, {"explain", "--resolved", job}, {"run", job, "--available-now", "--json"}, {"run", job, "--available-now"},
				{"inspect", job}, {"validate", job, "--set", "sources.events.kafka.sasl.password=" + wrong}, {"validate", job, "--set", "sources.events.kafka.sasl.password.x=" + wrong},
			} {
				cmd := p.command(args...)
				cmd.Stdout, cmd.Stderr = &all, &all
				_ = cmd.Run() // many must fail
			}
			good := slices.Contains([]string{"literal", "variable", "token", "certificate", "sink"}, name)
			if ran := strings.Contains(all.String(), "batches     last committed 1"); ran != good {
				t.Errorf("it ran: %v, printed %q", ran, all.String())
			}
			wantNoSecret(t, "printed", all.Bytes(), secrets)
			dir := filepath.Dir(job)
			for _, sub := range []string{"cp", "lake"} {
				wantNoSecretIn(t, filepath.Join(dir, sub), secrets)
			}
		})
	}
}

// sinkMark is a line, of no meaning to the job, that stands for a Kafka sink.
const sinkMark = "# and a sink"

// addSink gives a job that has the mark a Kafka sink, one with the wrong password where its source has none.
func addSink(t *testing.T, job string, b *kafkatest.Secure, wrong string) {
	t.Helper()
	text, err := os.ReadFile(job)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(text, []byte(sinkMark)) {
		return
	}
	password := wrong
	if bytes.Contains(text, []byte(kafkatest.AdminPassword)) {
		password = kafkatest.AdminPassword
	}
	sink := fmt.Sprintf("sinks:\n  out:\n    kafka:\n      brokers: %s\n      topic: %s\n      tls: {ca: %s}\n      %s\n  lake:",
		b.SASL, b.Topic(t, 1), b.CA.File, sasl("SCRAM-SHA-512", kafkatest.Admin, password))
	text = bytes.Replace(text, []byte("sinks: {lake: {parquet: {path: lake}}}"), []byte(sink+" {parquet: {path: lake}}"), 1)
	if err := os.WriteFile(job, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

// kafkaToKafka writes a job that copies a topic to another on the same cluster, and returns its path.
func kafkaToKafka(t *testing.T, b *kafkatest.Secure, addr, from, to string) string {
	t.Helper()
	reach := fmt.Sprintf("{brokers: %s, tls: {ca: %s}, %s, topic: ", addr, b.CA.File, sasl("SCRAM-SHA-256", kafkatest.Admin, kafkatest.AdminPassword))
	job := filepath.Join(t.TempDir(), "job.yaml")
	text := "name: copy-" + to + "\nsources: {events: {kafka: " + reach + from + "}, columns: {a: bigint}}}\nquery: SELECT a FROM events\nsinks: {out: {kafka: " + reach + to + "}}}\ncheckpoint: cp\n"
	if err := os.WriteFile(job, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return job
}

// TestKafkaSessionsOfAJob runs a whole job, from Kafka to Kafka exactly once, over several lives of its sessions. It has
// nothing to say of its health, and a franz-go consumer finds every record once.
func TestKafkaSessionsOfAJob(t *testing.T) {
	t.Parallel()
	b := kafkatest.StartSecure(t)
	from, to := b.Topic(t, 1), b.Topic(t, 1)
	job := kafkaToKafka(t, b, b.Short, from, to)
	p := newProgram(t)
	l := p.start(job, "--set", "trigger={every: 300ms}")
	w := producer(t, b.Broker)
	var want []string
	tick := time.NewTicker(250 * time.Millisecond)
	defer tick.Stop()
	write(t, w, from, 0, `{"a":0}`)
	want = append(want, `{"a":0}`)
	r, ok := <-l.progress
	for began := time.Now(); ok && time.Since(began) < 2*kafkatest.SessionLife+time.Second; <-tick.C {
		value := fmt.Sprintf(`{"a":%d}`, len(want))
		write(t, w, from, 0, value)
		want = append(want, value)
	}
	for got := r.NumInputRows; ok && got < int64(len(want)); got += r.NumInputRows {
		r, ok = <-l.progress
	}
	l.signal(t, syscall.SIGTERM)
	if _, err := l.wait(); err != nil {
		t.Fatal(err)
	}
	if text := l.stderr.String(); strings.Contains(text, "degraded") {
		t.Error(text)
	}
	if got := committed(t, b.Broker, to, 1)[0]; !slices.Equal(got, want) {
		t.Errorf("written %q, want %q", got, want)
	}
}

func wantNoSecret(t *testing.T, where string, data []byte, secrets []string) {
	t.Helper()
	for _, s := range secrets {
		if bytes.Contains(data, []byte(s)) {
			t.Errorf("%s holds %q:\n%s", where, s, data)
		}
	}
}

// wantNoSecretIn looks at every file of a directory, which may be missing.
func wantNoSecretIn(t *testing.T, dir string, secrets []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if os.IsNotExist(err) {
			return nil
		}
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		wantNoSecret(t, path, data, secrets)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
