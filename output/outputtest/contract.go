package outputtest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/offsets"
	"github.com/millrace/millrace/output"
)

// Place is where a sink's output lives, beyond the life of a process.
type Place struct {
	// Open starts a process that writes rows of [Layout] to the place.
	Open func(owner output.Owner) (output.Sink, error)
	// Read returns the rows that a reader sees, each as "key number", in any order.
	Read func() ([]string, error)
	// Interrupt makes the next Publish fail behind its n-th visible step.
	Interrupt func(n int)
}

// Layout is the layout of the contract's rows: key and number, partitioned by key.
func Layout() output.Layout {
	s := columnar.NewSchema(
		columnar.Field{Name: "key", Type: columnar.Type{Kind: columnar.String}},
		columnar.Field{Name: "number", Type: columnar.Type{Kind: columnar.Int64}})
	return output.Layout{Schema: s, Columns: []int{1}, Partitions: []output.PartitionExpr{{Name: "key", Expr: columnar.Col(s, 0)}}}
}

// Me is the owner of the contract's output.
var Me = output.Owner{Job: "job", Checkpoint: "c0ffee"}

// TestSink runs the contract of output.Sink on empty places made by fresh.
func TestSink(t *testing.T, fresh func(t *testing.T) Place) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, *process)
	}{
		{"rows are visible when published, not before", testVisible},
		{"rows are copied", testCopied},
		{"publishing twice is publishing once", testTwice},
		{"a second process finds its own work", testSecondProcess},
		{"a crash in the middle is finished by the next process", testCrash},
		{"other rows are a conflict and change nothing", testOtherRows},
		{"a rerun that makes the same goes on", testRerun},
		{"a rerun refuses what it does not make, before it shows anything", testLeftover},
		{"a rerun without files asks whether anything is visible", testNothingLeft},
		{"another owner is refused", testOwner},
		{"a commit is remembered", testCommitted},
		{"a batch without rows leaves nothing", testEmpty},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, start(t, fresh(t))) })
	}
}

// process is one life of a sink.
type process struct {
	t     *testing.T
	place Place
	sink  output.Sink
}

func start(t *testing.T, place Place) *process {
	t.Helper()
	sink, err := place.Open(Me)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	return &process{t, place, sink}
}

// restart begins another life at the same place.
func (p *process) restart() *process {
	p.t.Helper()
	return start(p.t, p.place)
}

func (p *process) prepare(batch int64, shards ...output.Shard) *output.Prepared {
	p.t.Helper()
	pr, err := p.sink.Prepare(context.Background(), Info(batch), shards, nil)
	if err != nil {
		p.t.Fatalf("prepare batch %d: %v", batch, err)
	}
	return pr
}

// rerun prepares a batch that an earlier life may have published.
func (p *process) rerun(batch int64, shards ...output.Shard) *output.Prepared {
	p.t.Helper()
	info := Info(batch)
	info.Rerun = true
	pr, err := p.sink.Prepare(context.Background(), info, shards, nil)
	if err != nil {
		p.t.Fatalf("prepare batch %d again: %v", batch, err)
	}
	return pr
}

// refused publishes what must be a conflict, and returns the error.
func (p *process) refused(pr *output.Prepared) *output.ConflictError {
	p.t.Helper()
	var conflict *output.ConflictError
	if err := p.sink.Publish(context.Background(), pr); !errors.As(err, &conflict) {
		p.t.Fatalf("publish batch %d: %v, want a ConflictError", pr.Info.Batch, err)
	}
	return conflict
}

func (p *process) publish(pr *output.Prepared) {
	p.t.Helper()
	if err := p.sink.Publish(context.Background(), pr); err != nil {
		p.t.Fatalf("publish batch %d: %v", pr.Info.Batch, err)
	}
}

func (p *process) want(rows ...string) {
	p.t.Helper()
	got, err := p.place.Read()
	if err != nil {
		p.t.Fatalf("read: %v", err)
	}
	slices.Sort(got)
	slices.Sort(rows)
	if !slices.Equal(got, rows) {
		p.t.Errorf("a reader sees %q, want %q", got, rows)
	}
}

// Info is a batch of the contract's job.
func Info(batch int64) output.BatchInfo {
	return output.BatchInfo{
		Job: Me.Job, JobHash: fmt.Sprintf("%064x", 0xabcdef), Batch: batch, PlanTime: 1_700_000_000_000_000, Shards: 2,
		Ranges: []offsets.Range{{Source: "events", Topic: "t", From: 10 * batch, Until: 10*batch + 10, LeaderEpoch: 3}},
	}
}

// twoShards holds the rows "a 1", "b 2", "a 3" and, in the second shard, "c 4", "a 5".
func twoShards() []output.Shard {
	s := Layout().Schema
	return []output.Shard{
		{ID: 0, Rows: []*columnar.Batch{Batch(s, Row{"a", int64(1)}, Row{"b", int64(2)}), Batch(s, Row{"a", int64(3)})}},
		{ID: 1, Rows: []*columnar.Batch{Batch(s, Row{"c", int64(4)}, Row{"a", int64(5)})}},
	}
}

var twoShardsRows = []string{"a 1", "b 2", "a 3", "c 4", "a 5"}

func testVisible(_ *testing.T, p *process) {
	first := p.prepare(1, twoShards()...)
	p.want()
	p.publish(first)
	p.want(twoShardsRows...)
	p.publish(p.prepare(2, output.Shard{ID: 1, Rows: []*columnar.Batch{Batch(Layout().Schema, Row{"a", int64(6)})}}))
	p.want(append(slices.Clone(twoShardsRows), "a 6")...)
}

func testCopied(_ *testing.T, p *process) {
	shards := twoShards()
	pr := p.prepare(1, shards...)
	for _, s := range shards {
		for _, b := range s.Rows {
			clear(b.Cols[0].Data)
			clear(b.Cols[1].I64)
		}
	}
	p.publish(pr)
	p.want(twoShardsRows...)
}

func testTwice(t *testing.T, p *process) {
	pr := p.prepare(1, twoShards()...)
	p.publish(pr)
	files := slices.Clone(pr.Files)
	p.publish(pr)
	p.want(twoShardsRows...)
	if !slices.Equal(pr.Files, files) {
		t.Errorf("the second time changed the files from %v to %v", files, pr.Files)
	}
}

func testSecondProcess(t *testing.T, p *process) {
	first := p.prepare(1, twoShards()...)
	p.publish(first)
	p = p.restart()
	second := p.prepare(1, twoShards()...)
	p.publish(second)
	p.want(twoShardsRows...)
	if !slices.Equal(first.Files, second.Files) {
		t.Errorf("the second process lists the files %v, the first %v", second.Files, first.Files)
	}
}

func testCrash(t *testing.T, p *process) {
	ctx := context.Background()
	var want []string
	for step := range 3 {
		batch := int64(step + 1)
		pr := p.prepare(batch, twoShards()...)
		p.place.Interrupt(step)
		err := p.sink.Publish(ctx, pr)
		if len(pr.Files) > step && err == nil {
			t.Errorf("an interrupt behind step %d of %d went by unnoticed", step, len(pr.Files))
		}
		p = p.restart()
		p.publish(p.rerun(batch, twoShards()...))
		want = append(want, twoShardsRows...)
		p.want(want...)
	}
}

func testOtherRows(_ *testing.T, p *process) {
	p.publish(p.prepare(1, twoShards()...))
	p = p.restart()
	other := twoShards()
	other[1].Rows[0].Cols[1].I64[1]++
	p.refused(p.prepare(1, other...))
	p.want(twoShardsRows...)
}

func testRerun(_ *testing.T, p *process) {
	p.publish(p.rerun(1, twoShards()...))
	p.publish(p.rerun(1, twoShards()...))
	p = p.restart()
	p.publish(p.rerun(1, twoShards()...))
	p.want(twoShardsRows...)
	// Batch 1 is no earlier attempt at batch 2 or 11, nor is 11 one at 1.
	p.publish(p.rerun(2))
	p.publish(p.rerun(11, twoShards()[1:]...))
	p.publish(p.rerun(1, twoShards()...))
	p.want(append(slices.Clone(twoShardsRows), "c 4", "a 5")...)
}

func testLeftover(t *testing.T, p *process) {
	first := p.prepare(1, twoShards()[1])
	p.publish(first)
	p = p.restart()
	if got := p.refused(p.rerun(1, twoShards()[0])).Path; !slices.ContainsFunc(first.Files, func(f output.File) bool { return strings.HasSuffix(got, f.Path) }) {
		t.Errorf("the error is about %s, want one of %v", got, first.Files)
	}
	p.want("c 4", "a 5")
}

func testNothingLeft(_ *testing.T, p *process) {
	p.publish(p.rerun(1))
	again := Info(1)
	again.Rerun = true
	p.publish(&output.Prepared{Info: again})
	p.want()
	p.publish(p.prepare(1, twoShards()...))
	p.refused(p.rerun(1))
	p.refused(&output.Prepared{Info: again})
	p.want(twoShardsRows...)
}

func testOwner(t *testing.T, p *process) {
	for _, owner := range []output.Owner{{Job: "other", Checkpoint: Me.Checkpoint}, {Job: Me.Job, Checkpoint: "decaf"}} {
		_, err := p.place.Open(owner)
		var owned *output.OwnedError
		if !errors.As(err, &owned) {
			t.Errorf("open as %v: %v, want an OwnedError", owner, err)
		} else if owned.Owner != Me || owned.Want != owner {
			t.Errorf("open as %v: error says it belongs to %v and %v asked", owner, owned.Owner, owned.Want)
		}
	}
	p.restart()
}

func testCommitted(t *testing.T, p *process) {
	ctx := context.Background()
	for batch := int64(0); batch < 3; batch++ {
		if got, err := p.sink.Published(ctx); got.Batch != batch || err != nil {
			t.Errorf("Published() = %+v, %v after batch %d", got, err, batch)
		}
		pr := p.prepare(batch+1, twoShards()...)
		p.publish(pr)
		for range 2 {
			if err := p.sink.Committed(ctx, batch+1, pr.Files); err != nil {
				t.Errorf("committed batch %d: %v", batch+1, err)
			}
			p = p.restart()
		}
	}
	files := []output.File{{Path: "x", Rows: 1}}
	var conflict *output.ConflictError
	if err := p.sink.Committed(ctx, 3, files); !errors.As(err, &conflict) {
		t.Errorf("committing batch 3 with other files: %v, want a ConflictError", err)
	}
}

func testEmpty(t *testing.T, p *process) {
	ctx := context.Background()
	none := Batch(Layout().Schema)
	unselected := Batch(Layout().Schema, Row{"a", int64(1)})
	unselected.Sel = []int32{}
	pr := p.prepare(1, output.Shard{ID: 0}, output.Shard{ID: 1, Rows: []*columnar.Batch{none, unselected}})
	if len(pr.Files) != 0 || pr.Rows != 0 {
		t.Errorf("a batch without rows has %d rows in the files %v", pr.Rows, pr.Files)
	}
	p.publish(pr)
	p.want()
	if err := p.sink.Committed(ctx, 1, pr.Files); err != nil {
		t.Errorf("committed: %v", err)
	}
	if got, err := p.sink.Published(ctx); got.Batch != 0 || err != nil {
		t.Errorf("Published() = %+v, %v after a batch without rows, want 0", got, err)
	}
}
