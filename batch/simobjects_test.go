package batch

import (
	"context"
	"strings"

	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/store/storetest"
)

// simBucket is the address of w.objects.
const simBucket = "objects://ck"

// onObjects makes the world keep checkpoint and files as objects. They are there as long as the disk has power.
func (w *world) onObjects() {
	w.objects = &storetest.Objects{Now: w.clock.Now, Fail: func(op, name string) (error, bool) {
		_, err := w.disk.ReadDir("/")
		return err, false
	}}
}

func (w *world) openObjects(context.Context, string) (store.Objects, error) {
	return objectPoints{storetest.Below(w.objects, "ck/")}, nil
}

// checkpoint is the path of the job's checkpoint.
func (w *world) checkpoint() string {
	if w.objects != nil {
		return simBucket
	}
	return simCheckpoint
}

// place is where a sink keeps its files.
func (w *world) place(root string, disk store.FS) store.Store {
	if w.objects != nil {
		return objectPoints{storetest.Below(w.objects, strings.TrimPrefix(root, "/")+"/")}
	}
	return &store.Local{Root: root, FS: disk}
}

func (w *world) objectFiles() map[string][]byte {
	w.t.Helper()
	lake, out := storetest.Below(w.objects, strings.TrimPrefix(simOutput, "/")+"/"), map[string][]byte{}
	names, err := lake.List(w.t.Context(), "")
	if err != nil {
		w.t.Fatal(err)
	}
	for _, name := range names {
		if !strings.HasSuffix(name, ".parquet") {
			continue
		}
		if out[name], err = lake.Get(w.t.Context(), name); err != nil {
			w.t.Fatal(err)
		}
	}
	return out
}
