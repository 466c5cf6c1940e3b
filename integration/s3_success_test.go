package integration

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/millrace/millrace/integration/s3test"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/store/s3"
)

// TestS3OwnSuccess loses the answer to a conditional write that the store has done: to the first attempt, so that the second one is
// told that the name is taken, or to all. It is success all the same, and the name is taken for everybody else. A write that never
// came to the store is none.
func TestS3OwnSuccess(t *testing.T) {
	g := s3test.Start(t)
	p := g.Proxy(t)
	p.Hang = 30 * time.Millisecond
	b := s3Client(t, p.URL, s3.Options{Attempts: 3, MaxBackoff: time.Millisecond}).Bucket(g.Bucket(t), "own")
	put := func(name, content string, fault s3test.Fault, attempts int) error {
		n := 0
		p.Set(func(r *http.Request) s3test.Fault {
			if r.Method != http.MethodPut {
				return s3test.None
			}
			if n++; n > attempts {
				return s3test.None
			}
			return fault
		})
		defer p.Set(nil)
		return store.PutBytes(context.Background(), b, name, []byte(content))
	}
	for _, fault := range []s3test.Fault{s3test.LostAnswer, s3test.TimedOut, s3test.DoneThen500} {
		for _, attempts := range []int{1, 100} {
			name := fmt.Sprint(fault, attempts)
			if err := put(name, "ours", fault, attempts); err != nil {
				t.Errorf("%s, to %d attempts: %v", fault, attempts, err)
			}
			if err := put(name, "theirs", fault, attempts); !errors.Is(err, store.ErrExists) {
				t.Errorf("%s, to %d attempts of somebody else: %v", fault, attempts, err)
			}
			if data, err := b.Get(context.Background(), name); err != nil || string(data) != "ours" {
				t.Errorf("%s: %q, %v", fault, data, err)
			}
		}
	}
	for _, fault := range []s3test.Fault{s3test.Reset, s3test.InternalErr, s3test.Conflict, s3test.Denied} {
		name := fmt.Sprint(fault)
		if err := put(name, "ours", fault, 100); err == nil || errors.Is(err, store.ErrExists) {
			t.Errorf("%s, to all attempts: %v", fault, err)
		}
		if data, err := b.Get(context.Background(), name); !errors.Is(err, store.ErrNotExist) {
			t.Errorf("%s: %q is there, %v", fault, data, err)
		}
	}
}
