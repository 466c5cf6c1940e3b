package outputtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/millrace/millrace/output"
)

// ErrCrash is what Publish returns where [Memory.Interrupt] cut it short.
var ErrCrash = errors.New("crash")

// Memory is a place for output that outlives its sinks. The rows of one batch and shard become visible at once, those
// of a batch shard by shard. Safe for concurrent use; the sinks are not.
type Memory struct {
	mu        sync.Mutex
	owner     *output.Owner
	files     map[string][]string // name → rows
	names     []string            // in order of creation
	committed map[int64][]output.File
	left      int // visible steps until the crash, −1: none
}

// NewMemory returns an empty place.
func NewMemory() *Memory {
	return &Memory{files: map[string][]string{}, committed: map[int64][]output.File{}, left: -1}
}

// Interrupt makes the next Publish fail with [ErrCrash] when it has made n shards visible.
func (m *Memory) Interrupt(n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.left = n
}

// Rows returns the visible rows as JSON objects, as [output.Stdout] prints them, in the order in which they became
// visible.
func (m *Memory) Rows() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []string
	for _, name := range m.names {
		out = append(out, m.files[name]...)
	}
	return out
}

// Open returns a sink that writes the columns of l, as a process that starts does.
func (m *Memory) Open(sink string, l output.Layout, owner output.Owner) (output.Sink, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.owner == nil {
		m.owner = &owner
	}
	if *m.owner != owner {
		return nil, &output.OwnedError{Sink: sink, Path: "memory", Owner: *m.owner, Want: owner}
	}
	return &memorySink{m: m, sink: sink, layout: l, work: map[*output.Prepared][][]string{}}, nil
}

// create makes rows visible, or finds them there.
func (m *Memory) create(sink, name string, rows []string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if have, ok := m.files[name]; ok {
		if slices.Equal(have, rows) {
			return nil
		}
		return &output.ConflictError{Sink: sink, Path: name, Msg: "was there before with other rows"}
	}
	if m.left == 0 {
		m.left = -1
		return ErrCrash
	}
	if m.left > 0 {
		m.left--
	}
	m.files[name] = rows
	m.names = append(m.names, name)
	return nil
}

// leftover is the first file of the batch that p does not hold, "" for none.
func (m *Memory) leftover(p *output.Prepared) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, name := range m.names {
		mine := slices.ContainsFunc(p.Files, func(f output.File) bool { return f.Path == name })
		if !mine && strings.HasPrefix(name, batchPrefix(p.Info.Batch)) {
			return name
		}
	}
	return ""
}

// batchPrefix begins the names of a batch's files.
func batchPrefix(batch int64) string { return fmt.Sprintf("b%012d-", batch) }

// memorySink implements output.Sink.
type memorySink struct {
	m      *Memory
	sink   string
	layout output.Layout
	work   map[*output.Prepared][][]string // rows of each file
}

func (s *memorySink) Prepare(ctx context.Context, info output.BatchInfo, shards []output.Shard, _ *output.Pending) (*output.Prepared, error) {
	p := &output.Prepared{Info: info}
	var files [][]string
	for _, shard := range shards {
		rows, err := s.render(ctx, info, shard)
		if err != nil {
			return nil, err
		}
		if len(rows) == 0 {
			continue
		}
		name := fmt.Sprintf("%ss%03d", batchPrefix(info.Batch), shard.ID)
		p.Files = append(p.Files, output.File{Path: name, Rows: int64(len(rows))})
		p.Rows += int64(len(rows))
		files = append(files, rows)
	}
	s.work[p] = files
	return p, nil
}

func (s *memorySink) render(ctx context.Context, info output.BatchInfo, shard output.Shard) ([]string, error) {
	var text bytes.Buffer
	printer, err := output.NewStdout(s.sink, &text, s.layout)
	if err != nil {
		return nil, err
	}
	p, err := printer.Prepare(ctx, info, []output.Shard{shard}, nil)
	if err != nil {
		return nil, err
	}
	if err := printer.Publish(ctx, p); err != nil || p.Rows == 0 {
		return nil, err
	}
	return strings.Split(strings.TrimSuffix(text.String(), "\n"), "\n"), nil
}

func (s *memorySink) Publish(_ context.Context, p *output.Prepared) error {
	files := s.work[p]
	if len(files) != len(p.Files) {
		return fmt.Errorf("sink %s: batch %d was prepared by another sink", s.sink, p.Info.Batch)
	}
	if left := s.m.leftover(p); p.Info.Rerun && left != "" {
		return &output.ConflictError{Sink: s.sink, Path: left, Msg: fmt.Sprintf("is there from an earlier attempt at batch %d, which the rerun does not make", p.Info.Batch)}
	}
	for i, rows := range files {
		if err := s.m.create(s.sink, p.Files[i].Path, rows); err != nil {
			return err
		}
	}
	return nil
}

func (s *memorySink) Committed(_ context.Context, batch int64, files []output.File) error {
	s.m.mu.Lock()
	defer s.m.mu.Unlock()
	if len(files) == 0 {
		return nil
	}
	if have, ok := s.m.committed[batch]; ok && !slices.Equal(have, files) {
		return &output.ConflictError{Sink: s.sink, Path: fmt.Sprintf("batch %d", batch), Msg: "was committed with other files"}
	}
	s.m.committed[batch] = slices.Clone(files)
	return nil
}

func (s *memorySink) Published(context.Context) (output.Standing, error) {
	s.m.mu.Lock()
	defer s.m.mu.Unlock()
	var at output.Standing
	for batch := range s.m.committed {
		at.Batch = max(at.Batch, batch)
	}
	return at, nil
}
