package kafkatest

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// Secure is a broker with several listeners that are not open to everybody, beside the plaintext listener of its
// [Broker]. Who comes in by that one, and the users Admin and "token" and the client of ClientCert, may do everything;
// User and Writer may do what access control lists allow.
type Secure struct {
	*Broker
	SASL        string // host:port, SASL over TLS with PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 and OAUTHBEARER (unsigned)
	Short       string // the same, where sessions last SessionLife
	Open        string // SASL without TLS
	Mutual      string // TLS with certificates of clients
	Ended       string // SASL over TLS with a certificate that has ended
	Line        *Line  // to SASL over TLS, on a way that can be cut
	CA          *Authority
	ClientCert  Identity // of a client, signed by CA
	RetiredCert Identity // the same, but it has ended

	behind string // where Line leads
}

// Users of a [Secure] broker, with the passwords of PLAIN and SCRAM.
const (
	Admin          = "admin"
	AdminPassword  = "admin-pa55word"
	User           = "alice"
	UserPassword   = "alice-pa55word"
	Writer         = "bob"
	WriterPassword = "bob-pa55word"
	SessionLife    = 3 * time.Second
)

var sharedSecure struct {
	sync.Mutex
	broker *Secure
	err    error
}

// StartSecure returns the secured broker of this test process, started by the first call.
func StartSecure(t testing.TB) *Secure {
	t.Helper()
	sharedSecure.Lock()
	defer sharedSecure.Unlock()
	if sharedSecure.broker == nil && sharedSecure.err == nil {
		sharedSecure.broker, sharedSecure.err = launchSecure()
	}
	switch {
	case sharedSecure.err == nil:
		return sharedSecure.broker
	case errors.Is(sharedSecure.err, errMissing) && os.Getenv(RequireEnv) != "1":
		t.Skipf("skipped: %v", sharedSecure.err)
	default:
		t.Fatalf("start Kafka %s with SASL_SSL: %v", Version, sharedSecure.err)
	}
	return nil
}

func stopSecure() {
	sharedSecure.Lock()
	defer sharedSecure.Unlock()
	if sharedSecure.broker != nil {
		sharedSecure.broker.proc.kill()
		sharedSecure.broker.Line.Cut()
		os.RemoveAll(sharedSecure.broker.dir)
	}
	sharedSecure.broker, sharedSecure.err = nil, nil
}

func launchSecure() (*Secure, error) {
	s := &Secure{}
	var err error
	if s.Broker, err = launchBroker("-secure", s.configure); err != nil {
		return nil, err
	}
	s.Line.lead(s.behind)
	return s, nil
}

// certificates makes those of the broker and of clients.
func (s *Secure) certificates(dir string) (server, ended Identity, err error) {
	tomorrow, yesterday := time.Now().Add(24*time.Hour), time.Now().Add(-24*time.Hour)
	if s.CA, err = NewAuthority(dir, "ca"); err != nil {
		return server, ended, err
	}
	for _, x := range []struct {
		id    *Identity
		name  string
		until time.Time
	}{{&server, "server", tomorrow}, {&ended, "ended", yesterday}, {&s.ClientCert, "client", tomorrow}, {&s.RetiredCert, "retired", yesterday}} {
		if *x.id, err = s.CA.Issue(x.name, x.until); err != nil {
			return server, ended, err
		}
	}
	return server, ended, nil
}

// listeners of a secured broker, in the order of their ports.
var listeners = []struct{ name, protocol string }{
	{"SECURE", "SASL_SSL"}, {"SHORT", "SASL_SSL"}, {"OPEN", "SASL_PLAINTEXT"}, {"MUTUAL", "SSL"}, {"ENDED", "SASL_SSL"}, {"BEHIND", "SASL_SSL"},
}

// configure adds the listeners to the text of a configuration.
func (s *Secure) configure(dir, config string) (string, []string, error) {
	server, ended, err := s.certificates(dir)
	if err != nil {
		return "", nil, err
	}
	ports, err := freePorts(len(listeners))
	if err != nil {
		return "", nil, err
	}
	if s.Line, err = newLine(); err != nil {
		return "", nil, err
	}
	var at, told, protocols strings.Builder
	var more strings.Builder
	for i, l := range listeners {
		addr := fmt.Sprintf("127.0.0.1:%d", ports[i])
		*[]*string{&s.SASL, &s.Short, &s.Open, &s.Mutual, &s.Ended, &s.behind}[i] = addr
		fmt.Fprintf(&at, ",%s://%s", l.name, addr)
		if l.name == "BEHIND" {
			addr = s.Line.Addr
		}
		fmt.Fprintf(&told, ",%s://%s", l.name, addr)
		fmt.Fprintf(&protocols, ",%s:%s", l.name, l.protocol)
		id := server
		if l.name == "ENDED" {
			id = ended
		}
		s.listener(&more, "listener.name."+strings.ToLower(l.name)+".", l.protocol, id)
	}
	fmt.Fprintf(&more, "listener.name.short.connections.max.reauth.ms=%d\n", SessionLife.Milliseconds())
	more.WriteString("listener.name.mutual.ssl.client.auth=required\n" +
		"authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer\n" +
		"super.users=User:ANONYMOUS;User:admin;User:token;User:CN=client\n")
	var out strings.Builder
	for line := range strings.Lines(config) {
		line = strings.TrimSuffix(line, "\n")
		switch key, _, _ := strings.Cut(line, "="); key {
		case "listeners":
			line += at.String()
		case "advertised.listeners":
			line += told.String()
		case "listener.security.protocol.map":
			line += protocols.String()
		}
		out.WriteString(line + "\n")
	}
	return out.String() + more.String(), s.scramUsers(), nil
}

// listener writes the settings of one listener.
func (s *Secure) listener(w *strings.Builder, prefix, protocol string, id Identity) {
	if strings.HasSuffix(protocol, "SSL") {
		fmt.Fprintf(w, "%[1]sssl.keystore.type=PEM\n%[1]sssl.keystore.location=%[2]s\n%[1]sssl.truststore.type=PEM\n%[1]sssl.truststore.location=%[3]s\n", prefix, id.Both, s.CA.File)
	}
	if !strings.HasPrefix(protocol, "SASL") {
		return
	}
	const security = "org.apache.kafka.common.security."
	fmt.Fprintf(w, "%ssasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER\n", prefix)
	fmt.Fprintf(w, "%splain.sasl.jaas.config=%splain.PlainLoginModule required user_%s=\"%s\" user_%s=\"%s\" user_%s=\"%s\";\n", prefix, security, Admin, AdminPassword, User, UserPassword, Writer, WriterPassword)
	for _, m := range []string{"scram-sha-256", "scram-sha-512"} {
		fmt.Fprintf(w, "%s%s.sasl.jaas.config=%sscram.ScramLoginModule required;\n", prefix, m, security)
	}
	fmt.Fprintf(w, "%soauthbearer.sasl.jaas.config=%soauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub=\"broker\";\n", prefix, security)
}

// scramUsers are arguments of the tool that formats the data directory.
func (s *Secure) scramUsers() []string {
	var args []string
	for _, m := range []string{"SCRAM-SHA-256", "SCRAM-SHA-512"} {
		for _, u := range [][2]string{{Admin, AdminPassword}, {User, UserPassword}, {Writer, WriterPassword}} {
			args = append(args, "--add-scram", fmt.Sprintf("%s=[name=%s,password=%s]", m, u[0], u[1]))
		}
	}
	return args
}
