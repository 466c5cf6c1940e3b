package parquetfile

import (
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"
)

// write appends the column chunk to the file, dictionary first, and returns what the footer and the page index say of it.
func (c *column) write(out *buffer) (format.ColumnMetaData, format.OffsetIndex, error) {
	meta := format.ColumnMetaData{
		Type: c.phys, PathInSchema: c.names, Codec: c.codec.id, NumValues: c.slots, TotalUncompressedSize: c.plainSize,
		Encoding: thrift.Slice[format.Encoding]{format.Plain, format.RLE}, Statistics: c.statistics(), SizeStatistics: c.sizes(),
	}
	from := int64(out.Len())
	if c.codedPages > 0 {
		meta.Encoding = append(meta.Encoding, format.RLEDictionary)
		meta.DictionaryPageOffset = from
		if err := out.add(c.dictPage); err != nil {
			return meta, format.OffsetIndex{}, err
		}
	}
	meta.EncodingStats = c.encodingStats()
	meta.DataPageOffset = int64(out.Len())
	var offset format.OffsetIndex
	for _, p := range c.pages {
		offset.PageLocations = append(offset.PageLocations, format.PageLocation{Offset: meta.DataPageOffset + p.offset, CompressedPageSize: p.size, FirstRowIndex: p.firstRow})
	}
	for _, piece := range append(c.pieces, c.chunk) {
		if err := out.add(piece); err != nil {
			return meta, offset, err
		}
	}
	meta.TotalCompressedSize = int64(out.Len()) - from
	return meta, offset, nil
}

func (c *column) encodingStats() (out thrift.Slice[format.PageEncodingStats]) {
	if n := int32(len(c.pages)) - c.codedPages; n > 0 {
		out = append(out, format.PageEncodingStats{PageType: format.DataPage, Encoding: format.Plain, Count: n})
	}
	if c.codedPages > 0 {
		out = append(out,
			format.PageEncodingStats{PageType: format.DataPage, Encoding: format.RLEDictionary, Count: c.codedPages},
			format.PageEncodingStats{PageType: format.DictionaryPage, Encoding: format.Plain, Count: 1})
	}
	return out
}

func (c *column) statistics() format.Statistics {
	out := format.Statistics{NullCount: c.nulls}
	if c.bounds.any && max(len(c.bounds.leastText), len(c.bounds.mostText)) <= longestText {
		out.MinValue, out.MaxValue = c.bounds.encoded(c.phys)
	}
	return out
}

func (c *column) sizes() (out format.SizeStatistics) {
	if c.phys == format.ByteArray {
		out.UnencodedByteArrayDataBytes = c.textBytes
	}
	if c.maxDef > 0 {
		out.DefinitionLevelHistogram = c.defs
	}
	if c.maxRep > 0 {
		out.RepetitionLevelHistogram = c.reps
	}
	return out
}

// columnIndex is empty when a page has values but no bounds, those of NaN.
func (c *column) columnIndex() (out format.ColumnIndex) {
	for i, p := range c.pages {
		b := &c.pageBounds[i]
		empty := p.nulls == p.slots
		if !b.any && !empty {
			return format.ColumnIndex{}
		}
		least, most := []byte{}, []byte{}
		if !empty {
			least, most = b.encoded(c.phys)
		}
		out.NullPages = append(out.NullPages, empty)
		out.MinValues, out.MaxValues = append(out.MinValues, least), append(out.MaxValues, most)
		out.NullCounts = append(out.NullCounts, p.nulls)
		out.DefinitionLevelHistogram = append(out.DefinitionLevelHistogram, p.defs...)
		out.RepetitionLevelHistogram = append(out.RepetitionLevelHistogram, p.reps...)
	}
	out.BoundaryOrder = boundaryOrder(c.pageBounds, c.phys)
	return out
}
