package batch

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/prooftest"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/store/storetest"
	"github.com/millrace/millrace/output"
)

// powerLosses is how many schedules of power loss TestPowerLoss goes through.
const powerLosses = 100_000

// powerQueries have among them every kind of file that a job writes, and every kind of state.
func powerQueries() []simQuery {
	return []simQuery{stateless, windowed, twoWindows, fanOut, merged, aside, lateSessions, visits, changing, firsts, doneQueries[1].simQuery}
}

// TestPowerLoss cuts the power at operations of whole jobs on a disk that keeps of what nobody synced each sector and each
// name by chance. A schedule is an operation of a driver's life and a draw of what is kept: after each, those who look find
// every batch that was reported in the log, with its files, state and inputs; no file that is not whole, none of a batch
// that the log does not have, and none that the end of the job does not have too, with the same bytes. Lives follow one
// another on what such losses leave, and the last one of each job ends with the rows that it should.
func TestPowerLoss(t *testing.T) {
	seed, queries, all := simSeed(t), powerQueries(), &powerFigures{}
	wanted := powerLosses / len(queries)
	if testing.Short() {
		wanted /= 80 // a short run is one with the race detector, which finds little in one goroutine
	}
	t.Run("jobs", func(t *testing.T) {
		for _, q := range queries {
			t.Run(q.name, func(t *testing.T) {
				t.Parallel()
				var sum powerFigures
				for i := 0; sum.losses < wanted; i++ {
					newPowerStory(t, seed+uint64(i)<<16, q, &sum).run(i)
				}
				all.add(&sum)
			})
		}
	})
	if !t.Failed() {
		prooftest.Figure(t, "power loss at operations of whole jobs: log, state, Parquet and manifests on a crashable disk",
			"%d schedules in %d lives of %d jobs, 0 acknowledged batches lost, 0 of %d files not whole", all.losses, all.lives, all.jobs, all.files)
		t.Logf("%d losses left a batch open, %d left part of it visible, %d tore the log, %d came before the first plan", all.open, all.partly, all.torn, all.early)
	}
	if all.losses < wanted*len(queries) || all.open == 0 || all.partly == 0 || all.torn == 0 || all.early == 0 {
		t.Errorf("the schedules miss a kind of loss: %+v", all)
	}
}

type powerFigures struct {
	mu                         sync.Mutex
	losses, lives, jobs, files int
	open, partly, torn, early  int
}

func (f *powerFigures) add(o *powerFigures) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.losses, f.lives, f.jobs, f.files = f.losses+o.losses, f.lives+o.lives, f.jobs+o.jobs, f.files+o.files
	f.open, f.partly, f.torn, f.early = f.open+o.open, f.partly+o.partly, f.torn+o.torn, f.early+o.early
}

// powerStory is a job whose drivers lose power.
type powerStory struct {
	*world
	seed     uint64
	q        simQuery
	sum      *powerFigures
	draw     *rand.Rand // what is lost at each look
	mu       sync.Mutex
	reported int64             // the last batch that was reported done
	failed   error             // what a look found first
	seen     map[string][]byte // files that some look has seen whole
	blobs    map[string][]byte // whose digest was found right
	logs     map[string]*powerLog
	done     bool // there are done markers
}

func newPowerStory(t *testing.T, seed uint64, q simQuery, sum *powerFigures) *powerStory {
	s := &powerStory{world: newWorld(t, seed), seed: seed, q: q, sum: sum, draw: rand.New(rand.NewPCG(seed, 7)), seen: map[string][]byte{}, blobs: map[string][]byte{}, logs: map[string]*powerLog{}}
	s.done = strings.HasPrefix(q.name, "done ")
	if (seed>>16)%3 == 1 && !s.done { // files of every third job roll over batches
		s.rolled(time.Hour, 12)
	}
	s.fill(q, 100)
	return s
}

// job is small, with state of every size in blobs and a snapshot now and then.
func (s *powerStory) job() *Job {
	j := s.world.job(s.q, flushing, rowsMax(35), shards(1+s.rng.IntN(2)))
	if s.done {
		s.marking(j)
	}
	return j
}

func (s *powerStory) options(o *Options) {
	o.snapshotEvery, o.inlineBlock = 2, 1+s.rng.IntN(2)*2000
	if s.seed%2 == 1 {
		s.inSlices(64 + 64*s.rng.IntN(4))(o)
	}
	report := o.Report
	o.Report = func(p Progress) {
		s.mu.Lock()
		defer s.mu.Unlock()
		report(p)
		s.reported = max(s.reported, p.BatchID)
	}
}

func (s *powerStory) run(i int) {
	s.sum.jobs++
	at := 1 + 3*i%150
	for life := 0; ; life++ {
		what := fmt.Sprintf("job %d, life %d until operation %d", i, life, at)
		s.sum.lives++
		if life < 3 {
			s.disk.StopAfter(at)
		}
		s.disk.Watch(s.look)
		err := s.world.run(s.job(), s.options)
		s.disk.Watch(nil)
		if s.failed != nil {
			s.t.Fatalf("%s: %v", what, s.failed)
		}
		if err == nil {
			break
		}
		if !errors.Is(err, storetest.ErrPower) {
			s.t.Fatalf("%s: %v", what, err)
		}
		s.disk = s.disk.Crash(s.rng.Uint64())
		s.fs = s.disk
		at = 1 + s.rng.IntN(100)
	}
	s.disk.Restart()
	s.end(fmt.Sprintf("job %d", i))
}

// end compares the end of a job with its oracle and with all that was ever seen of it.
func (s *powerStory) end(what string) {
	s.t.Helper()
	s.wantRows(what, s.expected(), equalRows)
	if !s.done {
		s.wantHistory(what)
	}
	final := s.files()
	for name, data := range s.seen {
		if !bytes.Equal(final[name], data) {
			s.t.Fatalf("%s: a reader saw %s, which is not there in the end with the same bytes", what, name)
		}
	}
}

// expected are the rows that the query means; where those depend on how the records were cut, the rows of a twin to which
// nothing happens.
func (s *powerStory) expected() []simRow {
	if s.q.late == "" && !s.q.emit.Changelog && !s.done {
		return s.world.expected(s.q)
	}
	twin := newPowerStory(s.t.(*testing.T), s.seed, s.q, s.sum)
	twin.mustRun(twin.job(), twin.options)
	return twin.rows()
}

// look loses the power now and sees what is left.
func (s *powerStory) look(lose func(uint64) *storetest.CrashFS) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failed != nil {
		return
	}
	seed := s.draw.Uint64()
	s.sum.losses++
	if err := s.check(lose(seed)); err != nil {
		s.failed = fmt.Errorf("power lost with draw %d, batch %d reported: %w", seed, s.reported, err)
	}
}

// powerLog is what the log of a disk says, with the bytes that it was read from.
type powerLog struct {
	planned   map[int64]bool
	committed map[int64]*Committed
	last      int64
	open      int
	blobs     []string // that its records name
	torn      bool
	early     bool // there is no checkpoint, or no plan in it
}

// check looks at a disk as it is after a loss.
func (s *powerStory) check(disk *storetest.CrashFS) error {
	l, err := s.logOf(disk)
	if err != nil {
		return err
	}
	if l.last < s.reported {
		return fmt.Errorf("the log ends with batch %d", l.last)
	}
	for _, name := range l.blobs {
		digest := name[len(name)-64:]
		data, err := disk.ReadFile(simCheckpoint + "/" + name)
		if err != nil {
			return fmt.Errorf("a record names a blob that is not there: %w", err)
		}
		if old, ok := s.blobs[name]; ok && bytes.Equal(old, data) {
			continue
		}
		if sum := sha256.Sum256(data); hex.EncodeToString(sum[:]) != digest {
			return fmt.Errorf("blob %s is not whole", name)
		}
		s.blobs[name] = data
	}
	files, manifests, err := s.visible(disk)
	if err != nil {
		return err
	}
	s.sum.files += len(files)
	if err := s.checkFiles(files, l); err != nil {
		return err
	}
	return s.checkManifests(manifests, files, l)
}

// checkFiles compares what a plain reader sees with the log: nothing that was not planned, all that is committed.
func (s *powerStory) checkFiles(files map[string][]byte, l *powerLog) error {
	listed := map[string]bool{}
	for _, c := range l.committed {
		for sink, list := range c.Files {
			for _, f := range list {
				name := f.Path
				if _, ok := files[name]; !ok {
					name = sink + "/" + name
				}
				data, ok := files[name]
				if !ok || int64(len(data)) != f.Bytes {
					return fmt.Errorf("batch %d is committed with %s of %d bytes, a reader sees %d (there: %v)", c.Batch, f.Path, f.Bytes, len(data), ok)
				}
				listed[name] = true
			}
		}
	}
	for name := range files {
		_, batch, ok := output.BatchesOf(name, "sim")
		if !ok || !l.planned[batch] {
			return fmt.Errorf("a reader sees %s of a batch that the log has not planned", name)
		}
		if l.committed[batch] != nil && !listed[name] {
			return fmt.Errorf("a reader sees %s, which is not among the files of its batch", name)
		}
	}
	if l.open > 0 && len(files) > len(listed) {
		s.sum.partly++
	}
	return nil
}

// checkManifests compares the copies of manifests with the log, as their reader does: those of reported batches are there,
// and none of others than committed batches.
func (s *powerStory) checkManifests(manifests map[string][]byte, files map[string][]byte, l *powerLog) error {
	have := map[string]bool{}
	for name, data := range manifests {
		root := strings.TrimPrefix(strings.TrimPrefix(path.Dir(path.Dir(path.Dir(name))), simOutput), "/")
		batches, err := entriesOf(data)
		if err != nil {
			return fmt.Errorf("manifest %s is not whole: %w", name, err)
		}
		for _, m := range batches {
			if l.committed[m.Batch] == nil {
				return fmt.Errorf("manifest %s has a batch that the log has not committed", name)
			}
			for _, f := range m.Files {
				if int64(len(files[path.Join(root, f.Path)])) != f.Bytes {
					return fmt.Errorf("manifest %s lists %s of %d bytes, a reader sees %d", name, f.Path, f.Bytes, len(files[path.Join(root, f.Path)]))
				}
			}
			have[fmt.Sprint(root, " ", m.Batch)] = true
		}
	}
	for batch, c := range l.committed {
		for sink, list := range c.Files {
			if batch <= s.reported && len(list) > 0 && !have[fmt.Sprint(" ", batch)] && !have[fmt.Sprint(sink, " ", batch)] {
				return fmt.Errorf("batch %d was reported, and its manifest in sink %s is not there", batch, sink)
			}
		}
	}
	return nil
}

// manifestEntries are what a manifest lists of a batch.
type manifestEntries struct {
	Batch int64         `json:"batch"`
	Files []output.File `json:"files"`
}

// entriesOf reads a manifest, a merged one or that of one batch. One that only says that there are merged ones has none.
func entriesOf(data []byte) ([]manifestEntries, error) {
	var m struct {
		Format  int               `json:"format"`
		Batches []manifestEntries `json:"batches"`
	}
	if err := json.Unmarshal(data, &m); err != nil || m.Format == 2 {
		return m.Batches, err
	}
	var one manifestEntries
	err := json.Unmarshal(data, &one)
	return []manifestEntries{one}, err
}

// visible are the data files and the manifests of a disk. Each must be whole: a data file is read by a reader of Parquet
// when its bytes are seen for the first time.
func (s *powerStory) visible(disk *storetest.CrashFS) (files, manifests map[string][]byte, err error) {
	files, manifests = map[string][]byte{}, map[string][]byte{}
	err = walkDisk(disk, simOutput, func(name string) error {
		data, err := disk.ReadFile(name)
		switch {
		case err != nil:
			return err
		case strings.HasSuffix(name, ".parquet"):
			name = strings.TrimPrefix(name, simOutput+"/")
			files[name] = data
			return s.whole(name, data)
		case path.Base(path.Dir(name)) == "manifest" && strings.HasSuffix(name, ".json"):
			manifests[name] = data
		case strings.HasPrefix(path.Base(name), "_SUCCESS"), strings.HasPrefix(path.Base(name), "_LATE"), path.Base(name) == "owner":
			if !json.Valid(data) {
				return fmt.Errorf("%s is not whole: %q", name, data)
			}
		}
		return nil
	})
	return files, manifests, err
}

func (s *powerStory) whole(name string, data []byte) error {
	if old, ok := s.seen[name]; ok {
		if !bytes.Equal(old, data) {
			return fmt.Errorf("a reader sees other bytes in %s than before", name)
		}
		return nil
	}
	if _, err := parquetRows(name, data); err != nil {
		return fmt.Errorf("a reader can't read %s: %w", name, err)
	}
	s.seen[name] = data
	return nil
}

// walkDisk calls each for every file that a reader may take for one: those under a temporary name only if they end in
// .parquet.
func walkDisk(disk store.ReadFS, dir string, each func(name string) error) error {
	entries, err := disk.ReadDir(dir)
	if err != nil {
		return nil // it is not there yet
	}
	for _, e := range entries {
		name := path.Join(dir, e.Name())
		switch {
		case e.IsDir():
			err = walkDisk(disk, name, each)
		case !strings.HasPrefix(e.Name(), ".tmp-") || strings.HasSuffix(name, ".parquet"):
			err = each(name)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// logOf reads the log of a disk, or remembers what it says when it has read the same bytes before.
func (s *powerStory) logOf(disk *storetest.CrashFS) (*powerLog, error) {
	key := s.logBytes(disk)
	l := s.logs[key]
	if l == nil {
		var err error
		if l, err = readPowerLog(disk); err != nil {
			return nil, err
		}
		s.logs[key] = l
	}
	if l.early {
		s.sum.early++
	}
	if l.open > 0 {
		s.sum.open++
	}
	if l.torn {
		s.sum.torn++
	}
	return l, nil
}

// logBytes are the bytes of a log without the zeros behind them.
func (s *powerStory) logBytes(disk *storetest.CrashFS) string {
	var b strings.Builder
	_ = walkDisk(disk, simCheckpoint, func(name string) error {
		if isBlob(name) {
			return nil
		}
		data, err := disk.ReadFile(name)
		fmt.Fprintf(&b, "%s %d %v\n", name, len(data), err)
		b.Write(bytes.TrimRight(data, "\x00"))
		return nil
	})
	return b.String()
}

func readPowerLog(disk *storetest.CrashFS) (*powerLog, error) {
	l := &powerLog{planned: map[int64]bool{}, committed: map[int64]*Committed{}}
	in, err := Inspect(context.Background(), Env{FS: disk}, simCheckpoint)
	var refused *RefusedError
	if errors.As(err, &refused) && strings.Contains(err.Error(), "is not a checkpoint: the job has not run yet") {
		l.early = true
		return l, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the checkpoint: %w", err)
	}
	blobs := map[string]bool{}
	for _, e := range in.Entries {
		switch r := e.Record.(type) {
		case *Planned:
			l.planned[r.Batch] = true
			blobs["blobs/"+r.Job] = true
			for digest := range maps.Values(r.Tables) {
				blobs["blobs/"+digest] = true
			}
			for digest := range maps.Values(r.Zones) {
				blobs["blobs/"+digest] = true
			}
		case *Committed:
			l.committed[r.Batch], l.last = r, max(l.last, r.Batch)
			for _, b := range slices.Concat(r.State, r.Slices) {
				if b.Digest != "" {
					blobs[stateBlobs(store.Blobs{}, r.Batch, b.Epoch).Under+b.Digest] = true
				}
			}
		}
	}
	maps.Copy(blobs, pendingNames(in.History.Pending))
	l.blobs = slices.Sorted(maps.Keys(blobs))
	l.open, l.torn, l.early = len(in.History.Open), len(in.Warnings) > 0, len(l.planned) == 0
	return l, nil
}
