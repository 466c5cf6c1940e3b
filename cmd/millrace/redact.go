package main

import (
	"io"

	"github.com/urfave/cli/v2"

	"github.com/millrace/millrace/internal/jobspec"
)

// redactor hides the secrets of a job file in everything that the program prints: a query that holds one comes back in
// plans and messages.
type redactor struct {
	w       io.Writer
	secrets jobspec.Secrets
}

// Write takes whole lines.
func (r *redactor) Write(p []byte) (int, error) {
	if _, err := io.WriteString(r.w, r.secrets.Hide(string(p))); err != nil {
		return 0, err
	}
	return len(p), nil
}

// hide makes secrets known to the writers of a command.
func hide(c *cli.Context, secrets []string) {
	for _, w := range []io.Writer{c.App.Writer, c.App.ErrWriter} {
		if r, ok := w.(*redactor); ok {
			r.secrets.Add(secrets)
		}
	}
}
