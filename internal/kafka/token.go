package kafka

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"time"
)

// Bounds of what gives tokens.
const (
	tokenBytesMax   = 64 << 10
	tokenCommandMax = 10 * time.Second
	stderrShown     = 300
)

// tokens gives the tokens of OAUTHBEARER. One is asked for at a time.
type tokens struct {
	file    string
	command []string
	now     func() time.Time

	turn  chan struct{} // held by the one that asks
	last  Secret        // of the command
	fresh time.Time     // until when it is used again
}

func newTokens(file string, command []string) *tokens {
	return &tokens{file: file, command: command, now: time.Now, turn: make(chan struct{}, 1)}
}

// errTokenFile is an error of the job's own file or of a program that cannot be run at all.
type errTokenFile struct{ error }

func (e errTokenFile) Unwrap() error { return e.error }

// get returns a token. A file is read each time; what a command printed is used again for half of its life, so that
// the sessions of connections, which end with their token, do not become shorter and shorter. A token that does not
// say when it ends is not used again.
func (s *tokens) get(ctx context.Context) (Secret, error) {
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
	if s.file != "" {
		return s.read()
	}
	if s.now().Before(s.fresh) {
		return s.last, nil
	}
	token, err := s.run(ctx)
	if err != nil {
		return "", err
	}
	s.last, s.fresh = token, time.Time{}
	if end, ok := tokenEnd(token); ok {
		s.fresh = s.now().Add(end.Sub(s.now()) / 2)
	}
	return token, nil
}

func (s *tokens) read() (Secret, error) {
	f, err := os.Open(s.file)
	if err != nil {
		return "", errTokenFile{fmt.Errorf("read token: %w", err)}
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, tokenBytesMax+1))
	if err != nil {
		return "", errTokenFile{fmt.Errorf("read token: %w", err)}
	}
	return s.check(data, s.file)
}

// run runs the command. Its errors show what it said on standard error, never what it printed.
func (s *tokens) run(ctx context.Context) (Secret, error) {
	ctx, cancel := context.WithTimeout(ctx, tokenCommandMax)
	defer cancel()
	cmd := exec.CommandContext(ctx, s.command[0], s.command[1:]...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) } // with its children
	cmd.WaitDelay = time.Second
	out, errs := &bounded{most: tokenBytesMax + 1}, &bounded{most: 16 << 10}
	cmd.Stdout, cmd.Stderr = out, errs
	err := cmd.Run()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return s.check(out.Bytes(), "what token_command "+s.command[0]+" prints")
	case ctx.Err() != nil:
		return "", fmt.Errorf("token_command %s: no token within %s%s", s.command[0], tokenCommandMax, said(errs.Bytes()))
	case errors.As(err, &exit):
		return "", fmt.Errorf("token_command %s: %w%s", s.command[0], err, said(errs.Bytes()))
	}
	return "", errTokenFile{fmt.Errorf("token_command: %w", err)}
}

// said is the end of what a program wrote on standard error, in one line.
func said(text []byte) string {
	line := strings.Join(strings.Fields(strings.ToValidUTF8(string(text), "?")), " ")
	if line == "" {
		return ""
	}
	if len(line) > stderrShown {
		line = "…" + strings.ToValidUTF8(line[len(line)-stderrShown:], "")
	}
	return ": " + line
}

// bounded keeps the first bytes that are written to it.
type bounded struct {
	bytes.Buffer
	most int
}

func (b *bounded) Write(p []byte) (int, error) {
	b.Buffer.Write(p[:min(len(p), b.most-b.Len())])
	return len(p), nil
}

// tokenText is what RFC 6750 takes for one.
var tokenText = regexp.MustCompile(`^[A-Za-z0-9._~+/-]+=*$`)

// check looks at a token before it is sent. from says where it comes from.
func (s *tokens) check(data []byte, from string) (Secret, error) {
	text := string(bytes.TrimSpace(data))
	switch {
	case text == "":
		return "", fmt.Errorf("%s holds no token", from)
	case len(data) > tokenBytesMax:
		return "", fmt.Errorf("%s is longer than %d bytes", from, tokenBytesMax)
	case !tokenText.MatchString(text):
		return "", fmt.Errorf("%s is no token: it holds characters that none has", from)
	}
	if end, ok := tokenEnd(Secret(text)); ok && !end.After(s.now()) {
		return "", fmt.Errorf("the token in %s ended at %s", from, end.UTC().Format(time.RFC3339))
	}
	return Secret(text), nil
}

// tokenEnd is when a token that is a JSON Web Token says that it ends.
func tokenEnd(token Secret) (time.Time, bool) {
	parts := strings.Split(string(token), ".")
	if len(parts) < 2 {
		return time.Time{}, false
	}
	payload, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(parts[1], "="))
	if err != nil {
		return time.Time{}, false
	}
	var claims struct {
		Exp float64 `json:"exp"`
	}
	if err := json.Unmarshal(payload, &claims); err != nil || claims.Exp <= 0 || claims.Exp > 1e12 {
		return time.Time{}, false
	}
	return time.UnixMilli(int64(claims.Exp * 1000)), true
}
