package kafkatest

import (
	"io"
	"net"
	"sync"
)

// Line is a way to a broker that can be cut: connections over it end, and new ones are refused at once.
type Line struct {
	Addr string // host:port, as the broker tells its clients

	mu       sync.Mutex
	to       string
	listener net.Listener // nil: it is cut
	conns    map[net.Conn]bool
}

// newLine takes an address. It leads nowhere yet.
func newLine() (*Line, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	return &Line{Addr: listener.Addr().String(), listener: listener, conns: map[net.Conn]bool{}}, nil
}

// lead begins to take connections.
func (l *Line) lead(to string) {
	l.to = to
	go l.serve(l.listener)
}

// Cut ends all connections and refuses others.
func (l *Line) Cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.listener != nil {
		l.listener.Close()
	}
	l.listener = nil
	for c := range l.conns {
		c.Close()
	}
}

// Mend takes connections again.
func (l *Line) Mend() error {
	listener, err := net.Listen("tcp", l.Addr)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.listener = listener
	go l.serve(listener)
	return nil
}

func (l *Line) serve(listener net.Listener) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		go l.carry(conn)
	}
}

// carry carries the bytes of one connection until one side ends it.
func (l *Line) carry(near net.Conn) {
	defer near.Close()
	far, err := net.Dial("tcp", l.to)
	if err != nil {
		return
	}
	defer far.Close()
	if !l.keep(near, far) {
		return
	}
	defer l.drop(near, far)
	go func() {
		io.Copy(far, near)
		far.Close()
	}()
	io.Copy(near, far)
}

// keep notes the two sides of a connection, unless the line has been cut.
func (l *Line) keep(near, far net.Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.listener == nil {
		return false
	}
	l.conns[near], l.conns[far] = true, true
	return true
}

func (l *Line) drop(near, far net.Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.conns, near)
	delete(l.conns, far)
}
