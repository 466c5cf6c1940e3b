package batch

import (
	"context"
	crand "crypto/rand"
	"encoding/binary"
	"os"
	"time"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/internal/store"
)

// Clock tells the time and waits. Everything in this package that depends on time goes through it.
type Clock interface {
	Now() time.Time
	// Wait returns after d, or earlier with the context's error.
	Wait(ctx context.Context, d time.Duration) error
}

// Rand yields random bits for identifiers. Rows never depend on it.
type Rand interface{ Uint64() uint64 }

// Env is the world outside: clock, randomness, files, and who we are.
type Env struct {
	Clock Clock
	Rand  Rand
	FS    store.FS
	// Objects opens a checkpoint whose path is an address, such as s3://bucket/prefix; nil: there are none such.
	Objects func(ctx context.Context, path string) (store.Objects, error)
	// Beat calls a function until the returned one is called, which waits for the last call to end: this is how a driver
	// tells others that it lives, where they cannot see it by themselves. nil: nobody is told.
	Beat func(every time.Duration, beat func(context.Context)) (stop func())
	Host string
	PID  int
	// LoadZone returns the rules of a time zone that new plans go by; nil: [columnar.LoadZone].
	LoadZone func(name string) (*columnar.Zone, error)
}

// SystemEnv is the real world.
func SystemEnv() Env {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return Env{Clock: systemClock{}, Rand: systemRand{}, FS: store.OS{Private: true}, Beat: beatRegularly, Host: host, PID: os.Getpid()}
}

type systemClock struct{}

func (systemClock) Now() time.Time { return time.Now() }

func (systemClock) Wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

type systemRand struct{}

func (systemRand) Uint64() uint64 {
	var b [8]byte
	crand.Read(b[:]) // never fails, see crypto/rand
	return binary.LittleEndian.Uint64(b[:])
}

// beatRegularly implements [Env].Beat with a goroutine. A beat that hangs is given up when the next one is due.
func beatRegularly(every time.Duration, beat func(context.Context)) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			once, cancelOnce := context.WithTimeout(ctx, every)
			beat(once)
			cancelOnce()
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
		}
	}()
	return func() {
		cancel()
		<-done
	}
}
