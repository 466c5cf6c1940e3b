package kafka

// Cluster is what a job says about how a cluster is reached. The zero value of every field but Brokers works.
type Cluster struct {
	// Brokers are the bootstrap addresses, host:port. At least one.
	Brokers []string
	// ClientID names this program in the brokers' logs and quotas; "millrace" by default.
	ClientID string
	// TLS encrypts the connections; nil: they are not.
	TLS *TLS
	// SASL proves who this program is; nil: it does not.
	SASL *SASL
}

// TLS says how connections are encrypted. The zero value trusts the authorities of the system. Files are read for every
// connection, so that certificates may be replaced while a job runs.
type TLS struct {
	CAFile            string // PEM, certificates of the authorities that are trusted in the place of the system's
	CertFile, KeyFile string // PEM, of the client, for brokers that ask for it: both or none
	ServerName        string // what the brokers' certificates have to bear; the host that is connected to by default
	MinVersion        string // "1.2", the default, or "1.3"
}

// The SASL mechanisms.
const (
	Plain       = "PLAIN"
	ScramSHA256 = "SCRAM-SHA-256"
	ScramSHA512 = "SCRAM-SHA-512"
	OAuthBearer = "OAUTHBEARER"
)

// SASL says how this program proves who it is.
type SASL struct {
	Mechanism    string
	Username     string   // of all but OAUTHBEARER
	Password     Secret   // of all but OAUTHBEARER
	TokenFile    string   // of OAUTHBEARER: holds the token, or
	TokenCommand []string // prints it: a program and its arguments
}

// Secret is a text that shows as ***, however it is printed.
type Secret string

// String implements fmt.Stringer.
func (Secret) String() string { return "***" }

// GoString implements fmt.GoStringer.
func (Secret) GoString() string { return "***" }

// MarshalText implements encoding.TextMarshaler.
func (Secret) MarshalText() ([]byte, error) { return []byte("***"), nil }

// Options are those of a client of the cluster, with all else by default.
func (c Cluster) Options() Options {
	return Options{Brokers: c.Brokers, ClientID: c.ClientID, TLS: c.TLS, SASL: c.SASL}
}
