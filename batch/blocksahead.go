package batch

import (
	"context"
	"fmt"

	"github.com/millrace/millrace/dstream"
	"github.com/millrace/millrace/internal/state"
	"github.com/millrace/millrace/internal/store"
)

// blocksAhead reads the blocks of an operator's state, one ahead: while the groups of a block are merged, which one core does for each
// shard, the next one is fetched, checked and decoded.
type blocksAhead struct {
	s     *session
	ctx   context.Context
	blobs store.Blobs
	x     *dstream.Exchange
	rest  []blockAt
	next  *state.Block // or err, when wait has returned
	err   error
	wait  func() // nil: nothing is under way
}

// blockAt is a block that a batch has logged.
type blockAt struct {
	*StateBlock
	batch int64
}

func (s *session) readBlocks(ctx context.Context, blobs store.Blobs, x *dstream.Exchange, states []VersionedState) *blocksAhead {
	a := &blocksAhead{s: s, ctx: ctx, blobs: blobs, x: x}
	for _, v := range states {
		for _, b := range v.blocksOf(x.Name) {
			a.rest = append(a.rest, blockAt{b, v.Batch})
		}
	}
	return a
}

// take returns the next block, of which there is one.
func (a *blocksAhead) take() (*state.Block, error) {
	a.begin()
	a.stop()
	block, err := a.next, a.err
	if err == nil && len(a.rest) > 0 && a.s.smallBlock(a.rest[0].Bytes) {
		a.begin()
	}
	return block, err
}

// begin has the next block read, unless it is under way.
func (a *blocksAhead) begin() {
	if a.wait != nil {
		return
	}
	b := a.rest[0]
	a.rest, a.next = a.rest[1:], nil
	read := func() { a.next, a.err = a.read(b) }
	if a.wait = func() {}; a.s.beside == nil {
		read()
		return
	}
	a.wait = a.s.beside(read)
}

// stop waits for what is under way.
func (a *blocksAhead) stop() {
	if a.wait != nil {
		a.wait()
		a.wait = nil
	}
}

func (a *blocksAhead) read(b blockAt) (*state.Block, error) {
	if want := stateSchema(a.x); b.Schema != want {
		return nil, otherSchema(a.x.Name, b.batch, b.Schema, want)
	}
	block, blobs := b.inline, a.blobs
	if b.Digest != "" {
		var err error
		if b.Epoch > 0 {
			blobs = stateBlobs(blobs, b.batch, b.Epoch)
		}
		if block, err = blobs.Get(a.ctx, b.Digest); err != nil {
			return nil, fmt.Errorf("read state of batch %d: %w", b.batch, err)
		}
	}
	opened, err := a.s.openBlock(b.StateBlock, block)
	if err != nil {
		return nil, loadError(a.x, b.batch, err)
	}
	return opened, nil
}

func (s *session) openBlock(b *StateBlock, block []byte) (*state.Block, error) {
	if b.Groups != nil {
		return state.OpenSlice(block, b.Groups[0], b.Groups[1], s.each)
	}
	return state.OpenBlock(block, s.each)
}

// smallBlock reports whether there is room for a block of so many bytes beside another one.
func (s *session) smallBlock(size int) bool {
	total := s.worker.memory.Total
	return total <= 0 || int64(size) <= total/16
}
