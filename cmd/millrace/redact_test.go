package main

import (
	"bytes"
	"testing"
)

func TestRedactor(t *testing.T) {
	var out bytes.Buffer
	r := &redactor{w: &out}
	r.secrets.Add([]string{"hunter2", "it's", "a hunter2 b", "abc", "two\nlines"})
	n, err := r.Write([]byte("hunter2, 'it''s', a hunter2 b, abc, \"two\\nlines\"\n"))
	check(t, err)
	if n != 49 || out.String() != "***, '***', ***, abc, \"***\"\n" {
		t.Errorf("%d bytes: %s", n, out.String())
	}
}
