package state

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

func sampleBlock(t testing.TB, rows int) []byte {
	t.Helper()
	table := NewTable(testShape())
	mergeRows(t, table, randomRows(rand.New(rand.NewPCG(6, 0)), rows))
	return snapshot(t, table)
}

// TestBlockLayout reads a block by the numbers of docs/formats/state.md, not by the constants of the code.
func TestBlockLayout(t *testing.T) {
	block := sampleBlock(t, 50)
	if got := string(block[:8]); got != "MRBLK\x00\x01\x00" {
		t.Errorf("begins with %q", got)
	}
	number := func(at int) int { return int(binary.LittleEndian.Uint32(block[at:])) }
	if number(12) != 3 || number(16) != 1 || number(20) != 0 {
		t.Errorf("keys %d, chunks %d, first row %d", number(12), number(16), number(20))
	}
	restored := load(t, 0, 255, block)
	groups := 0
	for _, start := range restored.Namespaces() {
		n, _ := restored.Held(start)
		groups += n
	}
	if got := number(20 + 4*256); got != groups {
		t.Errorf("the index ends at row %d of %d", got, groups)
	}
	if got := 1056 + number(1048); (got+7)/8*8 != len(block) {
		t.Errorf("the chunk ends at byte %d of %d", got, len(block))
	}
	if empty := sampleBlock(t, 0); len(empty) != 1048 {
		t.Errorf("an empty block has %d bytes", len(empty))
	}
}

func TestEveryFlippedBitIsFound(t *testing.T) {
	block := sampleBlock(t, 5)
	for bit := range 8 * len(block) {
		block[bit/8] ^= 1 << (bit % 8)
		if err := NewLoader(testShape()).Load(block, 0, 255); err == nil {
			t.Fatalf("bit %d of byte %d flipped: no error", bit%8, bit/8)
		}
		block[bit/8] ^= 1 << (bit % 8)
	}
	for n := range len(block) {
		var damage *CorruptError
		if err := NewLoader(testShape()).Load(block[:n], 0, 255); !errors.As(err, &damage) {
			t.Fatalf("cut to %d bytes: %v", n, err)
		}
	}
}

// TestDamageIsNamed changes blocks and makes their checksums right again, as faulty code would.
func TestDamageIsNamed(t *testing.T) {
	put := func(at int, v uint32) func([]byte) []byte {
		return func(b []byte) []byte { binary.LittleEndian.PutUint32(b[at:], v); return b }
	}
	cases := []struct {
		name   string
		change func([]byte) []byte
		want   string
	}{
		{"magic", func(b []byte) []byte { b[0] = 'X'; return b }, "load state: corrupt state block: it does not begin like one"},
		{"version", func(b []byte) []byte { b[versionAt] = 2; return b }, "load state: the state block has format 2, this program reads format 1"},
		{"keys", put(keysAt, 2), "load state: groups have 2 keys, the job needs 3"},
		{"chunks", put(chunksAt, 2), "rows in 2 chunks, not 1"},
		{"first row", put(indexAt, 1), "its rows run from 1 to "},
		{"index", put(indexAt+4*7, 1<<30), "key group 7 begins at row 1073741824 and ends at row"},
		{"length", put(lengthsAt, 1<<31), "chunk 0 of 2147483648 bytes is longer than what is left"},
		{"tail", func(b []byte) []byte { return append(b, make([]byte, 8)...) }, "bytes long, not"},
		{"chunk", func(b []byte) []byte { clear(b[lengthsAt+8:]); return b }, "corrupt state block: chunk 0: "},
		{"filing", fileAllUnder(9), "is not filed under its key group"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			block := c.change(sampleBlock(t, 50))
			seal(block)
			err := NewLoader(testShape()).Load(block, 0, 255)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
			if _, err := MergeBlocks([][]byte{block, sampleBlock(t, 1)}); err == nil {
				t.Error("MergeBlocks took it")
			}
		})
	}
}

// fileAllUnder moves every row into one key group.
func fileAllUnder(group int) func([]byte) []byte {
	return func(b []byte) []byte {
		rows := binary.LittleEndian.Uint32(b[indexAt+4*keyGroups:])
		for g := range keyGroups + 1 {
			first := uint32(0)
			if g > group {
				first = rows
			}
			binary.LittleEndian.PutUint32(b[indexAt+4*g:], first)
		}
		return b
	}
}

// TestOnlyNeededChunksAreRead damages the first of two chunks: what lies in the second is still read.
func TestOnlyNeededChunksAreRead(t *testing.T) {
	rows := make([]row, chunkRows+5000)
	for i := range rows {
		name := fmt.Sprint(i)
		rows[i] = row{name: &name, window: 10}
	}
	table := NewTable(testShape())
	mergeRows(t, table, rows)
	block := snapshot(t, table)
	if n := binary.LittleEndian.Uint32(block[chunksAt:]); n != 2 {
		t.Fatalf("%d chunks", n)
	}
	if !bytes.Equal(snapshot(t, load(t, 0, 255, block)), block) {
		t.Error("the block did not survive loading")
	}
	clear(block[lengthsAt+8 : lengthsAt+1000])
	seal(block)
	if got := load(t, 250, 255, block).Rows(); got == 0 || got > 5000 {
		t.Errorf("key groups 250 to 255 hold %d rows", got)
	}
	if err := NewLoader(testShape()).Load(block, 0, 0); err == nil {
		t.Error("the damaged chunk was read without an error")
	}
}

// TestAlignment: a block may lie anywhere in memory, such as behind a record's header.
func TestAlignment(t *testing.T) {
	block := sampleBlock(t, 30)
	for shift := range 8 {
		moved := append(make([]byte, shift), block...)[shift:]
		if !bytes.Equal(snapshot(t, load(t, 0, 255, moved)), block) {
			t.Errorf("moved by %d bytes, the block holds something else", shift)
		}
	}
}

func TestLoaderKeepsNothingOfTheBlock(t *testing.T) {
	block := sampleBlock(t, 30)
	l := NewLoader(testShape())
	reused := bytes.Clone(block)
	if err := l.Load(reused, 0, 255); err != nil {
		t.Fatal(err)
	}
	clear(reused)
	table, err := l.Table(inTurn)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(snapshot(t, table), block) {
		t.Error("the loaded groups changed with the memory of the block")
	}
}

func TestMergeBlocksRefuses(t *testing.T) {
	block := sampleBlock(t, 10)
	if _, err := MergeBlocks(nil); err == nil {
		t.Error("no blocks: no error")
	}
	if _, err := MergeBlocks([][]byte{block, block}); err == nil || !strings.Contains(err.Error(), "same keys") {
		t.Errorf("the same groups in two shards: %v", err)
	}
}

// FuzzLoad feeds damaged blocks, also with right checksums. Loading never panics, and what loads gives a block again. Some damage is only seen as
// the table is made.
func FuzzLoad(f *testing.F) {
	for _, rows := range []int{0, 1, 40} {
		f.Add(sampleBlock(f, rows), uint8(0), uint8(255), true)
	}
	f.Fuzz(func(t *testing.T, block []byte, from, to uint8, sealed bool) {
		if sealed && len(block) >= lengthsAt {
			block = bytes.Clone(block)
			seal(block)
		}
		l := NewLoader(testShape())
		if l.Load(block, from, to) != nil || from > to {
			return
		}
		table, err := l.Table(inTurn)
		if err != nil {
			return
		}
		first := snapshot(t, table)
		if again := snapshot(t, load(t, from, to, first)); !bytes.Equal(again, first) {
			t.Error("the state changed on its way through a block")
		}
	})
}
