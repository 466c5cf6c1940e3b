package kafka

import (
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// jwt is a token that ends then.
func jwt(end time.Time) string {
	part := func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }
	return part(`{"alg":"none"}`) + "." + part(fmt.Sprintf(`{"sub":"x","exp":%d}`, end.Unix())) + ".c2ln"
}

// counting is a command that prints what a file holds and counts its calls in another.
func counting(t *testing.T, text string) (command []string, calls func() int) {
	t.Helper()
	dir := t.TempDir()
	file, log := filepath.Join(dir, "token"), filepath.Join(dir, "calls")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return []string{"sh", "-c", `echo >>"$0"; cat "$1"`, log, file}, func() int {
		data, _ := os.ReadFile(log)
		return len(data)
	}
}

// TestTokenReuse steps a clock: what a command printed serves for half of its life, and a token without an end once.
func TestTokenReuse(t *testing.T) {
	start := time.Unix(1_800_000_000, 0)
	now := start
	command, calls := counting(t, jwt(start.Add(100*time.Second))+"\n")
	s := newTokens("", command)
	s.now = func() time.Time { return now }
	for _, step := range []struct {
		after time.Duration
		calls int
	}{{0, 1}, {49 * time.Second, 1}, {50 * time.Second, 2}, {74 * time.Second, 2}, {75 * time.Second, 3}} {
		now = start.Add(step.after)
		token, err := s.get(t.Context())
		if err != nil || string(token) != jwt(start.Add(100*time.Second)) || calls() != step.calls {
			t.Errorf("after %s: %v, %d calls, want %d", step.after, err, calls(), step.calls)
		}
	}
	now = start.Add(100 * time.Second)
	if _, err := s.get(t.Context()); err == nil || !strings.Contains(err.Error(), "ended at 2027-01-15T08:01:40Z") {
		t.Errorf("after its end: %v", err)
	}
	command, calls = counting(t, "opaque")
	s = newTokens("", command)
	for want := 1; want < 3; want++ {
		if token, err := s.get(t.Context()); string(token) != "opaque" || err != nil || calls() != want {
			t.Errorf("%v, %d calls, want %d", err, calls(), want)
		}
	}
}

// A file is read anew each time.
func TestTokenFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	s := newTokens(file, nil)
	_, err := s.get(t.Context())
	if err == nil || !strings.Contains(err.Error(), "no such file") || !errors.As(err, new(errTokenFile)) {
		t.Errorf("no file: %v", err)
	}
	for _, text := range []string{"one", " two\r\n"} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := s.get(t.Context()); string(got) != strings.TrimSpace(text) || err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// Errors show where the token comes from and what the command says on standard error, never what it printed.
func TestTokenErrors(t *testing.T) {
	for name, c := range map[string]struct {
		command []string
		want    string
		file    bool
	}{
		"fails":         {[]string{"sh", "-c", "echo secret; printf 'no\n ticket\n' >&2; exit 3"}, "token_command sh: exit status 3: no ticket", false},
		"says too much": {[]string{"sh", "-c", "yes no ticket | head -c 100000 >&2; exit 1"}, "token_command sh: exit status 1: …", false},
		"nothing":       {[]string{"true"}, "what token_command true prints holds no token", false},
		"no token":      {[]string{"echo", "secret with blanks"}, "what token_command echo prints is no token: it holds characters that none has", false},
		"too long":      {[]string{"sh", "-c", "yes secret | head -c 1000000"}, "is longer than 65536 bytes", false},
		"not there":     {[]string{"./no-such-program"}, "token_command: ", true},
	} {
		t.Run(name, func(t *testing.T) {
			token, err := newTokens("", c.command).get(t.Context())
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "secret") || len(err.Error()) > 500 {
				t.Errorf("%q: %v", string(token), err)
			}
			if errors.As(err, new(errTokenFile)) != c.file {
				t.Errorf("a matter of the job file: %v", !c.file)
			}
		})
	}
}

// A secret does not show, however it is printed.
func TestSecretIsHidden(t *testing.T) {
	c := Cluster{SASL: &SASL{Username: "u", Password: "hunter2"}}
	text := fmt.Sprintf("%v %+v %#v %s %q %x %v", *c.SASL, *c.SASL, *c.SASL, c.SASL.Password, c.SASL.Password, c.SASL.Password, c.Options().SASL)
	if strings.Contains(text, "hunter2") || strings.Contains(text, "68756e746572") || strings.Count(text, "***") < 4 {
		t.Error(text)
	}
}
