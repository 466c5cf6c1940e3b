package offsets

import (
	"net"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/kafka"
)

// hangUps is the address of somebody who hangs up on everybody, and how often that has happened.
func hangUps(t *testing.T) (addr string, calls *atomic.Int32) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	calls = &atomic.Int32{}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			calls.Add(1)
			conn.Close()
		}
	}()
	return l.Addr().String(), calls
}

// TestRetrySpacing counts the attempts to reach a broker that hangs up, and the goroutines that are left behind.
func TestRetrySpacing(t *testing.T) {
	addr, calls := hangUps(t)
	before := runtime.NumGoroutine()
	client, err := kafka.NewClient(kafka.Options{Brokers: []string{addr}})
	if err != nil {
		t.Fatal(err)
	}
	var told []string
	client.OnHealth(func(text string) { told = append(told, text) })
	const budget = 1500 * time.Millisecond
	s := NewKafka(client, KafkaOptions{Source: "events", Topics: []string{"ads"}, RetryFor: budget})
	_, err = s.Partitions(t.Context())
	if err == nil || !strings.Contains(err.Error(), "no progress in") || !strings.Contains(err.Error(), addr) {
		t.Errorf("got %v", err)
	}
	// 20, 40, 80, … ms: seven attempts in the time, each by at most three connections: the Transport's own, the
	// request's, and one that looks whether SASL is missing.
	if n := calls.Load(); n < 5 || n > 24 {
		t.Errorf("%d connections in %s", n, budget)
	}
	if len(told) != 1 || !strings.HasPrefix(told[0], "degraded: ") || !strings.Contains(told[0], addr) {
		t.Errorf("told %q", told)
	}
	s.Close()
	for end := time.Now().Add(5 * time.Second); runtime.NumGoroutine() > before && time.Now().Before(end); {
		runtime.Gosched()
	}
	if n := runtime.NumGoroutine(); n > before {
		buf := make([]byte, 1<<16)
		t.Errorf("%d goroutines, %d before\n%s", n, before, buf[:runtime.Stack(buf, true)])
	}
}
