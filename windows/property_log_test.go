package windows_test

import (
	"fmt"
	"slices"

	"github.com/millrace/millrace/internal/state"
	"github.com/millrace/millrace/windows"
)

// kept is the state block of a commit and the watermark behind it.
type kept struct {
	block     []byte
	opened    *state.Block // nil until the first process reads it
	watermark int64
}

// commit keeps the state: its changes, or now and then all of it.
func (l *life) commit(step int, after committed) error {
	l.marks = after
	if l.second != nil {
		if err := l.second.commit(step, l.second.after); err != nil {
			return fmt.Errorf("second window: %w", err)
		}
	}
	if !l.restartsAfter(step) { // nobody will look
		return l.forgetChanges()
	}
	snapshot := l.IntN(5) == 0
	var blocks [][]byte
	var held int64
	for _, shard := range l.shards {
		take := shard.Delta
		if snapshot {
			take = shard.Snapshot
		}
		block, err := take()
		if err != nil {
			return err
		}
		blocks, held = append(blocks, block), held+shard.RowsHeld()+shard.Remembered()
	}
	if snapshot || held == 0 {
		l.chain = nil // what is older is of no use
	}
	if held == 0 {
		return nil
	}
	block, err := state.MergeBlocks(blocks)
	l.chain = append(l.chain, kept{block: block, watermark: after.operator})
	return err
}

// forgetChanges ends the batch for shards that tell what it has changed.
func (l *life) forgetChanges() error {
	for _, shard := range l.shards {
		if !l.emit.Changelog {
			break
		}
		if _, err := shard.Delta(); err != nil {
			return err
		}
	}
	return nil
}

// restartsAfter reports whether another process goes on with the job behind a step.
func (s *scenario) restartsAfter(i int) bool {
	return slices.ContainsFunc(s.steps[i+1:], func(b step) bool { return b.newEpoch || 0 < b.dies && b.dies < 4 })
}

// restore makes the shards from the log.
func (l *life) restore(shards int) {
	if l.second != nil {
		l.second.restore(shards)
	}
	l.shards = nil
	for i := range l.chain {
		l.chain[i].open()
	}
	for s := range shards {
		shard := windows.NewAggregate(l.operator())
		from, to := keyGroups(s, shards)
		for _, k := range l.chain {
			if err := shard.LoadBlock(k.opened, from, to); err != nil {
				panic(fmt.Sprintf("load a block that was just written: %v", err))
			}
			shard.DropClosed(k.watermark)
		}
		l.shards = append(l.shards, shard)
	}
}

// open decodes the block, once for all shards.
func (k *kept) open() {
	if k.opened != nil {
		return
	}
	opened, err := state.OpenBlock(k.block, func(n int, f func(i int) error) error {
		for i := range n {
			if err := f(i); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		panic(fmt.Sprintf("open a block that was just written: %v", err))
	}
	k.opened = opened
}

// keyGroups is the run of key groups of a shard.
func keyGroups(shard, shards int) (from, to uint8) {
	return uint8((shard*256 + shards - 1) / shards), uint8(((shard+1)*256+shards-1)/shards - 1)
}
