package batch

import (
	"path"
	"strings"
	"testing"

	"github.com/millrace/millrace/internal/store"
)

// beforeEpoch is a disk on which something happens just before an epoch is taken for the first time.
type beforeEpoch struct {
	store.FS
	happens func()
}

func (f *beforeEpoch) Create(name string) (store.File, error) {
	if strings.HasSuffix(path.Dir(name), "/epochs") && f.happens != nil {
		happens := f.happens
		f.happens = nil
		happens()
	}
	return f.FS.Create(name)
}

// TestReadsBehindItsEpoch has one driver commit a batch at the last moment before the next one takes its epoch. What the older
// one has done by then counts: the next one reads the chains only when it has its epoch.
func TestReadsBehindItsEpoch(t *testing.T) {
	w := newWorld(t, simSeed(t))
	w.generate(200)
	w.mustRun(w.job(stateless, rowsMax(40)), stopAfter(1))
	w.fs = &beforeEpoch{FS: w.disk, happens: func() {
		w.fs = w.disk
		w.mustRun(w.job(stateless, rowsMax(70)), stopAfter(1))
	}}
	w.mustRun(w.job(stateless, rowsMax(40), flushing))
	w.fs = w.disk
	w.wantRows("after a batch at the last moment", w.expected(stateless), equalRows)
	w.wantHistory("after a batch at the last moment")
}
