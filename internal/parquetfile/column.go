package parquetfile

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
	"math/bits"

	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"

	"github.com/millrace/millrace/columnar"
)

// Constants that decide the bytes of a file. Changing one changes the bytes of a rerun under a new version, not its rows.
const (
	// BlockRows is how many rows a block has, at whose end a page may end; less where strings are long. The first one begins with
	// the row group.
	BlockRows = 256

	// blockText ends a block of strings earlier, with the one that brings it to so many bytes.
	blockText = 512 << 10

	pageBytes     = 256 << 10 // a page ends when its values in PLAIN, or 4 bytes for each code, are so many
	dictionaryMax = 1 << 20   // bytes of a dictionary, from which on strings are written as they are
	sampleValues  = 1 << 14   // strings looked at before most of them being different says that codes do not pay
)

// column makes the column chunks of one leaf.
type column struct {
	leaf
	codec      Codec
	keep       Keep
	*workspace // while it is fed

	// The chunk so far.
	coded      bool     // strings go into the dictionary
	dictPage   []byte   // its dictionary page, when it is ended
	pieces     [][]byte // of its data pages, those that are kept
	chunk      []byte   // and behind those
	kept       int64    // bytes of pieces
	plainSize  int64    // of all pages, uncompressed, with their headers
	pages      []pageIndex
	pageBounds []bounds
	bounds     bounds // of all pages
	slots      int64
	nulls      int64
	textBytes  int64
	codedPages int32
	lastRows   int64   // of the last page
	defs, reps []int64 // how many of each level
	err        error
	blockRows  int   // rows behind the last end of a block
	blockBytes int64 // and the bytes of their strings
}

// page is a data page that is being made.
type page struct {
	levels
	rows   int // that begin in it
	values int // that are there
	data   []byte
	codes  []uint32
	bounds bounds
}

// pageIndex is what the page index says of a page.
type pageIndex struct {
	offset     int64 // in the chunk's data pages
	size       int32 // with its header
	firstRow   int64
	slots      int64
	nulls      int64
	defs, reps []int64
}

func newColumn(l leaf, c Codec) *column {
	out := &column{leaf: l, codec: c}
	out.reset()
	return out
}

// reset begins a chunk.
func (c *column) reset() {
	c.giveBack()
	c.coded = c.phys == format.ByteArray
	if len(c.dictPage) >= keptLeast { // it is part of a file
		c.dictPage = nil
	}
	c.dictPage, c.pieces, c.kept = c.dictPage[:0], nil, 0
	c.chunk, c.pages, c.pageBounds = c.chunk[:0], c.pages[:0], c.pageBounds[:0]
	c.bounds, c.plainSize, c.slots, c.nulls, c.textBytes, c.codedPages = bounds{}, 0, 0, 0, 0, 0
	c.defs, c.reps = make([]int64, c.maxDef+1), make([]int64, c.maxRep+1)
	c.err, c.blockRows, c.blockBytes = nil, 0, 0
}

func (p *page) reset() {
	p.levels.reset()
	p.data, p.codes = p.data[:0], p.codes[:0]
	p.rows, p.values, p.bounds = 0, 0, bounds{}
}

func (c *column) pageID() uint32 { return uint32(len(c.pages)) + 1 }

// append takes rows sel of v, block by block.
func (c *column) append(v *columnar.Vector, sel []int32) {
	c.borrow()
	for len(sel) > 0 && c.err == nil {
		n := c.block(v, sel)
		c.part(v, sel[:n])
		sel = sel[n:]
		if c.blockRows += n; c.blockRows == BlockRows || c.blockBytes >= blockText {
			c.blockRows, c.blockBytes = 0, 0
			c.endBlock()
		}
	}
}

// block is how many of rows sel of v, one at least, belong to the block under way, whose strings are counted.
func (c *column) block(v *columnar.Vector, sel []int32) int {
	n := min(len(sel), BlockRows-c.blockRows)
	if c.phys != format.ByteArray || c.path != nil {
		return n
	}
	if first, last := sel[0], sel[n-1]; v.Valid == nil && int(last-first) == n-1 { // in a row: rows are in order
		if all := c.blockBytes + int64(v.Off[last+1]-v.Off[first]); all < blockText {
			c.blockBytes = all
			return n
		}
	}
	for i, r := range sel[:n] {
		if v.Valid != nil && v.IsNull(int(r)) {
			continue
		}
		if c.blockBytes += int64(v.Off[r+1] - v.Off[r]); c.blockBytes >= blockText {
			return i + 1
		}
	}
	return n
}

func (c *column) part(v *columnar.Vector, sel []int32) {
	c.page.rows += len(sel)
	if c.path == nil {
		c.values(v, c.page.flat(v, sel))
		return
	}
	rows := c.page.nested(v, sel, c.path)
	for _, kid := range c.path {
		v = v.Kids[kid]
	}
	c.values(v, rows)
}

// endBlock ends the page when it is large, or its strings should not be codes any more.
func (c *column) endBlock() {
	if c.coded && !c.worthCodes() {
		c.stopCodes()
		return
	}
	if len(c.page.data)+4*len(c.page.codes) >= pageBytes {
		c.endPage()
	}
}

func (c *column) worthCodes() bool {
	if len(c.dict.plain) > dictionaryMax {
		return false
	}
	seen := int(c.slots-c.nulls) + c.page.values
	return seen < sampleValues || c.repeats(seen)
}

// repeats reports whether less than nine tenths of so many strings are different.
func (c *column) repeats(seen int) bool { return 10*c.dict.len() < 9*seen }

// stopCodes lets the strings that follow be written as they are. Those of the first page are too, unless they repeat.
func (c *column) stopCodes() {
	if c.codedPages > 0 || c.repeats(c.page.values) {
		c.endPage()
		c.coded = false
		return
	}
	c.uncode()
	if len(c.page.data) >= pageBytes {
		c.endPage()
	}
}

// uncode makes strings of the page's codes. There are no other coded pages, so the dictionary is not needed any more.
func (c *column) uncode() {
	for _, code := range c.page.codes {
		s := c.dict.entry(code)
		c.page.data = binary.LittleEndian.AppendUint32(c.page.data, uint32(len(s)))
		c.page.data = append(c.page.data, s...)
	}
	c.page.codes, c.coded = c.page.codes[:0], false
}

// end ends the chunk.
func (c *column) end() error {
	c.borrow()
	defer c.giveBack()
	if c.coded && c.codedPages == 0 && !c.repeats(c.page.values) {
		c.uncode()
	}
	if c.page.rows > 0 {
		c.endPage()
	}
	if c.err == nil && c.codedPages > 0 {
		c.endDictionary()
	}
	if c.err == nil && len(c.chunk) >= keptLeast {
		c.keepChunk()
	}
	return c.err
}

// endDictionary makes the page of the dictionary.
func (c *column) endDictionary() {
	head := format.PageHeader{Type: format.DictionaryPage, DictionaryPageHeader: thrift.New(format.DictionaryPageHeader{NumValues: int32(c.dict.len()), Encoding: format.Plain})}
	var size int64
	if c.dictPage, size, c.err = c.appendPage(c.dictPage[:0], head, c.dict.plain); c.err != nil {
		return
	}
	c.plainSize += size
	if len(c.dictPage) >= keptLeast {
		c.dictPage, _, c.err = c.keep.give(c.dictPage)
	}
}

// keepChunk keeps the data pages so far.
func (c *column) keepChunk() {
	var kept []byte
	n := len(c.chunk)
	if kept, c.chunk, c.err = c.keep.give(c.chunk); c.err != nil {
		return
	}
	c.pieces, c.kept = append(c.pieces, kept), c.kept+int64(n)
	if c.chunk == nil {
		c.chunk = make([]byte, 0, min(n, keptBytes+pageBytes))
	}
}

func (c *column) encoding() format.Encoding {
	if c.coded {
		return format.RLEDictionary
	}
	return format.Plain
}

func (c *column) endPage() {
	p := &c.page
	c.body = p.definitions(p.repetitions(c.body[:0], c.maxRep), c.maxDef)
	if c.coded {
		width := max(1, bits.Len(uint(c.dict.len()-1)))
		c.body = appendHybrid(append(c.body, byte(width)), p.codes, width)
		c.codedPages++
	} else {
		c.body = append(c.body, p.data...)
	}
	head := format.PageHeader{Type: format.DataPage, DataPageHeader: thrift.New(format.DataPageHeader{
		NumValues: int32(p.slots()), Encoding: c.encoding(), DefinitionLevelEncoding: format.RLE, RepetitionLevelEncoding: format.RLE,
	})}
	at := len(c.chunk)
	var size int64
	if c.chunk, size, c.err = c.appendPage(c.chunk, head, c.body); c.err != nil {
		return
	}
	c.plainSize += size
	c.index(at)
	p.reset()
	if len(c.chunk) >= keptBytes {
		c.keepChunk()
	}
}

// index notes what the page index and the statistics say of the page that was appended at that place of the chunk.
func (c *column) index(at int) {
	p := &c.page
	slots := int64(p.slots())
	x := pageIndex{offset: c.kept + int64(at), slots: slots, size: int32(len(c.chunk) - at), nulls: slots - int64(p.values), defs: histogram(p.defs, c.maxDef), reps: histogram(p.reps, c.maxRep)}
	x.defs[1] += int64(p.full)
	if n := len(c.pages); n > 0 {
		x.firstRow = c.pages[n-1].firstRow + c.lastRows
	}
	for i, n := range x.defs {
		c.defs[i] += n
	}
	for i, n := range x.reps {
		c.reps[i] += n
	}
	c.lastRows = int64(p.rows)
	c.pages = append(c.pages, x)
	c.slots, c.nulls = c.slots+slots, c.nulls+x.nulls
	c.keepBounds(&p.bounds)
}

// keepBounds copies the page's bounds, which are strings of batches and dictionary.
func (c *column) keepBounds(b *bounds) {
	whole := *b
	if c.phys == format.ByteArray && b.any {
		whole.leastText, whole.mostText = comparedPart(b.leastText), comparedPart(b.mostText)
		b.cut(c.typ.Kind == columnar.String)
	}
	c.bounds.merge(&whole, c.phys)
	c.pageBounds = append(c.pageBounds, *b)
}

// comparedPart copies as much of a string as tells whether it is a bound of the chunk: one that is longer is none.
func comparedPart(s []byte) []byte { return bytes.Clone(s[:min(len(s), longestText+1)]) }

// appendPage compresses a page and puts its header in front. size is what both take uncompressed.
func (c *column) appendPage(dst []byte, head format.PageHeader, body []byte) (out []byte, size int64, err error) {
	packed := body
	if c.codec.compress != nil {
		if c.packed, err = c.codec.compress(c.packed[:0], body, head.DataPageHeader.V.Encoding == format.RLEDictionary); err != nil {
			return dst, 0, err
		}
		packed = c.packed
	}
	if len(body) > math.MaxInt32 || len(packed) > math.MaxInt32 {
		return dst, 0, fmt.Errorf("a page of %d bytes is larger than Parquet allows: values of %d rows are too long", len(body), BlockRows)
	}
	head.UncompressedPageSize, head.CompressedPageSize = int32(len(body)), int32(len(packed))
	head.CRC = int32(crc32.ChecksumIEEE(packed))
	c.head.Reset()
	if err := thrift.NewEncoder(new(thrift.CompactProtocol).NewWriter(&c.head)).Encode(&head); err != nil {
		return dst, 0, fmt.Errorf("encode page header: %w", err)
	}
	dst = append(append(dst, c.head.Bytes()...), packed...)
	return dst, int64(c.head.Len() + len(body)), nil
}
