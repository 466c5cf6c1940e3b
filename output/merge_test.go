package output_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/store/storetest"
	"github.com/millrace/millrace/output"
	"github.com/millrace/millrace/output/outputtest"
)

const manifests = "_millrace/manifest/"

// mergeLake is a lake of which only the manifests matter.
type mergeLake struct {
	lake
	cfg  output.ParquetConfig
	want []output.File // that were committed
}

func newMergeLake(t testing.TB, s store.Store, run int64) *mergeLake {
	l := &mergeLake{lake: lake{t, s}}
	l.cfg = l.config(flat(&columnar.Schema{Fields: []columnar.Field{field("n", columnar.Type{Kind: columnar.Int64})}}))
	l.cfg.MergeRun = run
	return l
}

// mergeStores are where manifests can be.
func mergeStores() map[string]store.Store {
	return map[string]store.Store{"directory": newLake(nil).store, "objects": &storetest.Objects{}}
}

func someFiles(batch int64, n int) (out []output.File) {
	for i := range n {
		out = append(out, output.File{Path: fmt.Sprintf("dt=%d/lake-b%012d-s%03d-%.200x.parquet", batch%3, batch, i, batch), Rows: batch, Bytes: 10, RowsSHA256: "a", SHA256: "b"})
	}
	return out
}

// commit tells the sink of a batch.
func (l *mergeLake) commit(p *output.Parquet, batch int64, files []output.File) {
	l.t.Helper()
	if err := p.Committed(l.t.Context(), batch, files); err != nil {
		l.t.Fatal(err)
	}
	l.want = append(l.want, files...)
}

func (l *mergeLake) merge(p *output.Parquet, batch int64) {
	l.t.Helper()
	if err := p.Merge(l.t.Context(), batch); err != nil {
		l.t.Fatalf("batch %d: %v", batch, err)
	}
}

// reads checks that readers find what was committed, each entry once.
func (l *mergeLake) reads(what string) {
	l.t.Helper()
	got, err := output.Committed(l.t.Context(), l.store, "/lake", outputtest.Me.Job)
	if err != nil || !slices.Equal(got, l.want) {
		l.t.Fatalf("%s: %d entries, %v, want %d", what, len(got), err, len(l.want))
	}
}

// names are those of the manifests.
func (l *mergeLake) names() []string {
	l.t.Helper()
	names, err := l.store.List(l.t.Context(), manifests)
	if err != nil {
		l.t.Fatal(err)
	}
	for i := range names {
		names[i] = strings.TrimSuffix(path.Base(names[i]), ".json")
	}
	return names
}

func (l *mergeLake) wantNames(what string, want ...string) {
	l.t.Helper()
	if got := l.names(); !slices.Equal(got, want) {
		l.t.Errorf("%s: manifests %q, want %q", what, got, want)
	}
}

const mark = "999999999999"

// TestMerge: behind each run of batches, those without files among them, there is one object with the manifests of all, the same
// whether a process has written them itself or not; readers see the same at any time.
func TestMerge(t *testing.T) {
	content := map[string]map[string]string{}
	for name, s := range mergeStores() {
		for _, restarts := range []bool{false, true} {
			what := fmt.Sprint(name, ", restarts ", restarts)
			if restarts {
				s = mergeStores()[name]
			}
			l := newMergeLake(t, s, 10)
			p := l.open(l.cfg)
			for batch := int64(1); batch <= 34; batch++ {
				if restarts {
					l.cfg.Last = batch - 1
					p = l.open(l.cfg)
				}
				if batch%4 != 0 && batch/10 != 1 {
					l.commit(p, batch, someFiles(batch, int(batch%3+1)))
				}
				l.merge(p, batch)
				l.reads(fmt.Sprintf("%s, batch %d", what, batch))
				l.cfg.Last = batch
				if at, err := l.open(l.cfg).Published(t.Context()); err != nil || at.Batch > batch {
					t.Errorf("%s: published after batch %d: %+v, %v", what, batch, at, err)
				}
			}
			l.wantNames(what, "000000000010-000000000001", "000000000030-000000000021", "000000000031", "000000000033", "000000000034", mark)
			content[what] = map[string]string{}
			for _, name := range l.names() {
				data, err := s.Get(t.Context(), manifests+name+".json")
				if err != nil {
					t.Fatal(err)
				}
				content[what][name] = string(data)
			}
		}
	}
	for what, have := range content {
		if !maps.Equal(have, content["directory, restarts false"]) {
			t.Errorf("%s: other bytes than elsewhere", what)
		}
	}
}

// TestMergeBacklog: an output with single manifests of many batches is merged little by little, by processes that live for one batch
// as well as by one that lives on.
func TestMergeBacklog(t *testing.T) {
	for _, lives := range []int{1, 1000} {
		s := &storetest.Objects{}
		l := newMergeLake(t, s, 500)
		p, last := l.open(l.cfg), int64(4321)
		for batch := int64(1); batch <= last; batch++ {
			l.commit(p, batch, someFiles(batch, 1))
		}
		most, before := 0, int64(0)
		for batch := last + 1; slices.ContainsFunc(l.names(), func(n string) bool { return n <= "000000004000" && !strings.Contains(n, "-") }); batch++ {
			if batch > last+1000 {
				t.Fatalf("lives of %d: after 1,000 batches there are %d manifests", lives, len(l.names()))
			}
			if l.cfg.Last = batch; batch%int64(lives) == 0 {
				p = l.open(l.cfg)
			}
			ops := s.Ops()
			l.merge(p, batch)
			did := 0
			for op, n := range s.Ops() {
				did += n - ops[op]
			}
			if batch%10 != 0 && did > 0 {
				t.Fatalf("lives of %d: batch %d made %d requests, and is not the time for it", lives, batch, did)
			}
			most, before = max(most, did), batch
		}
		l.reads("merged")
		t.Logf("lives of %d: until batch %d, at most %d requests behind a batch", lives, before, most)
		if most > 650 {
			t.Errorf("lives of %d: %d requests behind one batch", lives, most)
		}
	}
}

// TestMergeListEndsAnywhere: whatever name a list of an object store is cut off at, the mark among them, what is before it is merged.
func TestMergeListEndsAnywhere(t *testing.T) {
	for last := int64(8); last <= 20; last++ {
		s := &storetest.Objects{}
		l := newMergeLake(t, s, 4)
		p := l.open(l.cfg)
		for batch := int64(1); batch <= last; batch++ {
			l.commit(p, batch, someFiles(batch, 1))
			if batch <= 8 {
				l.merge(p, batch)
			}
		}
		p = l.open(l.cfg)
		for batch := last; batch < last+8; batch++ {
			l.merge(p, batch)
		}
		if got := l.names(); slices.ContainsFunc(got, func(name string) bool { return name <= fmt.Sprintf("%012d", last/4*4) && !strings.Contains(name, "-") }) {
			t.Errorf("behind batch %d there are %q", last, got)
		}
		l.reads(fmt.Sprint("merged behind batch ", last))
	}
}

// TestMergeReplay: a replay leaves the run that it begins in the middle of single, also when it tries again what has failed; one that
// has all of it merges it.
func TestMergeReplay(t *testing.T) {
	s, full := &storetest.Objects{}, errors.New("no room")
	l := newMergeLake(t, s, 4)
	l.cfg.First = 6
	p := l.open(l.cfg)
	for batch := int64(6); batch <= 16; batch++ {
		l.commit(p, batch, someFiles(batch, 1))
	}
	s.Fail = func(op, name string) (error, bool) {
		if op == "create" && strings.Contains(name, "-") {
			return full, false
		}
		return nil, false
	}
	if err := p.Merge(t.Context(), 12); !errors.Is(err, full) {
		t.Fatalf("merge without room: %v", err)
	}
	s.Fail = nil
	for batch := int64(16); batch <= 20; batch++ {
		l.merge(p, batch)
	}
	l.wantNames("from batch 6 on", "000000000006", "000000000007", "000000000008", "000000000012-000000000009", "000000000016-000000000013", mark)
	l.cfg.First = 5
	p = l.open(l.cfg)
	l.want = slices.Concat(someFiles(5, 1), l.want)
	if err := p.Committed(t.Context(), 5, someFiles(5, 1)); err != nil {
		t.Fatal(err)
	}
	l.merge(p, 8)
	l.reads("from batch 5 on")
	l.wantNames("from batch 5 on", "000000000008-000000000005", "000000000012-000000000009", "000000000016-000000000013", mark)
}

// TestMergeLarge: a merged manifest does not get larger than it may, and ends at the same batch whoever writes it.
func TestMergeLarge(t *testing.T) {
	var first []string
	for name, s := range mergeStores() {
		l := newMergeLake(t, s, 20)
		p := l.open(l.cfg)
		for batch := int64(1); batch <= 30; batch++ {
			l.commit(p, batch, someFiles(batch, 3000))
			if name == "objects" {
				p = l.open(l.cfg)
			}
			l.merge(p, batch)
		}
		l.reads(name)
		got := slices.DeleteFunc(l.names(), func(n string) bool { return !strings.Contains(n, "-") })
		if first == nil {
			first = got
		}
		if len(got) < 3 || !slices.Equal(got, first) || !strings.HasPrefix(got[len(got)-1], "000000000020-") {
			t.Errorf("%s: merged %q, elsewhere %q", name, got, first)
		}
	}
}

// TestMergeAgain: single manifests that are there once more, or still, go; unless the merged one says something else.
func TestMergeAgain(t *testing.T) {
	for name, s := range mergeStores() {
		l := newMergeLake(t, s, 4)
		p := l.open(l.cfg)
		for batch := int64(1); batch <= 9; batch++ {
			if batch != 7 {
				l.commit(p, batch, someFiles(batch, 2))
			}
			l.merge(p, batch)
		}
		merged := []string{"000000000004-000000000001", "000000000008-000000000005", "000000000009", mark}
		l.wantNames(name, merged...)
		want := l.want
		l.commit(l.open(l.cfg), 3, someFiles(3, 2)) // by a driver that was paused
		l.want = want
		l.reads(name + ", with a copy again")
		l.merge(l.open(l.cfg), 10)
		l.wantNames(name+", with a copy again", merged...)

		for batch, other := range map[int64]string{2: "000000000004-000000000001.json", 7: "000000000008-000000000005.json"} {
			l.commit(l.open(l.cfg), batch, someFiles(batch, 1))
			single := fmt.Sprintf("%s%012d.json", manifests, batch)
			err := l.open(l.cfg).Merge(t.Context(), 11)
			var conflict *output.ConflictError
			if !errors.As(err, &conflict) || !strings.Contains(err.Error(), single[len(manifests):]) || !strings.Contains(err.Error(), other) {
				t.Errorf("%s: another manifest of batch %d: %v, want a conflict that names both", name, batch, err)
			}
			if _, err := s.Get(t.Context(), single); err != nil {
				t.Errorf("%s: the other manifest of batch %d: %v", name, batch, err)
			}
			_, err = output.Committed(t.Context(), s, "/lake", outputtest.Me.Job)
			if batch == 2 && (err == nil || !strings.Contains(err.Error(), single) || !strings.Contains(err.Error(), other)) {
				t.Errorf("%s: readers of two manifests of batch %d: %v", name, batch, err)
			}
			if err := s.Delete(t.Context(), single); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestMergeNotOurs: a merged manifest that is there and lists other files stops the merge, and nothing is removed.
func TestMergeNotOurs(t *testing.T) {
	for name, s := range mergeStores() {
		l := newMergeLake(t, s, 4)
		p := l.open(l.cfg)
		for batch := int64(1); batch <= 4; batch++ {
			l.commit(p, batch, someFiles(batch, 2))
		}
		twin := newMergeLake(t, &storetest.Objects{}, 4)
		q := twin.open(twin.cfg)
		for batch := int64(1); batch <= 4; batch++ {
			twin.commit(q, batch, someFiles(batch, int(batch)))
		}
		twin.merge(q, 4)
		data, err := twin.store.Get(t.Context(), manifests+"000000000004-000000000001.json")
		if err != nil {
			t.Fatal(err)
		}
		hidden := &late{Store: s, name: manifests + "000000000004-000000000001.json", data: data}
		l.cfg.Store = hidden
		err = l.open(l.cfg).Merge(t.Context(), 4)
		var conflict *output.ConflictError
		if !errors.As(err, &conflict) || !strings.Contains(err.Error(), "000000000001.json") || !strings.Contains(err.Error(), "000000000004-000000000001.json") {
			t.Errorf("%s: %v, want a conflict that names both", name, err)
		}
		for batch := int64(1); batch <= 4; batch++ {
			if _, err := s.Get(t.Context(), fmt.Sprintf("%s%012d.json", manifests, batch)); err != nil {
				t.Errorf("%s: the manifest of batch %d: %v", name, batch, err)
			}
		}
	}
}

// TestMergeSuperseded: a driver that has been superseded writes no merged manifest; and one that has written it removes nothing.
func TestMergeSuperseded(t *testing.T) {
	over := errors.New("a newer driver is there")
	for name, s := range mergeStores() {
		for _, asked := range []int{0, 1} {
			l := newMergeLake(t, s, 4)
			left := asked
			l.cfg.Lead = func() error {
				if left--; left < 0 {
					return over
				}
				return nil
			}
			p := l.open(l.cfg)
			for batch := int64(1); batch <= 4 && asked == 0; batch++ {
				l.commit(p, batch, someFiles(batch, 1))
			}
			if err := p.Merge(t.Context(), 4); !errors.Is(err, over) {
				t.Errorf("%s: %v, want that of the look for a newer driver", name, err)
			}
			want := []string{"000000000001", "000000000002", "000000000003", "000000000004"}
			if asked == 1 {
				want = append(want[:3:3], "000000000004-000000000001", "000000000004", mark)
			}
			l.wantNames(fmt.Sprint(name, ", asked ", asked), want...)
		}
	}
}

// TestMergeOldVersion: a program that knows nothing of merged manifests, as it was before there were any, takes the output for one that is ahead of
// the log, and cannot read all manifests; so it does not go on as if the merged ones were not there.
func TestMergeOldVersion(t *testing.T) {
	l := newMergeLake(t, &storetest.Objects{}, 4)
	p := l.open(l.cfg)
	for batch := int64(1); batch <= 4; batch++ {
		l.commit(p, batch, someFiles(batch, 1))
		l.merge(p, batch)
	}
	highest, unread := int64(0), 0
	for _, name := range l.names() {
		var batch int64
		if n, err := fmt.Sscanf(name, "%d", &batch); n != 1 || err != nil || fmt.Sprintf("%012d", batch) != name {
			continue
		}
		highest = max(highest, batch)
		data, err := l.store.Get(t.Context(), manifests+name+".json")
		if err != nil {
			t.Fatal(err)
		}
		var m struct {
			Files []output.File `json:"files"`
		}
		if json.Unmarshal(data, &m) != nil {
			unread++
		}
	}
	if highest != 999999999999 || unread != 1 {
		t.Errorf("it finds batch %d, and %d manifests that it can't read", highest, unread)
	}
	if at, err := p.Published(t.Context()); err != nil || at.Batch != 4 {
		t.Errorf("this version finds %+v, %v", at, err)
	}
}

// TestMergeNewerVersion: what a newer version says of an output is not passed over.
func TestMergeNewerVersion(t *testing.T) {
	for name, data := range map[string]string{
		mark:                        `{"format":3,"job":"j","checkpoint_id":"c","batch":999999999999,"files":"no"}`,
		"000000000004-000000000001": `{"format":3,"job":"j","checkpoint_id":"c","first_batch":1,"last_batch":4,"batches":[]}`,
	} {
		l := newMergeLake(t, &storetest.Objects{}, 4)
		p := l.open(l.cfg)
		if err := store.PutBytes(t.Context(), l.store, manifests+name+".json", []byte(data)); err != nil {
			t.Fatal(err)
		}
		if _, err := output.Committed(t.Context(), l.store, "/lake", outputtest.Me.Job); err == nil || !strings.Contains(err.Error(), "format 3") {
			t.Errorf("%s: readers: %v", name, err)
		}
		if _, err := p.Published(t.Context()); name == mark && (err == nil || !strings.Contains(err.Error(), "format 3")) {
			t.Errorf("%s: drivers: %v", name, err)
		}
	}
}

// late is a store where somebody else creates an object behind the first list of its directory.
type late struct {
	store.Store
	name string
	data []byte
}

func (l *late) List(ctx context.Context, prefix string) ([]string, error) {
	names, err := l.Store.List(ctx, prefix)
	if l.data != nil && err == nil {
		err = store.PutBytes(ctx, l.Store, l.name, l.data)
		l.data = nil
	}
	return names, err
}

// TestMergedDurable: a process that merges dies at any operation on the disk, the next one at any of its own, and then the power is
// lost: every manifest is there, in one of the two forms or both.
func TestMergedDurable(t *testing.T) {
	crashes := 0
	for first := 1; ; first++ {
		_, died := diedMerging(t, first, 0)
		for second := 1; died; second++ {
			disk, again := diedMerging(t, first, second)
			for seed := range uint64(4) {
				l := newMergeLake(t, &store.Local{Root: "/lake", FS: disk.Crash(seed)}, 4)
				l.want = mergeFiles()
				l.reads(fmt.Sprintf("death at operation %d, then at %d, and draw %d of a loss of power", first, second, seed))
				crashes++
				for batch := int64(5); batch <= 8; batch++ { // and it goes on from there
					l.merge(l.open(l.cfg), batch)
				}
				l.wantNames("in the end", "000000000004-000000000001", mark)
				l.reads("in the end")
			}
			if !again {
				break
			}
		}
		if !died {
			break
		}
	}
	if crashes < 400 {
		t.Errorf("%d crashes only", crashes)
	}
}

func mergeFiles() (out []output.File) {
	for batch := int64(1); batch <= 4; batch++ {
		out = append(out, someFiles(batch, 1)...)
	}
	return out
}

// diedMerging is a disk on which a process has died at an operation while it merged, and then another one at one of its own; 0: it did
// nothing. died says that the last one has.
func diedMerging(t *testing.T, deaths ...int) (disk *storetest.CrashFS, died bool) {
	disk = storetest.NewCrashFS()
	l := newMergeLake(t, &store.Local{Root: "/lake", FS: disk}, 4)
	p := l.open(l.cfg)
	for batch := int64(1); batch <= 4; batch++ {
		l.commit(p, batch, someFiles(batch, 1))
	}
	for _, at := range deaths {
		if at == 0 {
			continue
		}
		l.cfg.Store = &store.Local{Root: "/lake", FS: disk} // a new process knows of no directory that it is durable
		p := l.open(l.cfg)
		disk.StopAfter(at)
		err := p.Merge(t.Context(), 4)
		died = errors.Is(err, storetest.ErrPower)
		if err != nil && !died {
			t.Fatal(err)
		}
		disk.Restart()
	}
	return disk, died
}
