package output_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/store/storetest"
	"github.com/millrace/millrace/output"
)

// listed is an object store that notes the names in its lists.
type listed struct {
	*storetest.Objects
	names []string
	pages int // of a thousand
}

func (l *listed) List(ctx context.Context, prefix string) ([]string, error) {
	return l.ListAfter(ctx, prefix, "", 0)
}

func (l *listed) ListAfter(ctx context.Context, prefix, after string, limit int) ([]string, error) {
	names, err := l.Objects.ListAfter(ctx, prefix, after, limit)
	l.names = append(l.names, names...)
	l.pages += max(1, (len(names)+999)/1000)
	return names, err
}

// TestOldManifestsAreNotListed: how far a sink in an object store is costs no more the longer the job has run, and a manifest that is
// ahead of the log is found all the same.
func TestOldManifestsAreNotListed(t *testing.T) {
	s := &listed{Objects: &storetest.Objects{}}
	l := &lake{t, s}
	cfg := l.config(flat(&columnar.Schema{Fields: []columnar.Field{field("n", columnar.Type{Kind: columnar.Int64})}}))
	l.open(cfg)
	for batch := range 300 {
		if err := store.PutBytes(t.Context(), s, fmt.Sprintf("_millrace/manifest/%012d.json", batch+1), nil); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		last, want int64
		listed     int
	}{{0, 300, 300}, {1, 300, 300}, {298, 300, 3}, {300, 300, 1}, {301, 0, 0}} {
		cfg.Last, cfg.Written = c.last, c.last > 0
		p := l.open(cfg)
		s.names = nil
		at, err := p.Published(t.Context())
		if err != nil || at != (output.Standing{Batch: c.want}) || len(s.names) != c.listed || !slices.IsSorted(s.names) {
			t.Errorf("last %d: %+v, %v, want batch %d; %d names in lists, want %d", c.last, at, err, c.want, len(s.names), c.listed)
		}
	}
}
