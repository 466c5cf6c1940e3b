package kafka

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"strings"
)

// AccessError says which right a client lacks.
type AccessError struct {
	Operation string // as ACLs name it
	Resource  string // kind and name
	Err       error

	Principal string   // whom the right is for, as ACLs name him, such as "User:alice"; "" if only the broker knows
	Brokers   []string // of the cluster, host:port
}

func (e *AccessError) Error() string {
	who := e.Principal
	if who == "" {
		who = "this client"
	}
	at := ""
	if len(e.Brokers) > 0 {
		at = " at " + strings.Join(e.Brokers, ", ")
	}
	return fmt.Sprintf("kafka: no access%s: %s needs the ACL %s on %s: %v", at, who, e.Operation, e.Resource, e.Err)
}

// Unwrap returns the broker's answer.
func (e *AccessError) Unwrap() error { return e.Err }

// Codes of missing rights.
const (
	codeTopicDenied   Code = 29
	codeGroupDenied   Code = 30
	codeClusterDenied Code = 31
	codeTxnDenied     Code = 53
)

// resources are what a call needs rights on.
type resources struct {
	operation string // on the topic
	topic     string
	txn       string // the transactional id, and the group of that name
}

// denied makes an error that says a right is missing name the ACL, and whose it is to be; others stay as they are.
func (c *Client) denied(err error, on resources) error {
	var code Code
	var known *AccessError
	if errors.As(err, &known) || !errors.As(err, &code) {
		return err
	}
	var of *partitionError
	if errors.As(err, &of) {
		on.topic = of.topic
	}
	e := &AccessError{Err: code, Principal: c.dialer.principal(), Brokers: c.opts.Brokers}
	switch code {
	case codeTopicDenied:
		e.Operation, e.Resource = on.operation, "topic "+on.topic
	case codeGroupDenied:
		e.Operation, e.Resource = "Read", "group "+on.txn
	case codeTxnDenied:
		e.Operation, e.Resource = "Write", "transactional id "+on.txn
	case codeClusterDenied:
		e.Operation, e.Resource = "IdempotentWrite", "the cluster, or Write on a topic"
		if on.topic != "" {
			e.Operation, e.Resource = on.operation, "the cluster"
		}
	default:
		return err
	}
	return e
}

// principal is whom the brokers take this client for, unless they have rules of their own for it.
func (d *dialer) principal() string {
	switch {
	case d.sasl != nil && d.sasl.Mechanism == OAuthBearer:
		return "" // which claim of the token it is, the brokers say
	case d.sasl != nil:
		return "User:" + d.sasl.Username
	case d.tls != nil && d.tls.CertFile != "":
		return d.tls.subject()
	}
	return "User:ANONYMOUS"
}

// subject is that of the client's certificate, "" if it cannot be read.
func (t *TLS) subject() string {
	text, err := os.ReadFile(t.CertFile)
	if err != nil {
		return ""
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return ""
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return ""
	}
	return "User:" + cert.Subject.String()
}
