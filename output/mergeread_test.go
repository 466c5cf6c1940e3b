package output_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/store/storetest"
)

// TestMergeWhileRead: whoever reads manifests while they are merged finds all of them: also with a list that was made while single
// ones went, and has neither them nor the merged one.
func TestMergeWhileRead(t *testing.T) {
	for name, s := range mergeStores() {
		l := newMergeLake(t, s, 4)
		p := l.open(l.cfg)
		for batch := int64(1); batch <= 9; batch++ {
			l.commit(p, batch, someFiles(batch, 1))
		}
		batch := int64(10)
		inPieces := &meanwhile{Store: s}
		inPieces.get = func() {
			l.merge(p, batch)
			batch++
		}
		l.store = inPieces
		l.reads(name + ", merged behind the list")
		gone := &meanwhile{Store: s, get: func() {}, list: func(names []string) []string {
			return slices.DeleteFunc(names, func(n string) bool {
				return strings.Contains(n, "000000000004-") || strings.Contains(n, "000000000009")
			})
		}}
		l.store = gone
		l.reads(name + ", merged within the list")
		if inPieces.gets == 0 || gone.lists == 0 {
			t.Errorf("%s: nothing was read", name)
		}
		l.store = s
		l.wantNames(name, "000000000004-000000000001", "000000000008-000000000005", "000000000009", mark)
	}
}

// TestMergeFasterThanRead: a reader comes to its end also beside a job that merges with every manifest that is read.
func TestMergeFasterThanRead(t *testing.T) {
	s := &storetest.Objects{}
	l := newMergeLake(t, s, 10)
	p := l.open(l.cfg)
	for batch := int64(1); batch <= 400; batch++ {
		l.commit(p, batch, someFiles(batch, 1))
	}
	batch, read := int64(401), map[string]int{}
	l.store = &beside{Store: s, get: func(name string) {
		if read[name]++; strings.Contains(name, "0.json") {
			l.merge(p, batch)
			batch++
		}
	}}
	l.reads("beside it")
	for name, n := range read {
		if n > 2 {
			t.Errorf("%s was read %d times", name, n)
		}
	}
	l.store = s
	l.reads("behind it")
	if batch < 420 {
		t.Errorf("it was merged %d times meanwhile", batch-401)
	}
}

// beside is a store where something happens in front of each read.
type beside struct {
	store.Store
	get func(name string)
}

func (b *beside) Get(ctx context.Context, name string) ([]byte, error) {
	b.get(name)
	return b.Store.Get(ctx, name)
}

// meanwhile is a store where something happens in front of the first reads of single manifests, and with the first list.
type meanwhile struct {
	store.Store
	get         func()
	list        func([]string) []string
	gets, lists int
}

func (m *meanwhile) Get(ctx context.Context, name string) ([]byte, error) {
	if strings.HasPrefix(name, manifests+"00000000000") && len(name) == len(manifests)+17 && m.gets < 2 {
		m.gets++
		m.get()
	}
	return m.Store.Get(ctx, name)
}

func (m *meanwhile) List(ctx context.Context, prefix string) ([]string, error) {
	names, err := m.Store.List(ctx, prefix)
	if m.lists++; m.list != nil && m.lists == 1 {
		names = m.list(names)
	}
	return names, err
}
