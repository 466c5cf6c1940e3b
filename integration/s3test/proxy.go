package s3test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

// Fault is what a proxy does to one request.
type Fault int

// The faults. Those up to Reset do not reach the store; of the others the answer is lost or another one.
const (
	None        Fault = iota
	InternalErr       // 500
	SlowDown          // 503
	Conflict          // 409 ConditionalRequestConflict, to a conditional write
	Denied            // 403
	Reset             // the connection breaks before the store sees anything
	Slow              // the answer is late, but in time
	LostAnswer        // done, then the connection breaks
	TimedOut          // done, then no answer within the client's time
	DoneThen500       // done, then a 500: another attempt finds its own success
	CutBody           // the bytes of an answer break off
	Held              // it reaches the store when the channel given to Hold is closed
	faults
)

var faultNames = [faults]string{"none", "500", "503", "409", "403", "reset", "slow", "lost answer", "timed out", "done, then 500", "cut body", "held"}

// String is the fault in a word or two.
func (f Fault) String() string { return faultNames[f] }

// Proxy is a server between a client and the gateway. It is safe for concurrent use.
type Proxy struct {
	URL string
	// Late is how long Slow waits and Hang how long TimedOut does.
	Late, Hang time.Duration

	mu     sync.Mutex
	choose func(*http.Request) Fault
	hold   <-chan struct{}
	opaque bool
	counts [faults]int
}

// Proxy starts a proxy that ends with the test. choose says what happens to a request; see [Proxy.Set].
func (g *Gateway) Proxy(t testing.TB) *Proxy {
	t.Helper()
	backend, err := url.Parse(g.URL)
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{Late: 5 * time.Millisecond, Hang: time.Second}
	forward := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(backend)
			r.Out.Host = r.In.Host // what was signed
		},
		ModifyResponse: p.retag,
		Transport:      &http.Transport{MaxIdleConnsPerHost: 16, DisableCompression: true}, // the default one is everybody's, and keeps 2
		BufferPool:     buffers{},
		ErrorHandler:   func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { p.serve(forward, w, r) }))
	server.Config.ErrorLog = nil
	t.Cleanup(server.Close)
	p.URL = server.URL
	return p
}

// buffers are those through which answers go; without them there is a new one for each.
type buffers struct{}

var spareBuffers = sync.Pool{New: func() any { return new([32 << 10]byte) }}

func (buffers) Get() []byte  { return spareBuffers.Get().(*[32 << 10]byte)[:] }
func (buffers) Put(b []byte) { spareBuffers.Put((*[32 << 10]byte)(b)) }

// Set makes choose say from now on what happens to each request; nil: nothing does.
func (p *Proxy) Set(choose func(*http.Request) Fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.choose = choose
}

// OpaqueTags makes the entity tags of objects what they are where a key management service encrypts: nothing that can be computed from the
// content. Those of parts, which a client gives back as they are, stay.
func (p *Proxy) OpaqueTags() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.opaque = true
}

func (p *Proxy) retag(answer *http.Response) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if tag := answer.Header.Get("ETag"); p.opaque && tag != "" && !answer.Request.URL.Query().Has("partNumber") {
		answer.Header.Set("ETag", fmt.Sprintf(`"%x"`, sha256.Sum256([]byte("opaque "+tag))))
	}
	return nil
}

// Hold says what Held waits for.
func (p *Proxy) Hold(until <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hold = until
}

// Counts is how often each fault has happened.
func (p *Proxy) Counts() [faults]int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.counts
}

// CountsText is [Proxy.Counts] in words.
func CountsText(counts [faults]int) string {
	var parts []string
	for f, n := range counts {
		parts = append(parts, fmt.Sprintf("%s %d", Fault(f), n))
	}
	return strings.Join(parts, ", ")
}

// Random hits one request in every with a fault of those given.
func Random(rng *rand.Rand, every int, of ...Fault) func(*http.Request) Fault {
	return func(*http.Request) Fault {
		if rng.IntN(every) != 0 {
			return None
		}
		return of[rng.IntN(len(of))]
	}
}

func (p *Proxy) next(r *http.Request) Fault {
	p.mu.Lock()
	defer p.mu.Unlock()
	f := None
	if p.choose != nil {
		f = p.choose(r)
	}
	if f == Conflict && (r.Header.Get("If-None-Match") == "") || f == CutBody && r.Method != http.MethodGet {
		f = None
	}
	p.counts[f]++
	return f
}

func (p *Proxy) serve(forward http.Handler, w http.ResponseWriter, r *http.Request) {
	switch f := p.next(r); f {
	case None:
		forward.ServeHTTP(w, r)
	case Slow:
		<-time.After(p.Late)
		forward.ServeHTTP(w, r)
	case Held:
		p.mu.Lock()
		until := p.hold
		p.mu.Unlock()
		<-until
		forward.ServeHTTP(w, r)
	case Reset:
		panic(http.ErrAbortHandler)
	case LostAnswer:
		forward.ServeHTTP(httptest.NewRecorder(), r)
		panic(http.ErrAbortHandler)
	case TimedOut:
		forward.ServeHTTP(httptest.NewRecorder(), r)
		select {
		case <-r.Context().Done():
		case <-time.After(p.Hang):
		}
		panic(http.ErrAbortHandler)
	case DoneThen500:
		forward.ServeHTTP(httptest.NewRecorder(), r)
		answer(w, r, InternalErr)
	case CutBody:
		cut(forward, w, r)
	default:
		_, _ = io.Copy(io.Discard, r.Body)
		answer(w, r, f)
	}
}

// cut sends half of the answer's bytes.
func cut(forward http.Handler, w http.ResponseWriter, r *http.Request) {
	whole := httptest.NewRecorder()
	forward.ServeHTTP(whole, r)
	for k, v := range whole.Header() {
		w.Header()[k] = v
	}
	w.Header().Set("Content-Length", fmt.Sprint(whole.Body.Len()))
	w.WriteHeader(whole.Code)
	_, _ = io.Copy(w, bytes.NewReader(whole.Body.Bytes()[:whole.Body.Len()/2]))
	panic(http.ErrAbortHandler)
}

var answers = map[Fault]struct {
	status     int
	code, text string
}{
	InternalErr: {500, "InternalError", "We encountered an internal error. Please try again."},
	SlowDown:    {503, "SlowDown", "Please reduce your request rate."},
	Conflict:    {409, "ConditionalRequestConflict", "A conflicting operation is under way."},
	Denied:      {403, "AccessDenied", "Access Denied"},
}

func answer(w http.ResponseWriter, r *http.Request, f Fault) {
	a := answers[f]
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(a.status)
	if r.Method != http.MethodHead {
		fmt.Fprintf(w, `<?xml version="1.0" encoding="UTF-8"?><Error><Code>%s</Code><Message>%s</Message></Error>`, a.code, a.text)
	}
}
