package batch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/millrace/millrace/internal/prooftest"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/store/storetest"
	"github.com/millrace/millrace/internal/wal"
	"github.com/millrace/millrace/output"
)

// keptFiles are the files of a disk below its root, by path.
func keptFiles(t testing.TB, disk *storetest.CrashFS, root string) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	err := walkDisk(disk, root, func(name string) error {
		data, err := disk.ReadFile(name)
		files[name] = data
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// diskOf makes a disk with these files, all of them durable.
func diskOf(t testing.TB, files map[string][]byte) *storetest.CrashFS {
	t.Helper()
	disk := storetest.NewCrashFS()
	for _, name := range slices.Sorted(maps.Keys(files)) {
		for _, dir := range parents(name) {
			_ = disk.Mkdir(dir) // it may be there
		}
		f, err := disk.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		_, err = f.Write(files[name])
		if err = errors.Join(err, f.Sync()); err != nil {
			t.Fatal(err)
		}
	}
	return disk
}

func parents(name string) []string {
	if dir := path.Dir(name); dir != "/" {
		return append(parents(dir), dir)
	}
	return nil
}

// damaged is a whole small checkpoint, with its output, of which one file at a time is damaged.
type damaged struct {
	*world
	q      simQuery
	parts  int               // of 256, that slices of snapshots have; 0: they are taken at once
	files  map[string][]byte // what lies there
	want   []simRow
	sum    damageFigures
	entire *Inspection // of the checkpoint as it is
	chains map[string][]wal.Record
}

type damageFigures struct{ flips, cuts, gone, same, torn, refused int }

// newDamaged makes a checkpoint that has every kind of file: two epochs, of which the second one died with a batch open;
// windows open, in a snapshot and a delta, in the log and in blobs; manifests beside the output, which a seed without rows by then
// has not: the next one takes its place.
func newDamaged(t *testing.T, q simQuery, parts int) *damaged {
	first := simSeed(t)
	for seed := first; seed < first+20; seed++ {
		d := damagedOf(t, seed, q, parts)
		for name := range d.files {
			if strings.HasPrefix(name, simOutput+"/_millrace/manifest/") {
				return d
			}
		}
	}
	t.Fatal("no manifest beside the output")
	return nil
}

func damagedOf(t *testing.T, seed uint64, q simQuery, parts int) *damaged {
	d := &damaged{world: newWorld(t, seed), q: q, parts: parts}
	first := 2
	if parts > 0 {
		first = 3
	}
	d.fill(q, 30+15*first)
	d.mustRun(d.job(), d.options, stopAfter(first))
	h := &hooks{}
	n := 0
	h.publish = func() error {
		if n++; n == 2 {
			return errDead
		}
		return nil
	}
	if err := d.run(d.job(hooked(h)), d.options); !errors.Is(err, errDead) {
		t.Fatalf("the second life ended with %v", err)
	}
	d.files, d.want = keptFiles(t, d.disk, "/"), d.expected(q)
	d.chains = map[string][]wal.Record{}
	for epoch := uint64(1); epoch <= 2; epoch++ {
		chain, err := wal.ReadChain(d.disk, simCheckpoint+"/wal", epoch)
		if err != nil || len(chain.Records) == 0 {
			t.Fatalf("chain %d: %v, %v", epoch, chain, err)
		}
		d.chains[fmt.Sprintf("%s/wal/%010d-%06d.log", simCheckpoint, epoch, 1)] = chain.Records
	}
	var err error
	if d.entire, err = d.inspect(); err != nil || len(d.entire.History.Open) != 1 || len(d.entire.History.States) < 2 {
		t.Fatalf("the checkpoint is not as wanted: %+v, %v", d.entire, err)
	}
	return d
}

var errDead = errors.New("dead")

func (d *damaged) job(change ...func(*Job)) *Job {
	return d.world.job(d.q, append([]func(*Job){flushing, rowsMax(15)}, change...)...)
}

// options make a snapshot of every second commit, of which the larger ones are blobs.
func (d *damaged) options(o *Options) {
	o.snapshotEvery, o.inlineBlock = 2, 700
	if d.parts > 0 {
		o.sliceAbove, o.sliceParts = 1, d.parts
	}
}

// with looks at the checkpoint with other bytes in one file; nil: the file is gone. deep is false where a look at the chain,
// or at the blob, is enough.
func (d *damaged) with(name string, data []byte, deep bool) {
	d.t.Helper()
	switch {
	case strings.Contains(name, "/wal/") && !deep:
		d.readChain(name, data)
		return
	case isBlob(name) && !deep:
		d.readBlob(name, data)
		return
	}
	files := maps.Clone(d.files)
	files[name] = data
	if data == nil {
		delete(files, name)
	}
	d.disk = diskOf(d.t, files)
	d.fs, d.read = d.disk, map[string]simFile{}
	if strings.Contains(name, "/wal/") && data != nil {
		in, err := d.inspect()
		if !d.logAgrees(name, in, err) {
			return
		}
	}
	d.reports = nil
	err := d.run(d.job(), d.options)
	if err != nil {
		d.wantRefused(name, err)
		return
	}
	d.sum.same++
	d.wantRows("with damage in "+name, d.want, equalRows)
}

// readChain reads a damaged chain of one segment: it says what it said before, or less by a torn tail that is told, or where it
// is damaged.
func (d *damaged) readChain(name string, data []byte) {
	d.t.Helper()
	disk := diskOf(d.t, map[string][]byte{name: data})
	epoch, err := strconv.ParseUint(path.Base(name)[:10], 10, 64)
	if err != nil {
		d.t.Fatal(err)
	}
	chain, err := wal.ReadChain(disk, path.Dir(name), epoch)
	before := d.chains[name]
	var corrupt *wal.CorruptionError
	var format *wal.FormatError
	switch {
	case errors.As(err, &corrupt) && corrupt.File == name, errors.As(err, &format) && format.File == name:
		d.sum.refused++
		return
	case err == nil && chain.Torn != nil:
		d.sum.torn++
	case err == nil && len(chain.Records) == len(before):
		d.sum.same++
	default:
		d.t.Fatalf("damage in %s: %+v, %v", name, chain, err)
	}
	for i, r := range chain.Records {
		if r.Position != before[i].Position || !bytes.Equal(r.Payload, before[i].Payload) {
			d.t.Fatalf("damage in %s: record %v is another one", name, r.Position)
		}
	}
}

// isBlob reports whether a file of a checkpoint is named by its digest.
func isBlob(name string) bool {
	return strings.Contains(name, "/blobs/") || strings.Contains(name, "/"+statePrefix) || strings.Contains(name, "/"+pendingPrefix)
}

func (d *damaged) readBlob(name string, data []byte) {
	d.t.Helper()
	disk := diskOf(d.t, map[string][]byte{name: data})
	var digest *store.DigestError
	under, want := strings.TrimPrefix(name[:len(name)-64], simCheckpoint+"/"), name[len(name)-64:]
	if _, err := (store.Blobs{Store: &store.Local{Root: simCheckpoint, FS: disk}, Under: under}).Get(context.Background(), want); !errors.As(err, &digest) {
		d.t.Fatalf("damage in blob %s is read as %v", name, err)
	}
	d.sum.refused++
}

// logAgrees checks what a damaged log says: what it said before, or less by a torn tail that is told, or that it is damaged
// and where. It reports whether a driver would go on.
func (d *damaged) logAgrees(name string, in *Inspection, err error) bool {
	d.t.Helper()
	if err != nil {
		d.wantRefused(name, err)
		return false
	}
	n, all := len(in.Entries), d.entire.Entries
	switch {
	case n == len(all) && len(in.Warnings) == 0:
		d.sum.same++
	case len(in.Warnings) > 0 && strings.Contains(in.Warnings[len(in.Warnings)-1], "torn tail"):
		d.sum.torn++
	default:
		d.t.Fatalf("damage in %s: the log has %d records of %d, and says %q", name, n, len(all), in.Warnings)
	}
	for i, e := range in.Entries {
		if e.At != all[i].At || !reflect.DeepEqual(e.Record, all[i].Record) {
			d.t.Fatalf("damage in %s: record %v is %+v, was %+v", name, e.At, e.Record, all[i].Record)
		}
	}
	return true
}

// wantRefused checks that a run ends with exit code 3, and an error that names the file.
func (d *damaged) wantRefused(name string, err error) {
	d.t.Helper()
	d.sum.refused++
	var refused *RefusedError
	var conflict *output.ConflictError
	var owned *output.OwnedError
	if !errors.As(err, &refused) && !errors.As(err, &conflict) && !errors.As(err, &owned) {
		d.t.Fatalf("damage in %s: %v (%T), which is no refusal", name, err, err)
	}
	says := []string{path.Base(name)}
	switch {
	case strings.HasSuffix(name, markerName): // another job, another output: the checkpoint is named
		says = append(says, simCheckpoint, "checkpoint")
	case strings.HasSuffix(name, "/owner"):
		says = append(says, simOutput)
	case strings.Contains(name, "/wal/"), strings.Contains(name, "/epochs/"):
		says = append(says, "log of epoch", "but the log ends with batch") // the torn tail was said before
	}
	if !slices.ContainsFunc(says, func(s string) bool { return strings.Contains(err.Error(), s) }) {
		d.t.Fatalf("damage in %s: the error does not name it: %v", name, err)
	}
}

// TestDamagedCheckpoint flips every byte of every file of a checkpoint and cuts every log and blob to every length, other files
// to every fourth, one at a time, and takes each file away: the job comes to the same rows, or is refused with an error that names the file.
func TestDamagedCheckpoint(t *testing.T) {
	t.Parallel()
	d := newDamaged(t, windowed, 0)
	d.damageAll(1)
	prooftest.Figure(t, "each byte of each file of a checkpoint flipped, logs and blobs cut to each length: the same rows, or a refusal that names the file",
		"%d flips, %d cuts, %d files; %d refusals, %d torn tails, 0 silent losses", d.sum.flips, d.sum.cuts, d.sum.gone, d.sum.refused, d.sum.torn)
}

// TestDamagedSlices is the same of a checkpoint whose last snapshot is in slices, with some of its bytes.
func TestDamagedSlices(t *testing.T) {
	t.Parallel()
	d := newDamaged(t, windowed, 128)
	h := d.entire.History
	if first := h.States[0]; len(h.States) != 3 || len(first.Blocks) < 2 || first.Blocks[0].Groups == nil || first.Blocks[0].Digest == "" {
		t.Fatalf("no snapshot in slices of two batches with a delta behind it: %+v", h.States)
	}
	d.damageAll(11)
	if d.sum.gone < 10 || d.sum.refused == 0 {
		t.Errorf("too little was damaged: %+v", d.sum)
	}
}

// damageAll damages each file at every so many bytes.
func (d *damaged) damageAll(step int) {
	t := d.t
	if testing.Short() {
		step *= 53
	}
	kinds := map[string]int{}
	for _, name := range slices.Sorted(maps.Keys(d.files)) {
		if strings.HasSuffix(name, ".parquet") {
			continue // who reads those is told by verify
		}
		before, data := d.sum, d.files[name]
		large := strings.Contains(name, "/wal/") || isBlob(name)
		used := len(bytes.TrimRight(data, "\x00"))
		for at := 0; at < len(data); at += step {
			if at > used+64 && at%64 != 0 {
				continue // zeros that nobody has written to, all alike
			}
			flipped := slices.Clone(data)
			flipped[at] ^= byte(1 + d.rng.IntN(255))
			d.sum.flips++
			d.with(name, flipped, !large || at%256 == 0)
			if large || at%4 == 0 { // the others take a whole run each
				d.sum.cuts++
				d.with(name, data[:at:at], !large || at%256 == 0)
			}
		}
		d.with(name, nil, true)
		d.sum.gone++
		kinds[path.Dir(name)]++
		t.Logf("%5d bytes in use of %-20s %5d times the same rows, %4d torn tails left out and said, %5d refusals", used, path.Base(name)[:min(20, len(path.Base(name)))],
			d.sum.same-before.same, d.sum.torn-before.torn, d.sum.refused-before.refused)
	}
	for _, dir := range []string{simCheckpoint, simCheckpoint + "/wal", simCheckpoint + "/blobs", simCheckpoint + "/epochs", simOutput + "/_millrace", simOutput + "/_millrace/manifest"} {
		if kinds[dir] == 0 {
			t.Errorf("nothing in %s was damaged", dir)
		}
	}
}
