package main

import (
	"bytes"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"
)

// redactor hides the secrets of a job file in everything that the program prints: a query that holds one comes back in
// plans and messages.
type redactor struct {
	w       io.Writer
	secrets [][]byte
}

// shortestHidden keeps the hidden words of a text from being more than the text.
const shortestHidden = 4

// Write takes whole lines.
func (r *redactor) Write(p []byte) (int, error) {
	text := p
	for _, s := range r.secrets {
		text = bytes.ReplaceAll(text, s, []byte("***"))
	}
	if _, err := r.w.Write(text); err != nil {
		return 0, err
	}
	return len(p), nil
}

// hide makes secrets known to the writers of a command.
func hide(c *cli.Context, secrets []string) {
	for _, w := range []io.Writer{c.App.Writer, c.App.ErrWriter} {
		if r, ok := w.(*redactor); ok {
			r.hide(secrets)
		}
	}
}

// hide adds secrets as they are, and as SQL and messages quote them. Longer ones go first: one may hold another.
func (r *redactor) hide(secrets []string) {
	for _, s := range secrets {
		quoted := strconv.Quote(s)
		for _, form := range []string{s, strings.ReplaceAll(s, "'", "''"), quoted[1 : len(quoted)-1]} {
			if len(form) >= shortestHidden {
				r.secrets = append(r.secrets, []byte(form))
			}
		}
	}
	slices.SortStableFunc(r.secrets, func(a, b []byte) int { return len(b) - len(a) })
}
