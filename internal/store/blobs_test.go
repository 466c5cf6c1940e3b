package store_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/millrace/millrace/internal/store"
)

// digestOfTest is SHA-256 of "test", from the standard's own tools.
const digestOfTest = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

func TestBlobs(t *testing.T) {
	ctx := context.Background()
	blobs := store.Blobs{Store: &store.Local{Root: t.TempDir()}}
	for range 2 {
		digest, err := blobs.Put(ctx, []byte("test"))
		if digest != digestOfTest || err != nil {
			t.Fatalf("Put = %s, %v", digest, err)
		}
	}
	data, err := blobs.Get(ctx, digestOfTest)
	if string(data) != "test" || err != nil {
		t.Errorf("Get = %q, %v", data, err)
	}
}

func TestBlobsRefuse(t *testing.T) {
	ctx, root := context.Background(), t.TempDir()
	blobs := store.Blobs{Store: &store.Local{Root: root}}
	if _, err := blobs.Get(ctx, digestOfTest); !errors.Is(err, store.ErrNotExist) {
		t.Errorf("Get of nothing: %v", err)
	}
	for _, digest := range []string{"", "../x", strings.ToUpper(digestOfTest), digestOfTest[1:]} {
		if _, err := blobs.Get(ctx, digest); err == nil || errors.Is(err, store.ErrNotExist) {
			t.Errorf("Get(%q): %v, want it refused as no digest", digest, err)
		}
	}
	if _, err := blobs.Put(ctx, []byte("test")); err != nil {
		t.Fatal(err)
	}
	must(t, os.WriteFile(filepath.Join(root, "blobs", digestOfTest), []byte("tesT"), 0o600))
	_, err := blobs.Get(ctx, digestOfTest)
	var damaged *store.DigestError
	if !errors.As(err, &damaged) || damaged.Want != digestOfTest || !strings.Contains(err.Error(), damaged.Got) {
		t.Errorf("Get of a damaged blob: %v, want both digests", err)
	}
}
