package kafka

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
)

// showHeaders reads the headers that p holds between two other bytes.
func showHeaders(p []byte) (text string, err error) {
	buf := append(append([]byte{0xff}, p...), 0xff)
	h := ReadHeaders(buf, &Record{Headers: Span{1, int32(len(p))}})
	var out []string
	for {
		key, value, ok := h.Next()
		if !ok {
			return strings.Join(out, " "), h.Err()
		}
		shown := "NULL"
		if v := value.Of(buf); v != nil {
			shown = fmt.Sprintf("%q", v)
		}
		out = append(out, string(key.Of(buf))+"="+shown)
	}
}

// encodeHeaders writes headers; a nil value is NULL.
func encodeHeaders(kv ...[]byte) []byte {
	p := binary.AppendVarint(nil, int64(len(kv)/2))
	for _, v := range kv {
		p = appendSpan(p, v)
	}
	return p
}

func TestReadHeaders(t *testing.T) {
	long := bytes.Repeat([]byte("x"), 300)
	for want, p := range map[string][]byte{
		"":                                       encodeHeaders(),
		`h="1"`:                                  encodeHeaders([]byte("h"), []byte("1")),
		`h="1" h="2" ="" n=NULL`:                 encodeHeaders([]byte("h"), []byte("1"), []byte("h"), []byte("2"), []byte{}, []byte{}, []byte("n"), nil),
		string(long) + `="` + string(long) + `"`: encodeHeaders(long, long),
	} {
		if got, err := showHeaders(p); got != want || err != nil {
			t.Errorf("got %.80s, %v; want %.80s", got, err, want)
		}
	}
}

func TestMalformedHeaders(t *testing.T) {
	good := encodeHeaders([]byte("h"), []byte("1"), []byte("i"), nil)
	for name, p := range map[string][]byte{
		"nothing":          {},
		"negative count":   {1},
		"NULL key":         encodeHeaders(nil, []byte("1")),
		"too few":          good[:len(good)-1],
		"bytes behind":     append(bytes.Clone(good), 0),
		"bytes behind 0":   {0, 0},
		"key too long":     {2, 200, 1, 'h'},
		"value too long":   {2, 2, 'h', 20, '1'},
		"length too small": {2, 3, 'h'},
		"endless varint":   bytes.Repeat([]byte{0x80}, 12),
		"huge count":       binary.AppendVarint(nil, 1<<62),
	} {
		if got, err := showHeaders(p); err == nil {
			t.Errorf("%s: read as %s", name, got)
		}
	}
	for _, s := range []Span{{-1, 1}, {0, -1}, {0, 9}, {9, 0}, {1 << 30, 1 << 30}} {
		h := ReadHeaders(make([]byte, 8), &Record{Headers: s})
		if _, _, ok := h.Next(); ok || h.Err() == nil {
			t.Errorf("span %v is read", s)
		}
	}
}

// FuzzHeaders looks for headers that reach out of their record, and compares with what the bytes were written from.
func FuzzHeaders(f *testing.F) {
	f.Add(encodeHeaders([]byte("h"), []byte("1"), []byte("i"), nil))
	f.Add([]byte{4, 2, 'h', 1, 0})
	f.Fuzz(func(t *testing.T, p []byte) {
		buf := append(bytes.Clone(p), "behind"...)
		h := ReadHeaders(buf, &Record{Headers: Span{0, int32(len(p))}})
		var kv [][]byte
		for {
			key, value, ok := h.Next()
			if !ok {
				break
			}
			if int(key.Start+key.Len) > len(p) || int(value.Start+max(value.Len, 0)) > len(p) {
				t.Fatalf("%q: %v and %v of %d bytes", p, key, value, len(p))
			}
			kv = append(kv, key.Of(buf), value.Of(buf))
		}
		if h.Err() != nil {
			return
		}
		if got, _ := showHeaders(encodeHeaders(kv...)); got == "" && len(kv) > 0 {
			t.Errorf("%q: written again they are unreadable", p)
		} else if want, err := showHeaders(p); err != nil || got != want {
			t.Errorf("%q: read as %s, %v, written again as %s", p, want, err, got)
		}
	})
}
