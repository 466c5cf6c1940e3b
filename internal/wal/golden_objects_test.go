package wal

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/store/storetest"
)

// goldenObjects has the golden records as objects of format 1, one a file under the object's name.
const goldenObjects = "testdata/golden-objects-v1"

// appendGolden writes the golden records as objects with today's writer.
func appendGolden(t *testing.T, objects *storetest.Objects) {
	t.Helper()
	log, err := ObjectChains{objects}.Create(t.Context(), golden.epoch)
	must(t, err)
	for _, payload := range golden.payloads {
		_, err := log.Append(payload)
		must(t, err)
	}
}

// Objects of a released format are read for ever, and written the same for as long as the version says so. With -rewrite a golden
// directory that is not there is made; one that is there never changes.
func TestGoldenObjects(t *testing.T) {
	today := &storetest.Objects{}
	appendGolden(t, today)
	_, err := os.Stat(goldenObjects)
	write := errors.Is(err, os.ErrNotExist) && flag.Lookup("rewrite").Value.String() == "true"
	kept := &storetest.Objects{}
	for i := range golden.payloads {
		name := recordObject(golden.epoch, uint64(i+1))
		data, err := today.Get(t.Context(), name)
		must(t, err)
		file := filepath.Join(goldenObjects, filepath.FromSlash(name))
		if write {
			must(t, os.MkdirAll(filepath.Dir(file), 0o755))
			must(t, os.WriteFile(file, data, 0o644))
		}
		old, err := os.ReadFile(file)
		must(t, err)
		if !bytes.Equal(old, data) {
			t.Errorf("the writer makes another object %s than format %d has", name, version)
		}
		must(t, store.PutBytes(t.Context(), kept, name, old))
	}
	chain, err := ObjectChains{kept}.Read(t.Context(), golden.epoch, Tail{})
	must(t, err)
	checkGoldenRecords(t, chain, len(golden.payloads))
}
