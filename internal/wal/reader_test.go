package wal

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"github.com/millrace/millrace/internal/store"
)

// TestReader runs testdata/reader: segments are written, damaged and read. Commands:
//
//	write epoch=E [segment-bytes=N]    one payload a line, as text or text*count; prints where each record lies
//	flip file=F offset=N               inverts the lowest bit of a byte
//	zero file=F from=N to=N            zeroes bytes
//	cut file=F to=N                    shortens a file
//	grow file=F by=N                   lengthens a file by zeros
//	insert file=F at=N                 overwrites bytes with the given text
//	copy from=F to=F, remove file=F
//	read epoch=E                       prints what ReadChain returns
//	epochs                             prints what Epochs returns
func TestReader(t *testing.T) {
	dir := t.TempDir()
	datadriven.RunTest(t, "testdata/reader", func(t *testing.T, d *datadriven.TestData) string {
		run := map[string]func(*testing.T, string, *datadriven.TestData) string{
			"write": cmdWrite, "flip": cmdFlip, "zero": cmdZero, "cut": cmdCut, "grow": cmdGrow, "insert": cmdInsert,
			"copy": cmdCopy, "remove": cmdRemove, "read": cmdRead, "epochs": cmdEpochs,
		}[d.Cmd]
		if run == nil {
			d.Fatalf(t, "unknown command %s", d.Cmd)
		}
		return run(t, dir, d)
	})
}

func cmdWrite(t *testing.T, dir string, d *datadriven.TestData) string {
	log, err := create(store.OS{}, dir, uint64(arg(t, d, "epoch")), sizes(arg(t, d, "segment-bytes")))
	if err != nil {
		return hide(err, dir)
	}
	defer log.Close()
	var out strings.Builder
	for line := range strings.Lines(d.Input) {
		position, err := log.Append(expand(t, strings.TrimSuffix(line, "\n")))
		must(t, err)
		end := log.offset
		fmt.Fprintf(&out, "%v ends at %d of %d\n", position, end, log.capacity)
	}
	return out.String()
}

func cmdRead(t *testing.T, dir string, d *datadriven.TestData) string {
	before := snapshot(t, dir)
	chain, err := ReadChain(store.OS{}, dir, uint64(arg(t, d, "epoch")))
	if after := snapshot(t, dir); after != before {
		t.Errorf("reading changed the directory:\n%s\n%s", before, after)
	}
	if err != nil {
		return kind(err) + ": " + hide(err, dir)
	}
	return show(chain)
}

func cmdEpochs(t *testing.T, dir string, d *datadriven.TestData) string {
	epochs, err := ChainEpochs(store.OS{}, dir)
	must(t, err)
	return fmt.Sprintln(epochs)
}

func cmdFlip(t *testing.T, dir string, d *datadriven.TestData) string {
	return edit(t, dir, d, func(b []byte) []byte { b[arg(t, d, "offset")] ^= 1; return b })
}

func cmdZero(t *testing.T, dir string, d *datadriven.TestData) string {
	return edit(t, dir, d, func(b []byte) []byte { clear(b[arg(t, d, "from"):arg(t, d, "to")]); return b })
}

func cmdCut(t *testing.T, dir string, d *datadriven.TestData) string {
	return edit(t, dir, d, func(b []byte) []byte { return b[:arg(t, d, "to")] })
}

func cmdGrow(t *testing.T, dir string, d *datadriven.TestData) string {
	return edit(t, dir, d, func(b []byte) []byte { return append(b, make([]byte, arg(t, d, "by"))...) })
}

func cmdInsert(t *testing.T, dir string, d *datadriven.TestData) string {
	return edit(t, dir, d, func(b []byte) []byte { copy(b[arg(t, d, "at"):], d.Input); return b })
}

func cmdCopy(t *testing.T, dir string, d *datadriven.TestData) string {
	data, err := os.ReadFile(filepath.Join(dir, text(t, d, "from")))
	must(t, err)
	must(t, os.WriteFile(filepath.Join(dir, text(t, d, "to")), data, 0o600))
	return ""
}

func cmdRemove(t *testing.T, dir string, d *datadriven.TestData) string {
	must(t, os.Remove(filepath.Join(dir, text(t, d, "file"))))
	return ""
}

func edit(t *testing.T, dir string, d *datadriven.TestData, change func([]byte) []byte) string {
	name := filepath.Join(dir, text(t, d, "file"))
	data, err := os.ReadFile(name)
	must(t, err)
	must(t, os.WriteFile(name, change(data), 0o600))
	return ""
}

func show(chain *Chain) string {
	var out strings.Builder
	for _, r := range chain.Records {
		payload := string(r.Payload)
		if len(payload) > 16 {
			payload = fmt.Sprintf("%s… %d bytes", payload[:8], len(payload))
		}
		fmt.Fprintf(&out, "%v %s\n", r.Position, payload)
	}
	if chain.Torn != nil {
		fmt.Fprintln(&out, chain.Torn)
	}
	return out.String() + "end\n"
}

// hide takes the directory, which differs from run to run, out of an error.
func hide(err error, dir string) string { return strings.ReplaceAll(err.Error(), dir+"/", "") + "\n" }

func kind(err error) string {
	var corruption *CorruptionError
	var format *FormatError
	switch {
	case errors.As(err, &corruption):
		return "corruption"
	case errors.As(err, &format):
		return "format"
	}
	return "error"
}

// expand turns "ab*3" into "ababab".
func expand(t *testing.T, spec string) []byte {
	part, count, found := strings.Cut(spec, "*")
	if !found {
		return []byte(part)
	}
	n, err := strconv.Atoi(count)
	must(t, err)
	return []byte(strings.Repeat(part, n))
}

func arg(t *testing.T, d *datadriven.TestData, name string) int {
	var n int
	d.ScanArgs(t, name, &n)
	return n
}

func text(t *testing.T, d *datadriven.TestData, name string) string {
	var s string
	d.ScanArgs(t, name, &s)
	return s
}

// sizes makes every segment n bytes long.
func sizes(n int) func(uint32) int { return func(uint32) int { return n } }

// snapshot describes every file of a directory with a checksum of its bytes.
func snapshot(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	must(t, err)
	var out strings.Builder
	for _, entry := range entries {
		data, err := os.ReadFile(filepath.Join(dir, entry.Name()))
		must(t, err)
		fmt.Fprintf(&out, "%s %d %08x\n", entry.Name(), len(data), checksum(data))
	}
	return out.String()
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
