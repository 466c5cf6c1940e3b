package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"testing"

	"github.com/millrace/millrace/internal/store"
)

// TestStore runs the contract of store.Store on empty stores made by open.
func TestStore(t *testing.T, open func(t *testing.T) store.Store) {
	for name, test := range map[string]func(*testing.T, store.Store){
		"an object is what was written":              testRoundTrip,
		"an object is never overwritten":             testExists,
		"an error of write leaves nothing":           testWriteError,
		"a cancelled context leaves nothing":         testCancelled,
		"an object under way is not there":           testUnderWay,
		"of many that create one is first":           testRace,
		"listing is by prefix and sorted":            testList,
		"what is not there is told":                  testMissing,
		"deleting makes the name free":               testDelete,
		"names that leave the store are none":        testNames,
		"an error that write keeps to itself counts": testErrorSwallowed,
	} {
		t.Run(name, func(t *testing.T) { test(t, open(t)) })
	}
}

func testRoundTrip(t *testing.T, s store.Store) {
	ctx := context.Background()
	for name, data := range map[string][]byte{
		"empty":                {},
		"a/b/dt=2026-11-22/c":  []byte("x"),
		"large.parquet":        bytes.Repeat([]byte("0123456789abcdef"), 1<<16),
		"a/b/space and ü.json": []byte("{}"),
	} {
		must(t, store.PutBytes(ctx, s, name, data))
		got, err := s.Get(ctx, name)
		if err != nil || !bytes.Equal(got, data) {
			t.Errorf("Get(%q) = %d bytes, %v; want %d bytes", name, len(got), err, len(data))
		}
	}
}

func testExists(t *testing.T, s store.Store) {
	ctx := context.Background()
	must(t, store.PutBytes(ctx, s, "d/x", []byte("first")))
	wantErr(t, store.PutBytes(ctx, s, "d/x", []byte("second")), store.ErrExists)
	wantObject(t, s, "d/x", "first")
	wantNames(t, s, "", "d/x")
}

func testWriteError(t *testing.T, s store.Store) {
	broken := errors.New("broken")
	err := s.PutIfAbsent(context.Background(), "d/x", func(w io.Writer) error {
		_, _ = w.Write(make([]byte, 1<<20))
		return broken
	})
	if err != broken {
		t.Errorf("PutIfAbsent: %v, want write's error as it is", err)
	}
	wantNames(t, s, "")
	must(t, store.PutBytes(context.Background(), s, "d/x", []byte("second try")))
}

func testCancelled(t *testing.T, s store.Store) {
	ctx, cancel := context.WithCancel(context.Background())
	err := s.PutIfAbsent(ctx, "d/x", func(w io.Writer) error {
		cancel()
		_, err := w.Write([]byte("x"))
		return err
	})
	wantErr(t, err, context.Canceled)
	wantErr(t, store.PutBytes(ctx, s, "y", nil), context.Canceled)
	_, err = s.Get(ctx, "y")
	wantErr(t, err, context.Canceled)
	wantErr(t, s.Delete(ctx, "y"), context.Canceled)
	wantNames(t, s, "")
}

func testUnderWay(t *testing.T, s store.Store) {
	ctx := context.Background()
	err := s.PutIfAbsent(ctx, "d/x", func(w io.Writer) error {
		_, _ = w.Write(make([]byte, 1<<20))
		wantNames(t, s, "")
		_, err := s.Get(ctx, "d/x")
		wantErr(t, err, store.ErrNotExist)
		return nil
	})
	must(t, err)
	wantNames(t, s, "", "d/x")
}

func testRace(t *testing.T, s store.Store) {
	const writers = 8
	errs := make([]error, writers)
	var wg sync.WaitGroup
	for i := range writers {
		wg.Go(func() { errs[i] = store.PutBytes(context.Background(), s, "d/x", fmt.Append(nil, i)) })
	}
	wg.Wait()
	first := slices.Index(errs, nil)
	if first < 0 {
		t.Fatalf("nobody created the object: %v", errs)
	}
	wantObject(t, s, "d/x", fmt.Sprint(first))
	for i, err := range errs {
		if i != first {
			wantErr(t, err, store.ErrExists)
		}
	}
}

func testList(t *testing.T, s store.Store) {
	for _, name := range []string{"b/z", "b/a/x", "a", "b-c", "b/a.x", "c/d/e/f"} {
		must(t, store.PutBytes(context.Background(), s, name, nil))
	}
	wantNames(t, s, "", "a", "b-c", "b/a.x", "b/a/x", "b/z", "c/d/e/f")
	wantNames(t, s, "b", "b-c", "b/a.x", "b/a/x", "b/z")
	wantNames(t, s, "b/", "b/a.x", "b/a/x", "b/z")
	wantNames(t, s, "b/a", "b/a.x", "b/a/x")
	wantNames(t, s, "c/d/e/f", "c/d/e/f")
	wantNames(t, s, "c/x/")
	wantNames(t, s, "../")
}

func testMissing(t *testing.T, s store.Store) {
	ctx := context.Background()
	must(t, store.PutBytes(ctx, s, "d/x", nil))
	for _, name := range []string{"x", "d", "d/x/y", "e/x"} {
		_, err := s.Get(ctx, name)
		wantErr(t, err, store.ErrNotExist)
		if name != "d" {
			must(t, s.Delete(ctx, name))
		}
	}
}

func testDelete(t *testing.T, s store.Store) {
	ctx := context.Background()
	must(t, store.PutBytes(ctx, s, "d/x", []byte("first")))
	must(t, store.PutBytes(ctx, s, "d/y", nil))
	must(t, s.Delete(ctx, "d/x"))
	wantNames(t, s, "", "d/y")
	must(t, store.PutBytes(ctx, s, "d/x", []byte("second")))
	wantObject(t, s, "d/x", "second")
}

func testNames(t *testing.T, s store.Store) {
	ctx := context.Background()
	for _, name := range []string{"", ".", "..", "../x", "/x", "a//b", "a/./b", "a/../b", "a/", "a\x00b"} {
		if err := store.PutBytes(ctx, s, name, nil); err == nil {
			t.Errorf("PutIfAbsent(%q) made an object", name)
		}
		if _, err := s.Get(ctx, name); err == nil {
			t.Errorf("Get(%q) found an object", name)
		}
		if err := s.Delete(ctx, name); err == nil {
			t.Errorf("Delete(%q) was accepted", name)
		}
	}
	wantNames(t, s, "")
}

// testErrorSwallowed has a write function keep an error of the store to itself.
func testErrorSwallowed(t *testing.T, s store.Store) {
	ctx, cancel := context.WithCancel(context.Background())
	err := s.PutIfAbsent(ctx, "d/x", func(w io.Writer) error {
		cancel()
		_, _ = w.Write(make([]byte, 1<<20))
		return nil
	})
	wantErr(t, err, context.Canceled)
	wantNames(t, s, "")
}

func wantObject(t *testing.T, s store.Store, name, want string) {
	t.Helper()
	got, err := s.Get(context.Background(), name)
	if err != nil || string(got) != want {
		t.Errorf("Get(%q) = %q, %v; want %q", name, got, err, want)
	}
}

func wantNames(t *testing.T, s store.Store, prefix string, want ...string) {
	t.Helper()
	got, err := s.List(context.Background(), prefix)
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("List(%q) = %q, %v; want %q", prefix, got, err, want)
	}
}

func wantErr(t *testing.T, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("error is %v, want %v", got, want)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
