package kafka

import (
	"errors"
	"strings"
	"testing"
)

// The exchange of RFC 7677, section 3.
const (
	rfcFirst  = "n,,n=user,r=rOprNGfwEbeRWgbNEkqO"
	rfcServer = "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
	rfcFinal  = "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
	rfcEnd    = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="
)

func rfcScram() *scram {
	s := newScram(ScramSHA256, "user", "pencil")
	s.nonce = "rOprNGfwEbeRWgbNEkqO"
	return s
}

func TestScram(t *testing.T) {
	s := rfcScram()
	if got := string(s.start()); got != rfcFirst {
		t.Errorf("first message %q", got)
	}
	final, done, err := s.next([]byte(rfcServer))
	if string(final) != rfcFinal || done || err != nil {
		t.Errorf("answer %q, %v, %v", final, done, err)
	}
	if _, done, err = s.next([]byte(rfcEnd)); !done || err != nil {
		t.Errorf("end %v, %v", done, err)
	}
}

// A name may hold the characters that take the message apart.
func TestScramName(t *testing.T) {
	s := newScram(ScramSHA512, "a=b,c", "x")
	if got := string(s.start()); !strings.HasPrefix(got, "n,,n=a=3Db=2Cc,r=") {
		t.Errorf("first message %q", got)
	}
	if other := newScram(ScramSHA512, "a", "x"); other.nonce == s.nonce || len(s.nonce) < 20 {
		t.Errorf("nonces %q and %q", s.nonce, other.nonce)
	}
}

// What a broker says that is not the broker, or that wants the client to work for ever.
func TestScramRefuses(t *testing.T) {
	for name, messages := range map[string][]string{
		"empty":               {""},
		"an error":            {"e=unknown-user"},
		"another nonce":       {"r=mine,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"},
		"our nonce alone":     {"r=rOprNGfwEbeRWgbNEkqO,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"},
		"no salt":             {"r=rOprNGfwEbeRWgbNEkqO1,i=4096"},
		"no base64":           {"r=rOprNGfwEbeRWgbNEkqO1,s=???,i=4096"},
		"few iterations":      {"r=rOprNGfwEbeRWgbNEkqO1,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=1"},
		"too many iterations": {"r=rOprNGfwEbeRWgbNEkqO1,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=2000000000"},
		"no number":           {"r=rOprNGfwEbeRWgbNEkqO1,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=many"},
		"wrong signature":     {rfcServer, "v=AAAATRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="},
		"no signature":        {rfcServer, ""},
		"an error at the end": {rfcServer, "e=invalid-proof"},
	} {
		t.Run(name, func(t *testing.T) {
			s := rfcScram()
			s.start()
			var err error
			for i, m := range messages {
				if _, _, err = s.next([]byte(m)); err != nil && i < len(messages)-1 {
					t.Fatal(err)
				}
			}
			if !errors.Is(err, errScram) && !errors.Is(err, codeSASLFailed) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func FuzzScram(f *testing.F) {
	for _, m := range []string{rfcServer, rfcEnd, "e=x", "r=,s=,i=", "r=rOprNGfwEbeRWgbNEkqO1,s=AA==,i=4096"} {
		f.Add([]byte(m), []byte(rfcEnd))
	}
	f.Fuzz(func(t *testing.T, first, last []byte) {
		s := rfcScram()
		s.start()
		if strings.Contains(string(first), "i=") && !strings.Contains(string(first), "i=4096") {
			return // the work is bounded, and too much for a fuzzer
		}
		if _, _, err := s.next(first); err != nil {
			return
		}
		if _, _, err := s.next(last); err == nil && string(first) != rfcServer {
			t.Fatalf("a broker that knows no password was believed: %q, %q", first, last)
		}
	})
}
