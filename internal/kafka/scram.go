package kafka

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"strconv"
	"strings"
)

// Bounds of what a broker may ask of a client. Kafka's own least is 4,096.
const (
	scramIterationsMin = 4096
	scramIterationsMax = 1 << 20
)

// scram is one exchange of RFC 5802 without channel binding. Names and passwords go as they are, in UTF-8, as Kafka's
// own clients and tools send them.
type scram struct {
	hash     func() hash.Hash
	username string
	password Secret
	nonce    string
	first    string // the client's first message, without its header
	server   []byte // the signature that the broker has to end with
	step     int
}

func newScram(mechanism, username string, password Secret) *scram {
	s := &scram{hash: sha256.New, username: username, password: password, nonce: rand.Text()}
	if mechanism == ScramSHA512 {
		s.hash = sha512.New
	}
	return s
}

// start returns the first message.
func (s *scram) start() []byte {
	name := strings.NewReplacer("=", "=3D", ",", "=2C").Replace(s.username)
	s.first = "n=" + name + ",r=" + s.nonce
	return []byte("n,," + s.first)
}

// next returns the answer to a message of the broker, and whether the exchange is over.
func (s *scram) next(message []byte) (answer []byte, done bool, err error) {
	s.step++
	if s.step == 1 {
		answer, err = s.prove(string(message))
		return answer, false, err
	}
	return nil, true, s.verify(string(message))
}

var errScram = errors.New("its SCRAM message is not good")

// scramFields takes a message a=…,b=… apart.
func scramFields(message string) map[byte]string {
	fields := map[byte]string{}
	for _, part := range strings.Split(message, ",") {
		if len(part) >= 2 && part[1] == '=' {
			fields[part[0]] = part[2:]
		}
	}
	return fields
}

// prove answers the broker's nonce and salt with the proof of the password, which is not sent.
func (s *scram) prove(message string) ([]byte, error) {
	fields := scramFields(message)
	if text, ok := fields['e']; ok {
		return nil, scramRefusal(text)
	}
	nonce, salt := fields['r'], fields['s']
	rounds, err := strconv.Atoi(fields['i'])
	salted, saltErr := base64.StdEncoding.DecodeString(salt)
	switch {
	case err != nil || saltErr != nil || len(salted) == 0:
		return nil, errScram
	case !strings.HasPrefix(nonce, s.nonce) || nonce == s.nonce:
		return nil, fmt.Errorf("%w: its nonce does not continue ours", errScram)
	case rounds < scramIterationsMin || rounds > scramIterationsMax:
		return nil, fmt.Errorf("%w: %d iterations, want %d to %d", errScram, rounds, scramIterationsMin, scramIterationsMax)
	}
	key, err := pbkdf2.Key(s.hash, string(s.password), salted, rounds, s.hash().Size())
	if err != nil {
		return nil, fmt.Errorf("derive key of password: %w", err)
	}
	final := "c=biws,r=" + nonce
	text := s.first + "," + message + "," + final
	clientKey := s.mac(key, "Client Key")
	stored := s.hash()
	stored.Write(clientKey)
	proof := s.mac(stored.Sum(nil), text)
	subtle.XORBytes(proof, proof, clientKey)
	s.server = s.mac(s.mac(key, "Server Key"), text)
	return []byte(final + ",p=" + base64.StdEncoding.EncodeToString(proof)), nil
}

// verify checks that the broker knows the password too.
func (s *scram) verify(message string) error {
	fields := scramFields(message)
	if text, ok := fields['e']; ok {
		return scramRefusal(text)
	}
	got, err := base64.StdEncoding.DecodeString(fields['v'])
	if err != nil || !hmac.Equal(got, s.server) {
		return fmt.Errorf("%w: it does not prove that it knows the password", errScram)
	}
	return nil
}

func (s *scram) mac(key []byte, text string) []byte {
	m := hmac.New(s.hash, key)
	m.Write([]byte(text))
	return m.Sum(nil)
}

// scramRefusal is the error that a broker gives inside the exchange.
func scramRefusal(text string) error {
	return fmt.Errorf("%w: the broker says %.100q", codeSASLFailed, text)
}
