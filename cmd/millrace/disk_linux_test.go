package main

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// disk makes lake a small disk of its own. That takes root; elsewhere the tests of package batch stand for it.
func disk(t *testing.T, flags uintptr, options string) {
	t.Helper()
	check(t, os.Mkdir("lake", 0o755))
	if err := unix.Mount("tmpfs", "lake", "tmpfs", flags, options); err != nil {
		t.Skipf("mount a disk: %v", err)
	}
	t.Cleanup(func() { check(t, unix.Unmount("lake", 0)) })
}

func remount(t *testing.T, options string) {
	t.Helper()
	check(t, unix.Mount("tmpfs", "lake", "tmpfs", unix.MS_REMOUNT, options))
}

// landing is a script with records to land that take more than 64 KiB.
func landing(t *testing.T) *script {
	t.Helper()
	s := newScript(t)
	write(t, "job.yaml", landJob)
	check(t, s.broker.CreateTopic("events", 1, nil))
	var lines []string
	for i := range 4000 {
		lines = append(lines, fmt.Sprintf(`{"id":"%d"}`, i*2_654_435_761))
	}
	s.produce(t, "events", 0, lines)
	return s
}

const landAll = "run job.yaml --available-now --set sinks.lake.parquet.compression=none"

func TestFullDisk(t *testing.T) {
	s := landing(t)
	disk(t, 0, "size=64k")
	for range 2 { // the second finds what the first left
		out := s.normal(s.run(landAll))
		if !strings.Contains(out, "disk full") || !strings.Contains(out, "DIR/lake/land-b000000000001-s000") || !strings.HasSuffix(out, "exit 1\n") {
			t.Errorf("got\n%s", out)
		}
		if left := glob(t, "lake/*"); len(left) != 1 {
			t.Errorf("left behind: %v", left)
		}
	}
	remount(t, "size=1m")
	want := "batch 1: 4000 rows in, 4000 rows to lake (1 file), T ms, rerun\n1 batch, 4000 rows in, 4000 rows to lake\nexit 0\n"
	if got := s.normal(s.run(landAll)); got != want {
		t.Errorf("with space: got\n%s", got)
	}
}

func TestReadOnlyDisk(t *testing.T) {
	s := landing(t)
	disk(t, unix.MS_RDONLY, "size=1m")
	out := s.normal(s.run(landAll))
	if !strings.HasPrefix(out, "stderr:\nmillrace: sink lake: claim DIR/lake: create _millrace/owner: ") || !strings.HasSuffix(out, "read-only file system)\nexit 1\n") {
		t.Errorf("got\n%s", out)
	}
	remount(t, "size=1m")
	if got := s.run(landAll); !strings.HasSuffix(got, "4000 rows to lake\nexit 0\n") {
		t.Errorf("writable: got\n%s", got)
	}
}
