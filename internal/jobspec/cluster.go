package jobspec

import (
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/millrace/millrace/dstream"
	"github.com/millrace/millrace/internal/kafka"
)

// Cluster says how a Kafka cluster is reached: the same for a source and for a sink. Nothing of it is recorded.
type Cluster struct {
	Brokers  Brokers `key:"brokers" need:"yes" reach:"yes" doc:"host:port, several with commas between them, or a list."`
	ClientID string  `key:"client_id" reach:"yes" doc:"What the brokers call the job in their logs and quotas. Default: millrace- and the name of the job."`
	TLS      *TLS    `key:"tls" reach:"yes" write:"write true, or {ca: FILE}" doc:"Encrypts the connections. true trusts the certificate authorities of the system."`
	SASL     *SASL   `key:"sasl" reach:"yes" write:"write {mechanism: SCRAM-SHA-512, username: USER, password: '${file:FILE}'}" doc:"How the job proves who it is."`

	RetryTimeout time.Duration `key:"retry_timeout" reach:"yes" least:"1s" default:"30s" doc:"How long to try again, without any progress, what may pass by itself: elections, restarts, broken connections. Behind it the run ends with exit code 1. Keep it above what a broker takes to fail over."`
}

// Brokers are addresses, host:port.
type Brokers []string

// TLS says how connections are encrypted. Its short form is true or false.
type TLS struct {
	Pos        dstream.Pos
	Enabled    bool `key:"enabled" short:"yes" default:"true" doc:"false: the connections are not encrypted."`
	CA         Path `key:"ca" doc:"File with the certificates (PEM) of the authorities to trust, in the place of those of the system. Read anew for every connection, as the two below."`
	Cert       Path `key:"cert" doc:"File with the client's certificate (PEM) and those that it was signed with, for brokers that ask for one."`
	CertPos    dstream.Pos
	Key        Path `key:"key" doc:"File with the key (PEM) of that certificate."`
	KeyPos     dstream.Pos
	ServerName string `key:"server_name" doc:"The name that the brokers' certificates have to bear. Default: the host that is connected to."`
	MinVersion string `key:"min_version" words:"1.2 1.3" doc:"The least version of TLS: 1.2, the default, or 1.3."`
}

// SASL says how the job proves who it is.
type SASL struct {
	Pos            dstream.Pos
	Mechanism      string       `key:"mechanism" need:"yes" words:"PLAIN SCRAM-SHA-256 SCRAM-SHA-512 OAUTHBEARER" doc:"PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or OAUTHBEARER."`
	Username       string       `key:"username" doc:"With PLAIN and SCRAM."`
	Password       kafka.Secret `key:"password" secret:"yes" doc:"With PLAIN and SCRAM: best a variable, such as ${file:/run/secrets/kafka}."`
	TokenFile      Path         `key:"token_file" doc:"With OAUTHBEARER: a file that holds the token. Read anew whenever the job has to prove who it is."`
	TokenCommand   Command      `key:"token_command" doc:"With OAUTHBEARER: a program that prints the token, as a list with its arguments. Run again before the token ends."`
	AllowPlaintext bool         `key:"allow_plaintext" doc:"true: send a password or token over connections that are not encrypted."`
}

// Command is a program with its arguments.
type Command []string

// check looks at what must stand together. where is what messages call the cluster.
func (c *Cluster) check(where string) error {
	encrypted := c.TLS != nil && c.TLS.Enabled
	switch {
	case encrypted && c.TLS.Cert == "" && c.TLS.Key != "":
		return fail(c.TLS.KeyPos, "", "%s.tls: cert is missing: cert and key belong together", where)
	case encrypted && c.TLS.Cert != "" && c.TLS.Key == "":
		return fail(c.TLS.CertPos, "", "%s.tls: key is missing: cert and key belong together", where)
	case c.SASL == nil:
		return nil
	}
	if err := c.SASL.check(where + ".sasl"); err != nil {
		return err
	}
	if encrypted || c.SASL.AllowPlaintext || strings.HasPrefix(c.SASL.Mechanism, "SCRAM") {
		return nil
	}
	what := "a password"
	if c.SASL.Mechanism == kafka.OAuthBearer {
		what = "a token"
	}
	return fail(c.SASL.Pos, "write tls: true beside sasl, or allow_plaintext: true in it if the network is trusted",
		"%s.sasl: %s sends %s over connections that are not encrypted", where, c.SASL.Mechanism, what)
}

// check looks at what each mechanism needs.
func (a *SASL) check(where string) error {
	bearer := a.Mechanism == kafka.OAuthBearer
	for _, k := range []struct {
		key          string
		given, token bool
	}{
		{"username", a.Username != "", false}, {"password", a.Password != "", false},
		{"token_file", a.TokenFile != "", true}, {"token_command", len(a.TokenCommand) > 0, true},
	} {
		switch {
		case k.given && k.token != bearer:
			return fail(a.Pos, "", "%s: %s takes no %s", where, a.Mechanism, k.key)
		case !k.given && !k.token && !bearer:
			return fail(a.Pos, "", "%s: %s is missing", where, k.key)
		}
	}
	switch {
	case bearer && a.TokenFile == "" && len(a.TokenCommand) == 0:
		return fail(a.Pos, "", "%s: one of token_file and token_command is missing", where)
	case a.TokenFile != "" && len(a.TokenCommand) > 0:
		return fail(a.Pos, "", "%s: want one of token_file and token_command, found both", where)
	case strings.ContainsRune(a.Username+string(a.Password), 0):
		return fail(a.Pos, "", "%s: username and password cannot hold a zero byte", where)
	}
	return nil
}

// reached is the cluster as package kafka knows it, for the job of that name.
func (c *Cluster) reached(job string) kafka.Cluster {
	out := kafka.Cluster{Brokers: c.Brokers, ClientID: c.ClientID}
	if out.ClientID == "" {
		out.ClientID = "millrace-" + job
	}
	if t := c.TLS; t != nil && t.Enabled {
		out.TLS = &kafka.TLS{
			CAFile: string(t.CA), CertFile: string(t.Cert), KeyFile: string(t.Key), ServerName: t.ServerName, MinVersion: t.MinVersion,
		}
	}
	if a := c.SASL; a != nil {
		out.SASL = &kafka.SASL{
			Mechanism: a.Mechanism, Username: a.Username, Password: a.Password,
			TokenFile: string(a.TokenFile), TokenCommand: a.TokenCommand,
		}
	}
	return out
}

// read takes text, a comma list, or a YAML list.
func (b *Brokers) read(_ *decoder, t *tree, where string) (*tree, error) {
	items := []*tree{t}
	if t.kind == listTree {
		items = t.items
	}
	for _, item := range items {
		if item.kind != scalarTree {
			return nil, fail(item.pos, "", "%s: %s is not host:port", where, item.kind)
		}
		for _, one := range strings.Split(item.scalar, ",") {
			one = strings.TrimSpace(one)
			host, port, err := net.SplitHostPort(one)
			if n, e := strconv.ParseUint(port, 10, 16); err != nil || host == "" || e != nil || n == 0 {
				return nil, fail(item.pos, "such as localhost:9092", "%s: %s is not host:port", where, item.with(one).shown())
			}
			*b = append(*b, one)
		}
	}
	if len(*b) == 0 {
		return nil, fail(t.pos, "", "%s is empty", where)
	}
	return b.tree(items), nil
}

// tree is the normal form: a text, or a list of them.
func (b Brokers) tree(from []*tree) *tree {
	list := &tree{kind: listTree}
	for _, one := range b {
		list.items = append(list.items, &tree{kind: scalarTree, scalar: one})
	}
	if slices.ContainsFunc(from, func(t *tree) bool { return t.secret != "" }) { // they are not taken apart
		return &tree{kind: listTree, items: from}
	}
	if len(b) == 1 {
		return list.items[0]
	}
	return list
}

func (*Brokers) schema() object {
	one := anyOf(object{{"type", "string"}, {"pattern", `^[^,]+:\d+(,[^,]+:\d+)*$`}}, anyVariable)
	return anyOf(one, object{{"type", "array"}, {"minItems", 1}, {"items", one}})
}

// read takes a program, or a list of it and its arguments. A program with a slash counts from the job file.
func (c *Command) read(d *decoder, t *tree, where string) (*tree, error) {
	items := []*tree{t}
	if t.kind == listTree {
		items = t.items
	}
	out := &tree{kind: listTree, pos: t.pos}
	for i, item := range items {
		switch {
		case item.kind != scalarTree:
			return nil, fail(item.pos, commandHint, "%s: %s is not text", where, item.kind)
		case len(item.scalar) > mostText || strings.ContainsRune(item.scalar, 0):
			return nil, fail(item.pos, "", "%s: longer than %d bytes, or with a zero byte", where, mostText)
		case t.kind != listTree && strings.ContainsAny(item.scalar, " \t\n"):
			return nil, fail(item.pos, commandHint+"; no shell reads it", "%s: a program and its arguments in one text", where)
		}
		if i == 0 && strings.Contains(item.scalar, "/") {
			item = item.with(d.absolute(item.scalar))
		}
		*c = append(*c, item.scalar)
		out.items = append(out.items, item)
	}
	if len(*c) == 0 || (*c)[0] == "" {
		return nil, fail(t.pos, commandHint, "%s is empty", where)
	}
	return out, nil
}

const commandHint = "write a list, [PROGRAM, ARGUMENT, …]"

func (*Command) schema() object {
	one := object{{"type", []string{"string", "number", "boolean"}}}
	return anyOf(object{{"type", "string"}, {"minLength", 1}}, object{{"type", "array"}, {"minItems", 1}, {"items", one}})
}
