package kafka

import (
	"errors"
	"testing"
)

// TestParseOffsetFetch reads what brokers say about one partition of a group.
func TestParseOffsetFetch(t *testing.T) {
	said := func(offset int64, partition, group Code) []byte {
		r := &request{flexible: true}
		r.array(1)
		r.string("out")
		r.array(1)
		r.int32(0)
		r.int64(offset)
		r.int32(-1)
		r.string("about it")
		r.int16(int16(partition))
		r.tags()
		r.tags()
		r.int16(int16(group))
		r.tags()
		return r.b
	}
	none := func() []byte {
		r := &request{flexible: true}
		r.array(0)
		r.int16(int16(codeGroupNotFound))
		r.tags()
		return r.b
	}
	tests := []struct {
		name  string
		b     []byte
		found bool
		err   error
	}{
		{"an offset", said(17, 0, 0), true, nil},
		{"offset −1: the group has none", said(-1, 0, 0), false, nil},
		{"no such group", none(), false, nil},
		{"an open transaction is about to change it", said(17, codeUnstableOffset, 0), false, codeUnstableOffset},
		{"another coordinator", said(-1, 0, codeNotCoordinator), false, codeNotCoordinator},
		{"cut", said(17, 0, 0)[:12], false, errShortAnswer},
	}
	for _, tt := range tests {
		o, found, err := parseOffsetFetch(&answer{b: tt.b, flexible: true}, "out", 0)
		if found != tt.found || !errors.Is(err, tt.err) || found && (o.Offset != 17 || o.Metadata != "about it") {
			t.Errorf("%s: %+v, %v, %v", tt.name, o, found, err)
		}
	}
}
