package integration

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/millrace/millrace/integration/s3test"
	"github.com/millrace/millrace/internal/failpoint"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/store/s3"
)

// TestS3Points makes the points of the bucket fail, one after the other, as an object of one request and one of parts are
// created: in front of it nothing is there, behind it the object is, and whoever tries again finds it so.
func TestS3Points(t *testing.T) {
	g := s3test.Start(t)
	b := s3Client(t, g.URL, s3.Options{}).Bucket(g.Bucket(t), "points")
	small, large := []byte("one request"), bytes.Repeat([]byte("many parts"), 2<<20)
	fault := errors.New("a fault that a test has made")
	for _, c := range []struct {
		point failpoint.Point
		data  []byte
		there bool // although creating it has failed
	}{
		{failpoint.S3Put, small, false}, {failpoint.S3Part, large, false}, {failpoint.S3Complete, large, false},
		{failpoint.S3Created, small, true}, {failpoint.S3Created, large, true},
	} {
		name := strings.ReplaceAll(string(c.point), "/", "-") + map[bool]string{true: "-small", false: "-large"}[len(c.data) == len(small)]
		reset := failpoint.Set(c.point, func() error { return fault })
		err := store.PutBytes(t.Context(), b, name, c.data)
		reset()
		if !errors.Is(err, fault) {
			t.Errorf("%s: creating %s gave %v", c.point, name, err)
		}
		if _, err := b.Get(t.Context(), name); errors.Is(err, store.ErrNotExist) == c.there {
			t.Errorf("%s: reading %s behind the fault gave %v", c.point, name, err)
		}
		if err := store.PutBytes(t.Context(), b, name, c.data); errors.Is(err, store.ErrExists) != c.there || !c.there && err != nil {
			t.Errorf("%s: creating %s again gave %v", c.point, name, err)
		}
		if data, err := b.Get(t.Context(), name); err != nil || !bytes.Equal(data, c.data) {
			t.Errorf("%s: %s has %d bytes (%v), want %d", c.point, name, len(data), err, len(c.data))
		}
	}
	for point, do := range map[failpoint.Point]func() error{
		failpoint.S3Get:  func() error { _, err := b.Get(t.Context(), "s3-put-small"); return err },
		failpoint.S3List: func() error { _, err := b.List(t.Context(), ""); return err },
	} {
		reset := failpoint.Set(point, func() error { return fault })
		err := do()
		reset()
		if !errors.Is(err, fault) {
			t.Errorf("%s: %v", point, err)
		}
		if err := do(); err != nil {
			t.Errorf("%s, again: %v", point, err)
		}
	}
}
