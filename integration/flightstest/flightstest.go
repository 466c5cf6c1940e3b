package flightstest

import (
	"archive/tar"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

const (
	pkg    = "vega-datasets@3.2.1"
	member = "package/data/flights-3m.parquet"
	digest = "dbeb920c90f59b6ccaff823dcc3d08f25a97fa1ce128d93f40be4e931f5900b0"
)

// Rows is the number of flights in the file.
const Rows = 3_000_000

// File returns the path of the Parquet file. Where npm cannot fetch it, the test is skipped with the reason, or fails
// when MILLRACE_REQUIRE_FLIGHTS=1.
func File(t testing.TB) string {
	t.Helper()
	path, err := fetch()
	if err != nil && os.Getenv("MILLRACE_REQUIRE_FLIGHTS") == "1" {
		t.Fatalf("the flights are required: %v", err)
	}
	if err != nil {
		t.Skipf("skipped: no flights: %v", err)
	}
	return path
}

var fetch = sync.OnceValues(func() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find cache directory: %w", err)
	}
	dir := filepath.Join(cache, "millrace")
	path := filepath.Join(dir, "flights-3m.parquet")
	if check(path) == nil {
		return path, nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("make cache directory: %w", err)
	}
	tmp, err := os.MkdirTemp(dir, "npm-*")
	if err != nil {
		return "", fmt.Errorf("make cache directory: %w", err)
	}
	defer os.RemoveAll(tmp)
	if out, err := exec.Command("npm", "pack", "--silent", "--pack-destination", tmp, pkg).CombinedOutput(); err != nil {
		return "", fmt.Errorf("npm pack %s: %w\n%s", pkg, err, out)
	}
	part := filepath.Join(tmp, "flights.parquet")
	if err := extract(tmp, part); err != nil {
		return "", fmt.Errorf("unpack %s: %w", pkg, err)
	}
	if err := check(part); err != nil {
		return "", err
	}
	return path, os.Rename(part, path)
})

func check(path string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if sum := sha256.Sum256(data); hex.EncodeToString(sum[:]) != digest {
		return fmt.Errorf("%s has SHA-256 %x, want %s", path, sum, digest)
	}
	return nil
}

// extract copies the one member out of the only archive in dir.
func extract(dir, to string) error {
	names, err := filepath.Glob(filepath.Join(dir, "*.tgz"))
	if err != nil || len(names) != 1 {
		return fmt.Errorf("found %d archives: %w", len(names), err)
	}
	f, err := os.Open(names[0])
	if err != nil {
		return err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return err
	}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return fmt.Errorf("no %s in %s", member, names[0])
		}
		if err != nil {
			return err
		}
		if h.Name == member {
			return save(r, to)
		}
	}
}

func save(r io.Reader, to string) error {
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, r); err != nil {
		out.Close()
		return err
	}
	return out.Close()
}
