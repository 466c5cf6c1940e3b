package kafka

import (
	"errors"
	"fmt"
)

// HeaderReader walks the headers of one record, in their order. Most readers of a record never ask for them, so they are
// taken apart only here, and nothing is allocated.
type HeaderReader struct {
	p    []byte // the buffer up to the end of the headers
	at   int    // −1 behind a fault
	left int64
	err  error
}

var errHeader = errors.New("malformed record headers")

// ReadHeaders begins with the first header of r, a record inside buf.
func ReadHeaders(buf []byte, r *Record) HeaderReader {
	h := HeaderReader{}
	from, to := int64(r.Headers.Start), int64(r.Headers.Start)+int64(r.Headers.Len)
	if from < 0 || to < from || to > int64(len(buf)) {
		h.err = fmt.Errorf("%w: bytes %d to %d of %d", errHeader, from, to, len(buf))
		return h
	}
	h.p = buf[:to]
	h.left, h.at = varint(h.p, int(from))
	if h.at < 0 || h.left < 0 {
		h.fault()
	}
	return h
}

// Next returns the next header as pieces of the buffer. The value may be NULL, the key is not. It returns false behind
// the last one or at a fault: see Err.
func (h *HeaderReader) Next() (key, value Span, ok bool) {
	if h.left == 0 || h.err != nil {
		if h.err == nil && h.at != len(h.p) {
			h.fault()
		}
		return Span{}, Span{}, false
	}
	h.left--
	key, h.at = span(h.p, h.at)
	value, h.at = span(h.p, h.at)
	if h.at < 0 || key.Len < 0 {
		h.fault()
		return Span{}, Span{}, false
	}
	return key, value, true
}

func (h *HeaderReader) fault() { h.err = errHeader }

// Err says, after Next has returned false, whether the bytes are no headers.
func (h *HeaderReader) Err() error { return h.err }
