package jobspec

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
)

// The command read reads an env file and prints what it sets, or the mistake. \t and \r stand for themselves.
func TestEnvFile(t *testing.T) {
	path := testdata(t, "env")
	workDir(t)
	datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
		write(t, "x.env", strings.NewReplacer(`\t`, "\t", `\r`, "\r", `\ufeff`, "\ufeff").Replace(d.Input)+"\n")
		got, err := EnvFile("x.env")
		if err != nil {
			return Explain(err) + "\n"
		}
		var out []string
		for k, v := range got {
			out = append(out, fmt.Sprintf("%s = %q\n", k, v))
		}
		slices.Sort(out)
		return strings.Join(out, "")
	})
}

// The environment wins over the files, the last file over the first.
func TestEnvFilesOrder(t *testing.T) {
	workDir(t)
	write(t, "a.env", "TOPIC=from-a\nLEVEL=from-a\nOTHER=from-a\n")
	write(t, "b.env", "OTHER=from-b\n")
	text := strings.Replace(viewsJob, "topic: ad-events", `topic: "${TOPIC}.${LEVEL}.${OTHER}"`, 1)
	s, err := parse("job.yaml", []byte(text), Options{Env: lookup, EnvFiles: []string{"a.env", "b.env"}})
	if err != nil {
		t.Fatal(err)
	}
	if got := s.Sources[0].Kafka.Topic; got != "ad-events.7.from-b" {
		t.Errorf("topic %s", got)
	}
}

// What is secret stands in the record as a reference, and is looked up when the record is read; it is masked where the
// file is shown.
func TestSecrets(t *testing.T) {
	dir := workDir(t)
	var told []string
	text := strings.Replace(viewsJob, "GROUP BY", "WHERE e.ad_id <> '${file:password}' AND e.ad_id <> '${API_TOKEN:-tok$en}' AND e.ad_id <> '$$${TYPE}'\n  GROUP BY", 1)
	s, err := parse("job.yaml", []byte(text), Options{Env: lookup, Secret: func(values []string) { told = values }})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(told, []string{"hunter2", "tok$en"}) {
		t.Errorf("told %q", told)
	}
	job, _, err := s.Job()
	if err != nil {
		t.Fatal(Explain(err))
	}
	record, resolved := string(job.Recorded), s.Resolved()
	for _, secret := range []string{"hunter2"} {
		if strings.Contains(record, secret) || strings.Contains(resolved, secret) {
			t.Errorf("%s in\n%s\n%s", secret, record, resolved)
		}
	}
	if want := `'${file:` + dir + `/password}' AND e.ad_id \u003c\u003e '${API_TOKEN:-tok$en}' AND e.ad_id \u003c\u003e '$$view'`; !strings.Contains(record, want) {
		t.Errorf("no %s in %s", want, record)
	}
	if want := `'***' AND e.ad_id <> '***' AND e.ad_id <> '$view'`; !strings.Contains(resolved, want) {
		t.Errorf("no %s in %s", want, resolved)
	}
	again, err := s.Resolve(job.Recorded)
	if err != nil || again.Hash != job.Hash {
		t.Errorf("resolved to %v, %v", again, err)
	}
	check(t, os.WriteFile("password", []byte("changed\n"), 0o600))
	again, err = s.Resolve(job.Recorded)
	if err != nil || again.Hash == job.Hash {
		t.Errorf("a changed secret is not looked up: %v", err)
	}
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
