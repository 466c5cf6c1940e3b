package columnar

import (
	"encoding/binary"
	"testing"
)

// TestFieldsThatOverlap checks metadata of a few hundred bytes in which every field has the next one twice as its child:
// as a tree it is 2^40 fields.
func TestFieldsThatOverlap(t *testing.T) {
	const levels, vtable, stride = 40, 18, 20
	buf := binary.LittleEndian.AppendUint16(nil, vtable)
	for range vtable/2 - 1 {
		buf = binary.LittleEndian.AppendUint16(buf, 0)
	}
	binary.LittleEndian.PutUint16(buf[4+2*fbFieldChildren:], 4)
	buf = append(buf, 0, 0)
	top := len(buf) + 4
	buf = binary.LittleEndian.AppendUint32(buf, 4) // the offset of the first field
	for level := range levels {
		at := len(buf)
		children := uint32(2)
		if level == levels-1 {
			children = 0
		}
		buf = binary.LittleEndian.AppendUint32(buf, uint32(at)) // back to the vtable
		buf = binary.LittleEndian.AppendUint32(buf, 4)          // to the vector of children
		buf = binary.LittleEndian.AppendUint32(buf, children)
		buf = binary.LittleEndian.AppendUint32(buf, stride-12)
		buf = binary.LittleEndian.AppendUint32(buf, stride-16)
	}
	left := len(buf) / fbTableBytes
	if err := checkFields(fbTable{buf: buf}, int64(top)-4, 1, maxTypeDepth, &left); err != errMetadata {
		t.Errorf("got %v, want %v", err, errMetadata)
	}
	left = 1 << 20
	if err := checkFields(fbTable{buf: buf}, int64(top)-4, 1, levels-1, &left); err == nil || err.Error() != "columns are nested deeper than 64" {
		t.Errorf("got %v", err)
	}
}
