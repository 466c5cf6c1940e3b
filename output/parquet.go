package output

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/internal/failpoint"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/offsets"
)

// Defaults of [ParquetConfig].
const (
	DefaultMaxPartitions = 1000
	DefaultMaxFileBytes  = 128 << 20
	DefaultCompression   = "zstd"
)

// ParquetConfig describes a directory of Parquet files.
type ParquetConfig struct {
	Sink   string      // the sink's name in the job
	Store  store.Store // rooted at the directory
	Root   string      // the directory, for messages
	Layout Layout
	Owner  Owner

	// Lead returns an error once another driver has taken over: what half uploads there are then may be that one's. nil: nobody
	// else writes here.
	Lead func() error
	// Above are the directories that the sink's lies in. One that somebody's rows are in is refused: its readers would take
	// those of this job for theirs.
	Above []Place
	// Written says that the log has committed rows to this sink. A directory that is nobody's then is not the one that
	// holds them, and is refused with a [ConflictError] instead of claimed.
	Written bool
	// Last and First are those of [Opening].
	Last, First int64

	// MaxPartitions bounds the partition directories of one batch; 0 means DefaultMaxPartitions. More of them are a
	// [PartitionLimitError].
	MaxPartitions int
	// Compression is "zstd" (the default), "snappy" or "none".
	Compression string
	// MaxFileBytes bounds the rows of one file by their estimated uncompressed size in bytes; 0 means
	// DefaultMaxFileBytes. A file is closed behind the 1,024 rows that reach it.
	MaxFileBytes int64
	// MaxFileRows bounds the rows of one file; 0: any number.
	MaxFileRows int64
	// MaxAge rolls files over batches: rows wait for their file to get full, and no longer than this in plan time, see
	// [Pending]. 0: what a batch has is in files with it.
	MaxAge time.Duration
	// Done says which directories can be complete, for [Marker].
	Done TimeDirs
	// MergeRun is how many batches a merged manifest is of; 0 means DefaultMergeRun. Readers take any, tests fewer.
	MergeRun int64
	// Each encodes the columns of a large row group several at a time, see [Opening]; nil: one after the other. The bytes
	// are the same.
	Each func(n int, f func(i int) error) error
}

// Place is a directory that may have an owner.
type Place struct {
	Root  string // for messages
	Store store.Store
}

func (c ParquetConfig) withDefaults() ParquetConfig {
	if c.MaxPartitions == 0 {
		c.MaxPartitions = DefaultMaxPartitions
	}
	if c.Compression == "" {
		c.Compression = DefaultCompression
	}
	if c.MaxFileBytes == 0 {
		c.MaxFileBytes = DefaultMaxFileBytes
	}
	if c.MergeRun == 0 {
		c.MergeRun = DefaultMergeRun
	}
	return c
}

// Parquet is the [Sink] that writes Parquet files into Hive-style directories (docs/formats/output.md).
type Parquet struct {
	sink          string
	root          string
	store         store.Store
	owner         Owner
	columns       []int
	maxPartitions int
	maxFileBytes  int64
	maxFileRows   int64
	maxAge        time.Duration
	layout        Layout // with the columns of changelogs
	compression   string
	partitions    *partitioner
	encoder       *encoder
	rolled        *encoder         // see rollEncoder; nil: not needed yet
	changes       *columnar.Schema // of rows with their revision; nil: they are no changelog
	done          TimeDirs
	lead          func() error
	last          int64
	merging       merging
}

// parquetWork is Prepared.work: the bytes of each of its files.
type parquetWork []pieces

// OpenParquet claims the directory for cfg.Owner and returns its sink. A directory of another job or checkpoint is an
// [OwnedError]; one that holds files but has no owner is a [ConflictError], and so is one without an owner when
// cfg.Written is set. A layout that cannot be written is refused before anything is touched.
func OpenParquet(ctx context.Context, cfg ParquetConfig) (*Parquet, error) {
	cfg = cfg.withDefaults()
	p := &Parquet{
		sink: cfg.Sink, root: cfg.Root, store: cfg.Store, owner: cfg.Owner, columns: cfg.Layout.Columns,
		maxPartitions: cfg.MaxPartitions, maxFileBytes: cfg.MaxFileBytes, maxFileRows: cfg.MaxFileRows, maxAge: cfg.MaxAge,
		compression: cfg.Compression, done: cfg.Done, lead: cfg.Lead, last: cfg.Last,
		merging: newMerging(cfg.MergeRun, cfg.First),
	}
	if err := p.compile(cfg); err != nil {
		return nil, fmt.Errorf("sink %s: %w", cfg.Sink, err)
	}
	if err := p.checkAbove(ctx, cfg.Above); err != nil {
		return nil, err
	}
	if err := p.claim(ctx, cfg.Written); err != nil {
		return nil, p.claimError(err)
	}
	if err := p.vet(ctx); err != nil {
		return nil, p.claimError(err)
	}
	return p, nil
}

func (p *Parquet) compile(cfg ParquetConfig) (err error) {
	if err := cfg.Layout.check(); err != nil {
		return err
	}
	if cfg.Layout.Changelog != nil {
		cfg.Layout = cfg.Layout.withRevisions()
		p.columns, p.changes = cfg.Layout.Columns, cfg.Layout.Schema
	}
	p.layout = cfg.Layout
	if p.partitions, err = newPartitioner(cfg.Sink, cfg.Layout); err != nil {
		return err
	}
	if p.encoder, err = newEncoder(cfg.Layout, cfg.Compression); err != nil {
		return err
	}
	p.encoder.each = cfg.Each
	return nil
}

// claimError leaves alone what names the sink itself.
func (p *Parquet) claimError(err error) error {
	var owned *OwnedError
	var conflict *ConflictError
	if errors.As(err, &owned) || errors.As(err, &conflict) {
		return err
	}
	return fmt.Errorf("sink %s: claim %s: %w", p.sink, p.root, err)
}

// failed says what could not be done to which file of the sink. Stores know only its name below the directory.
func (p *Parquet) failed(what, name string, err error) error {
	var op *store.OpError
	if errors.As(err, &op) && op.Op == what {
		err = op.Err
	}
	return fmt.Errorf("sink %s: %w", p.sink, &store.OpError{Op: what, Name: p.at(name), Err: err})
}

// at is the place of an object, for messages.
func (p *Parquet) at(name string) string {
	if p.root == "" {
		return name
	}
	return p.root + "/" + name
}

// Prepare implements [Sink]. It encodes all files of the batch in memory, ordered by shard and path. What the data
// alone decides is, or wraps, a [PartitionLimitError], a [PartitionValueError] or a columnar.RowError.
func (p *Parquet) Prepare(ctx context.Context, info BatchInfo, shards []Shard, pending *Pending) (*Prepared, error) {
	if p.changes != nil {
		shards = revised(shards, p.changes, info.Batch)
	}
	groups, err := p.partitions.groups(shards, p.maxPartitions)
	if err != nil {
		return nil, err
	}
	footer, err := footerOf(info, info.Batch, info.Ranges)
	if err != nil {
		return nil, fmt.Errorf("sink %s: %w", p.sink, err)
	}
	b := &parquetBatch{p: p, footer: footer, out: &Prepared{Info: info}, names: map[string]bool{}}
	if p.rolls(pending) {
		err = p.roll(ctx, b, groups, pending)
	} else {
		err = b.addAll(ctx, groups)
	}
	b.out.work = b.data
	return b.out, err
}

// footerOf is what the footers of files have in common that have rows of the batches from first to that of info.
func footerOf(info BatchInfo, first int64, covered []offsets.Range) ([]footerKey, error) {
	ranges, err := json.Marshal(covered)
	if err != nil {
		return nil, fmt.Errorf("encode ranges: %w", err)
	}
	keys := []footerKey{
		{Name: keyWriter, Value: strconv.Itoa(formatVersion)},
		{Name: keyJob, Value: info.Job},
		{Name: keyBatch, Value: strconv.FormatInt(info.Batch, 10)},
		{Name: keyRanges, Value: string(ranges)},
	}
	if first < info.Batch {
		keys = append(keys, footerKey{Name: keyFirstBatch, Value: strconv.FormatInt(first, 10)})
	}
	return keys, nil
}

func (p *Parquet) fileLimit(info *BatchInfo) fileLimit {
	return fileLimit{p.maxFileBytes, p.maxFileRows, info.passed}
}

// parquetBatch gathers the files of one batch.
type parquetBatch struct {
	p      *Parquet
	footer []footerKey
	out    *Prepared
	data   parquetWork
	names  map[string]bool // paths taken
}

func (b *parquetBatch) addAll(ctx context.Context, groups []group) error {
	for _, g := range groups {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := b.add(g); err != nil {
			return err
		}
	}
	return nil
}

// add encodes the files of one directory and shard.
func (b *parquetBatch) add(g group) error {
	parts := g.rows.parts(b.p.columns, b.p.fileLimit(&b.out.Info))
	for i, rows := range parts {
		part := 0
		if len(parts) > 1 {
			part = i + 1
		}
		name := g.dir + fileName(b.out.Info, b.out.Info.Batch, g.shard, part)
		if err := b.file(b.p.encoder, b.footer, name, rows); err != nil {
			return err
		}
	}
	return nil
}

// file encodes one file.
func (b *parquetBatch) file(e *encoder, footer []footerKey, name string, rows runs) error {
	if b.names[name] {
		// Publish would take the second file for the first one come again, and lose its rows.
		return fmt.Errorf("sink %s: internal error: batch %d makes two files %s", b.p.sink, b.out.Info.Batch, name)
	}
	b.names[name] = true
	data, sum, err := e.file(rows, footer, &b.out.Info)
	if err != nil {
		return fmt.Errorf("sink %s: encode %s: %w", b.p.sink, name, err)
	}
	n := int64(rows.rows())
	b.out.Files = append(b.out.Files, File{Path: name, Rows: n, Bytes: data.size(), RowsSHA256: sum, SHA256: data.digest(b.out.Info.passed)})
	b.out.Rows += n
	b.data = append(b.data, data)
	return nil
}

// Publish implements [Sink]: it creates the files that are not there yet. One that is there with equal rows in other
// bytes, of an older version, stays and gives its size and digest to pr.Files; other rows are a [ConflictError]. A rerun lists the
// whole directory first.
func (p *Parquet) Publish(ctx context.Context, pr *Prepared) error {
	work, _ := pr.work.(parquetWork)
	if len(work) != len(pr.Files) {
		return fmt.Errorf("sink %s: internal error: batch %d was prepared by another sink", p.sink, pr.Info.Batch)
	}
	if pr.Info.Rerun {
		if err := p.checkLeftovers(ctx, pr); err != nil {
			return err
		}
	}
	for i, data := range work {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := p.create(ctx, &pr.Files[i], data, pr.Info.passed); err != nil {
			return err
		}
	}
	return nil
}

// create makes a file, or finds it there.
func (p *Parquet) create(ctx context.Context, f *File, data pieces, passed func(int64)) error {
	err := failpoint.Hit(failpoint.ParquetFile)
	if err == nil {
		err = data.put(ctx, p.store, f.Path, passed)
	}
	if errors.Is(err, store.ErrExists) {
		return p.adopt(ctx, f, data)
	}
	if err != nil {
		return p.failed("create", f.Path, err)
	}
	return nil
}

// adopt decides about a file whose name was taken; see docs/formats/output.md §6.
func (p *Parquet) adopt(ctx context.Context, f *File, data pieces) error {
	err := failpoint.Hit(failpoint.ParquetAdopt)
	var have []byte
	if err == nil {
		have, err = p.store.Get(ctx, f.Path)
	}
	if err != nil {
		return p.failed("read", f.Path, err)
	}
	if data.equal(have) {
		return nil
	}
	rows, sum, err := readFooter(have)
	if err != nil {
		return p.conflict(f.Path, fmt.Sprintf("was there before and cannot be read as Parquet (%v); nothing is overwritten: move it out of the output if it should not be there", err))
	}
	if rows != f.Rows || sum != f.RowsSHA256 {
		return p.conflict(f.Path, fmt.Sprintf("was there before with other rows: %d with rows_sha256 %.12s, this run has %d with %.12s; nothing is overwritten: compare them, and move the file out of the output if it should not be there", rows, sum, f.Rows, f.RowsSHA256))
	}
	f.Bytes, f.SHA256 = int64(len(have)), digestOf(have)
	return nil
}

// digestOf is the SHA-256 of a file's bytes, as manifests have it.
func digestOf(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
