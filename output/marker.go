package output

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/internal/store"
)

// Names of markers, inside the directory that they are about (docs/formats/output.md). They must not change.
const (
	successName = "_SUCCESS"
	latePrefix  = "_LATE-"
)

// TimePartition is a directory that stands for a stretch of time, with what was written there.
type TimePartition struct {
	Dir   string `json:"dir"`         // path below the sink's root, without a slash at its end
	End   int64  `json:"end_us"`      // of the time that it stands for; [NeverEnds] when its name says none
	Rows  int64  `json:"rows"`        // in all files below it
	Files int64  `json:"files"`       //
	First int64  `json:"first_batch"` // that wrote there
	Last  int64  `json:"last_batch"`
}

// Mark is a marker to leave in a directory: that it is complete, or else that Last wrote late rows into one that was.
type Mark struct {
	TimePartition
	Batch     int64  // whose commit decided it
	Watermark string // at the end of that batch: as text
	At        int64  // and in µs
	Late      bool
}

// Marker is a [Sink] that leaves markers in directories that are complete. What is complete is not its business.
type Marker interface {
	Sink
	// TimePartitions sums files of a batch by the directories that can be complete, sorted; env has the rules of time zones.
	TimePartitions(batch int64, files []File, env *columnar.Env) ([]TimePartition, error)
	// Written sums all files of committed batches before one, as TimePartitions does.
	Written(ctx context.Context, before int64, env *columnar.Env) ([]TimePartition, error)
	// Marked returns those of the directories that a batch before the given one has completed.
	Marked(ctx context.Context, dirs []string, before int64) ([]string, error)
	// Mark creates markers, durably. Those that are there already are done.
	Mark(ctx context.Context, marks []Mark) error
}

// marker is the content of a marker.
type marker struct {
	Format int `json:"format"`
	Owner
	Batch      int64  `json:"batch"`
	Rows       int64  `json:"rows"`
	Files      int64  `json:"files"`
	FirstBatch int64  `json:"first_batch"`
	LastBatch  int64  `json:"last_batch"`
	Watermark  string `json:"watermark"`
	At         int64  `json:"watermark_us"`
}

// Name is that of the marker, below the sink's root.
func (m Mark) Name() string {
	if m.Late {
		return fmt.Sprintf("%s/%s%012d", m.Dir, latePrefix, m.Last)
	}
	return m.Dir + "/" + successName
}

func (p *Parquet) marker(m Mark) (name string, content marker) {
	return m.Name(), marker{formatVersion, p.owner, m.Batch, m.Rows, m.Files, m.First, m.Last, m.Watermark, m.At}
}

// Mark implements [Marker].
func (p *Parquet) Mark(ctx context.Context, marks []Mark) error {
	for _, m := range marks {
		name, want := p.marker(m)
		data, err := json.Marshal(want)
		if err != nil {
			return fmt.Errorf("sink %s: encode %s: %w", p.sink, name, err)
		}
		err = store.PutBytes(ctx, p.store, name, append(data, '\n'))
		if errors.Is(err, store.ErrExists) {
			err = p.sameMarker(ctx, name, want)
		} else if err != nil {
			err = fmt.Errorf("sink %s: create %s: %w", p.sink, p.at(name), err)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (p *Parquet) sameMarker(ctx context.Context, name string, want marker) error {
	have, err := p.readMarker(ctx, name)
	if err != nil {
		return err
	}
	if have != want {
		return p.conflict(name, fmt.Sprintf("was there before and says other things: batch %d, %d rows in %d files; the log has batch %d, %d rows in %d files: the log or the output is an old copy, restore the newer one",
			have.Batch, have.Rows, have.Files, want.Batch, want.Rows, want.Files))
	}
	return nil
}

// readMarker reads a marker of ours; store.ErrNotExist when there is none.
func (p *Parquet) readMarker(ctx context.Context, name string) (marker, error) {
	var have marker
	data, err := p.store.Get(ctx, name)
	if err != nil {
		return have, fmt.Errorf("sink %s: read %s: %w", p.sink, p.at(name), err)
	}
	if err := json.NewDecoder(bytes.NewReader(data)).Decode(&have); err != nil || have.Format != formatVersion || have.Owner != p.owner {
		return have, p.conflict(name, "is in the way: this job did not write it; move it out of the output, or leave done_marker out")
	}
	return have, nil
}

// Marked implements [Marker]. A marker that this job did not write is a [ConflictError].
func (p *Parquet) Marked(ctx context.Context, dirs []string, before int64) ([]string, error) {
	var out []string
	for _, dir := range dirs {
		have, err := p.readMarker(ctx, dir+"/"+successName)
		switch {
		case errors.Is(err, store.ErrNotExist):
		case err != nil:
			return nil, err
		case have.Batch < before:
			out = append(out, dir)
		}
	}
	return out, nil
}

// TimePartitions implements [Marker].
func (p *Parquet) TimePartitions(batch int64, files []File, env *columnar.Env) ([]TimePartition, error) {
	sums := map[string]*TimePartition{}
	if err := p.sum(sums, batch, files, env); err != nil {
		return nil, err
	}
	return sortedPartitions(sums), nil
}

func sortedPartitions(sums map[string]*TimePartition) []TimePartition {
	var out []TimePartition
	for _, s := range sums {
		out = append(out, *s)
	}
	slices.SortFunc(out, func(a, b TimePartition) int { return strings.Compare(a.Dir, b.Dir) })
	return out
}

func (p *Parquet) sum(sums map[string]*TimePartition, batch int64, files []File, env *columnar.Env) error {
	depths := p.done.Depths()
	var zone *columnar.Zone
	if p.done.Zone != "" && len(files) > 0 {
		var err error
		if zone, err = env.Zone(p.done.Zone); err != nil {
			return fmt.Errorf("sink %s: directories that are complete: %w", p.sink, err)
		}
	}
	for _, f := range files {
		levels := strings.Split(path.Dir(f.Path), "/")
		for _, depth := range depths {
			if !p.isLayout(levels, depth) {
				continue // partition_by was another one then
			}
			dir := strings.Join(levels[:depth], "/")
			s := sums[dir]
			if s == nil {
				s = &TimePartition{Dir: dir, End: p.done.End(dir, zone), First: batch}
				sums[dir] = s
			}
			s.Rows, s.Files, s.Last = s.Rows+f.Rows, s.Files+1, batch
		}
	}
	return nil
}

// isLayout reports whether the first levels of a path are those of the layout.
func (p *Parquet) isLayout(levels []string, depth int) bool {
	for i := range depth {
		if i >= len(levels) || !strings.HasPrefix(levels[i], escapeHive(p.partitions.layout.Partitions[i].Name)+"=") {
			return false
		}
	}
	return true
}

// Written implements [Marker]: it reads the manifests.
func (p *Parquet) Written(ctx context.Context, before int64, env *columnar.Env) ([]TimePartition, error) {
	c, err := readCopies(ctx, p.store, before-1)
	if err != nil {
		return nil, fmt.Errorf("sink %s: %w", p.sink, err)
	}
	if len(c.bad) > 0 {
		return nil, p.conflict(c.bad[0].name, c.bad[0].msg)
	}
	sums := map[string]*TimePartition{}
	for _, m := range c.sorted() {
		if err := p.sum(sums, m.Batch, m.Files, env); err != nil {
			return nil, err
		}
	}
	return sortedPartitions(sums), nil
}
