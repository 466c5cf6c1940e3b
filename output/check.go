package output

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/millrace/millrace/internal/store"
)

// Expected is what a sink holds, by the log of its job.
type Expected struct {
	Owner   Owner
	Batches []ExpectedBatch // committed, oldest first
	First   int64           // the first batch of which the log still knows the commit
	// Last is the last batch that was committed, and Planned the last one that was planned: what there is of batches in
	// between is under way, or will be finished by the next driver.
	Last, Planned int64
	Running       bool // a driver holds the job: later batches may appear meanwhile
	// Discarded are the batches since the last commit that were given up: what is left of them goes with the next run.
	Discarded []int64
	// Room is how many bytes of files may be in memory at a time, where a store gives them only whole; 0: any number. One file always may.
	Room int64
}

// ExpectedBatch is what one batch wrote.
type ExpectedBatch struct {
	Batch int64
	Files []File
	Rows  int64
	Marks []Mark // markers that its commit decided
}

// FindingKind says how a sink differs from what the log says.
type FindingKind string

// The kinds of findings.
const (
	Missing FindingKind = "missing" // the log has it, the sink has not
	Foreign FindingKind = "foreign" // the sink has it, the log has not
	Changed FindingKind = "changed" // its content is not what was written
	Doubled FindingKind = "doubled" // rows are there more than once
)

// Finding is one difference between a sink and the log.
type Finding struct {
	Sink  string      `json:"sink,omitempty"`
	Kind  FindingKind `json:"kind"`
	Path  string      `json:"path,omitempty"` // below the sink's root; of a topic topic/partition
	Batch int64       `json:"batch,omitempty"`
	Why   string      `json:"why"`
}

func (f Finding) String() string {
	var b strings.Builder
	if f.Sink != "" {
		b.WriteString("sink " + f.Sink + ": ")
	}
	b.WriteString(string(f.Kind))
	if f.Path != "" {
		b.WriteString(" " + f.Path)
	}
	if f.Batch > 0 {
		fmt.Fprintf(&b, " (batch %d)", f.Batch)
	}
	return b.String() + ": " + f.Why
}

// Checked is what a check of a sink has looked at and found.
type Checked struct {
	Files    int       `json:"files"`
	Rows     int64     `json:"rows"`
	Bytes    int64     `json:"bytes"`
	Findings []Finding `json:"findings,omitempty"`
	Notes    []string  `json:"notes,omitempty"` // what could not be checked, and what is on its way
}

func (c *Checked) find(kind FindingKind, path string, batch int64, format string, args ...any) {
	c.Findings = append(c.Findings, Finding{Kind: kind, Path: path, Batch: batch, Why: fmt.Sprintf(format, args...)})
}

func (c *Checked) note(format string, args ...any) {
	c.Notes = append(c.Notes, fmt.Sprintf(format, args...))
}

// ParquetCheck compares a directory of Parquet files with the log. It changes nothing.
type ParquetCheck struct {
	Sink   string
	Store  store.Store // rooted at the directory
	Expect Expected
	// Each calls f for 0 to n−1, several at a time if it likes.
	Each func(n int, f func(i int) error) error
}

// Run looks at the owner, at every file that a plain reader of the directory would read, at every manifest and at the
// done markers. Each file is read whole: its bytes must have the digest of its manifest, or, where that has none, its
// footer the number and digest of the rows.
func (c ParquetCheck) Run(ctx context.Context) (*Checked, error) {
	k := &parquetCheck{ParquetCheck: c, out: &Checked{}, want: map[string]wanted{}, room: newRoom(c.Expect.Room)}
	names, err := c.Store.List(ctx, "")
	if err != nil {
		return nil, fmt.Errorf("sink %s: list files: %w", c.Sink, err)
	}
	slices.Sort(names)
	k.names = names
	if len(names) == 0 && len(c.Expect.Batches) == 0 {
		return k.out, nil
	}
	for _, step := range []func(context.Context) error{k.owner, k.manifests, k.files, k.foreign} {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	k.marks()
	for i := range k.out.Findings {
		k.out.Findings[i].Sink = c.Sink
	}
	return k.out, nil
}

// wanted is a file that must be there.
type wanted struct {
	File
	batch int64
}

type parquetCheck struct {
	ParquetCheck
	names []string
	out   *Checked
	bufs  sync.Pool // of files that were looked at
	room  *room
	want  map[string]wanted
	paths []string // of want, in the order of batches
}

func (k *parquetCheck) has(name string) bool {
	_, found := slices.BinarySearch(k.names, name)
	return found
}

func (k *parquetCheck) owner(ctx context.Context) error {
	data, err := k.Store.Get(ctx, ownerName)
	if errors.Is(err, store.ErrNotExist) {
		k.out.find(Missing, ownerName, 0, "the directory does not know who writes there: is the disk mounted? did the path change?")
		return nil
	}
	if err != nil {
		return fmt.Errorf("sink %s: read owner: %w", k.Sink, err)
	}
	var have ownerFile
	if err := json.Unmarshal(data, &have); err != nil || have.Format != formatVersion {
		k.out.find(Changed, ownerName, 0, "it is no owner file")
	} else if have.Owner != k.Expect.Owner {
		k.out.find(Foreign, ownerName, 0, "the directory belongs to job %q with checkpoint %s", have.Job, have.Checkpoint)
	}
	return nil
}

// manifests compares the copies beside the output with the log, and takes from them what the log no longer knows.
func (k *parquetCheck) manifests(ctx context.Context) error {
	c, err := readCopies(ctx, k.Store, k.Expect.Last)
	if err != nil {
		return fmt.Errorf("sink %s: %w", k.Sink, err)
	}
	for _, name := range c.names {
		if batch := newestIn(name); batch > k.Expect.Planned && !k.Expect.Running {
			k.out.find(Foreign, name, batch, "the log knows no such batch: the checkpoint is an old copy")
		}
	}
	for _, b := range c.bad {
		k.out.find(Changed, b.name, b.batch, "it %s", b.msg)
	}
	for _, m := range c.sorted() {
		if m.Batch < k.Expect.First {
			k.expect(m.Batch, m.Files)
		}
	}
	for _, b := range k.Expect.Batches {
		k.manifest(b, c)
		k.expect(b.Batch, b.Files)
	}
	return nil
}

func (k *parquetCheck) manifest(b ExpectedBatch, c *copies) {
	m, found := c.of[b.Batch]
	name := manifestName(b.Batch)
	switch {
	case !found && (len(b.Files) == 0 || c.unread(b.Batch)):
	case !found && b.Batch == k.Expect.Last:
		k.out.note("the manifest of batch %d is not there yet: the next run writes it", b.Batch)
	case !found:
		k.out.find(Missing, name, b.Batch, "the log has %d files of that batch", len(b.Files))
	case m.Owner != k.Expect.Owner || m.Batch != b.Batch || !slices.Equal(m.Files, b.Files):
		k.out.find(Changed, m.name, b.Batch, "it lists other files than the log's commit")
	}
}

func (k *parquetCheck) expect(batch int64, files []File) {
	for _, f := range files {
		if w, twice := k.want[f.Path]; twice {
			k.out.find(Doubled, f.Path, batch, "batch %d has written it too", w.batch)
			continue
		}
		k.want[f.Path] = wanted{f, batch}
		k.paths = append(k.paths, f.Path)
	}
}

// files looks into every file.
func (k *parquetCheck) files(ctx context.Context) error {
	found := make([]Checked, len(k.paths))
	err := k.Each(len(k.paths), func(i int) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		return k.file(ctx, k.want[k.paths[i]], &found[i])
	})
	for _, f := range found {
		k.out.Files += f.Files
		k.out.Rows += f.Rows
		k.out.Bytes += f.Bytes
		k.out.Findings = append(k.out.Findings, f.Findings...)
	}
	return err
}

func (k *parquetCheck) file(ctx context.Context, w wanted, out *Checked) error {
	buf, _ := k.bufs.Get().([]byte)
	if buf == nil {
		buf = make([]byte, checkBytes)
	}
	defer k.bufs.Put(buf)
	if _, ok := k.Store.(store.Opener); !ok {
		k.room.take(w.Bytes)
		defer k.room.give(w.Bytes)
	}
	f, err := k.look(ctx, w.Path, buf)
	if errors.Is(err, store.ErrNotExist) {
		out.find(Missing, w.Path, w.batch, "%d rows are gone", w.Rows)
		return nil
	}
	if err != nil {
		return fmt.Errorf("sink %s: read %s: %w", k.Sink, w.Path, err)
	}
	out.Files, out.Bytes, out.Rows = 1, f.bytes, f.rows
	switch {
	case f.bytes != w.Bytes:
		out.find(Changed, w.Path, w.batch, "it has %d bytes, written were %d", f.bytes, w.Bytes)
	case w.SHA256 != "" && f.digest != w.SHA256:
		out.find(Changed, w.Path, w.batch, "its bytes are not those that were written (SHA-256 %.12s, written was %.12s)", f.digest, w.SHA256)
	case f.unreadable != nil:
		out.find(Changed, w.Path, w.batch, "it cannot be read as Parquet: %v", f.unreadable)
	case f.rows != w.Rows || f.sum != w.RowsSHA256:
		out.find(Changed, w.Path, w.batch, "it has %d rows with rows_sha256 %.12s, the log has %d with %.12s", f.rows, f.sum, w.Rows, w.RowsSHA256)
	}
	return nil
}

// foreign finds what a plain reader would read besides: everything in the directory but what is hidden, as readers hide
// names that begin with an underscore or a dot.
func (k *parquetCheck) foreign(ctx context.Context) error {
	for _, name := range k.names {
		if _, ours := k.want[name]; ours || hidden(name) {
			continue
		}
		batch, of := batchOf(path.Base(name), k.Expect.Owner.Job)
		if of && slices.Contains(k.Expect.Discarded, batch) {
			k.out.note("%s is of batch %d, which was discarded: the next run moves it away", name, batch)
			continue
		}
		if of && batch > k.Expect.Last && batch <= k.Expect.Planned {
			k.out.note("%s is of batch %d, which is not committed yet", name, batch)
			continue
		}
		if of && batch > k.Expect.Planned && k.Expect.Running {
			continue
		}
		original, err := k.original(ctx, name)
		switch {
		case err != nil:
			return err
		case original != "":
			k.out.find(Doubled, name, batch, "it has the rows of %s", original)
		case !of:
			k.out.find(Foreign, name, 0, "this job did not write it, but readers take it for its rows")
		default:
			k.out.find(Foreign, name, batch, "the log does not have it")
		}
	}
	return nil
}

// original is the file that another one is a copy of; "" for none.
func (k *parquetCheck) original(ctx context.Context, name string) (string, error) {
	f, err := k.look(ctx, name, make([]byte, checkBytes))
	if errors.Is(err, store.ErrNotExist) || err == nil && (f.unreadable != nil || f.rows == 0) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("sink %s: read %s: %w", k.Sink, name, err)
	}
	for _, w := range k.paths {
		if want := k.want[w]; want.Rows == f.rows && want.RowsSHA256 == f.sum {
			return w, nil
		}
	}
	return "", nil
}

func hidden(name string) bool {
	return slices.ContainsFunc(strings.Split(name, "/"), func(part string) bool { return part[:1] == "_" || part[:1] == "." })
}

// marks looks for the done markers of all batches. Those of the last one may still be on their way.
func (k *parquetCheck) marks() {
	for _, b := range k.Expect.Batches {
		for _, m := range b.Marks {
			switch name := m.Name(); {
			case k.has(name):
			case b.Batch == k.Expect.Last:
				k.out.note("%s is not there yet: the next run writes it", name)
			default:
				k.out.find(Missing, name, b.Batch, "the log says that it was left")
			}
		}
	}
}
