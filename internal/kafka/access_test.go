package kafka

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestDenied: an error of a missing right says what for, on what, for whom and where. Others stay as they are.
func TestDenied(t *testing.T) {
	alice := &SASL{Mechanism: ScramSHA256, Username: "alice", Password: "pa55word"}
	for _, test := range []struct {
		err  error
		on   resources
		sasl *SASL
		want string // "" if it is no AccessError
	}{
		{codeTopicDenied, resources{operation: "Write", topic: "t"}, alice, "at b1:9092, b2:9092: User:alice needs the ACL Write on topic t: "},
		{codeTopicDenied, resources{operation: "Read", topic: "t"}, nil, "User:ANONYMOUS needs the ACL Read on topic t: "},
		{codeGroupDenied, resources{"Write", "t", "x"}, alice, "User:alice needs the ACL Read on group x: "},
		{codeTxnDenied, resources{"Write", "t", "x"}, alice, "User:alice needs the ACL Write on transactional id x: "},
		{codeClusterDenied, resources{txn: "x"}, alice, "User:alice needs the ACL IdempotentWrite on the cluster, or Write on a topic: "},
		{codeClusterDenied, resources{operation: "Create", topic: "t"}, alice, "User:alice needs the ACL Create on the cluster: "},
		{codeTopicDenied, resources{operation: "Write", topic: "t"}, &SASL{Mechanism: OAuthBearer}, "at b1:9092, b2:9092: this client needs the ACL Write on topic t: "},
		{fmt.Errorf("x: %w", &partitionError{"other", 1, codeTopicDenied}), resources{operation: "Write", topic: "t"}, alice, "the ACL Write on topic other: "},
		{codeNotLeader, resources{operation: "Write", topic: "t"}, alice, ""},
		{errors.New("x"), resources{operation: "Write", topic: "t"}, alice, ""},
		{&AccessError{Operation: "Describe", Resource: "topic y", Err: codeTopicDenied}, resources{operation: "Write", topic: "t"}, alice, "this client needs the ACL Describe on topic y"},
	} {
		c, err := NewClient(Options{Brokers: []string{"b1:9092", "b2:9092"}, SASL: test.sasl})
		if err != nil {
			t.Fatal(err)
		}
		got := c.denied(test.err, test.on)
		var access *AccessError
		switch is := errors.As(got, &access); {
		case is != (test.want != "") || !is && got != test.err:
			t.Errorf("%v becomes %v", test.err, got)
		case !strings.Contains(got.Error(), test.want) || strings.Contains(got.Error(), "pa55word"):
			t.Errorf("%v, want %q", got, test.want)
		}
		if Decide(got) != Decide(test.err) {
			t.Errorf("%v: %s", got, Decide(got))
		}
	}
}

// TestPrincipalOfCertificate is about what a broker makes of a certificate unless it has mapping rules.
func TestPrincipalOfCertificate(t *testing.T) {
	d := newDialer(Options{TLS: &TLS{CertFile: filepath.Join(t.TempDir(), "none")}})
	if got := d.principal(); got != "" {
		t.Errorf("without the file %q", got)
	}
	path := filepath.Join(t.TempDir(), "cert.pem")
	if err := os.WriteFile(path, []byte("no PEM"), 0o600); err != nil {
		t.Fatal(err)
	}
	d.tls.CertFile = path
	if got := d.principal(); got != "" {
		t.Errorf("of no certificate %q", got)
	}
}
