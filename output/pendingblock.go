package output

import (
	"encoding/binary"
	"encoding/json"
	"fmt"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/offsets"
)

// Constants of the block of pending rows, docs/formats/state.md. They must not change.
const (
	pendingMagic  = "MRPENDG1"
	pendingHeader = len(pendingMagic) + 4
)

// pendingHead is the JSON that a block begins with.
type pendingHead struct {
	Batch  int64           `json:"batch"`
	Ranges []offsets.Range `json:"ranges"` // of the batch, for the footers of files
}

// pendingBlock writes a block.
type pendingBlock struct{ data []byte }

func newPendingBlock(info BatchInfo) (*pendingBlock, error) {
	head, err := json.Marshal(pendingHead{info.Batch, info.Ranges})
	if err != nil {
		return nil, fmt.Errorf("encode ranges: %w", err)
	}
	data := binary.LittleEndian.AppendUint32([]byte(pendingMagic), uint32(len(head)))
	return &pendingBlock{append(data, head...)}, nil
}

// add appends rows, which have the columns of files, and returns where they stand.
func (b *pendingBlock) add(rows runs) (offset, length int, err error) {
	parts := make([]*columnar.Batch, len(rows))
	for i, r := range rows {
		parts[i] = columnar.Take(r.batch, r.sel)
	}
	all := columnar.Concat(parts)
	offset = len(b.data)
	if b.data, err = columnar.AppendIPC(b.data, all, 0, all.Rows); err != nil {
		return 0, 0, err
	}
	return offset, len(b.data) - offset, nil
}

// readPendingHead returns what stands at the beginning of a block.
func readPendingHead(block []byte) (head pendingHead, err error) {
	if len(block) < pendingHeader || string(block[:len(pendingMagic)]) != pendingMagic {
		return head, fmt.Errorf("block of pending rows: it does not begin with %s", pendingMagic)
	}
	n := int64(binary.LittleEndian.Uint32(block[len(pendingMagic):]))
	if n > int64(len(block)-pendingHeader) {
		return head, fmt.Errorf("block of pending rows: a head of %d bytes in a block of %d", n, len(block))
	}
	if err := json.Unmarshal(block[pendingHeader:pendingHeader+int(n)], &head); err != nil {
		return head, fmt.Errorf("block of pending rows: %w", err)
	}
	return head, nil
}

// readPending returns the rows of a piece.
func readPending(block []byte, p *PendingPiece) (*columnar.Batch, error) {
	if p.Offset < 0 || p.Length < 0 || p.Offset > len(block) || p.Length > len(block)-p.Offset {
		return nil, fmt.Errorf("block of pending rows: a piece of %d bytes at %d in a block of %d", p.Length, p.Offset, len(block))
	}
	b, err := columnar.DecodeIPC(block[p.Offset : p.Offset+p.Length])
	if err != nil {
		return nil, fmt.Errorf("block of pending rows: %w", err)
	}
	if int64(b.Rows) != p.Rows {
		return nil, fmt.Errorf("block of pending rows: a piece of %d rows, the log has %d", b.Rows, p.Rows)
	}
	return b, nil
}

// sameColumns reports how columns of pending rows differ from those of files of today.
func sameColumns(have, want *columnar.Schema) error {
	if len(have.Fields) != len(want.Fields) {
		return fmt.Errorf("they have %d columns, files have %d", len(have.Fields), len(want.Fields))
	}
	for i, f := range have.Fields {
		if w := want.Fields[i]; f.Name != w.Name || f.Type.String() != w.Type.String() {
			return fmt.Errorf("their column %d is %s (%s), of files it is %s (%s)", i+1, f.Name, f.Type, w.Name, w.Type)
		}
	}
	return nil
}
