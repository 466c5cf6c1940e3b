package parquettable

import (
	"fmt"

	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"
)

// The bounds of one page. The library makes room for what a page says it holds before it looks at the page.
const (
	maxPageBytes  = 1 << 30
	maxPageValues = 1 << 26
)

// checkPages walks the headers of a column chunk's pages and compares them with the bytes there are.
func checkPages(data []byte, chunk *format.ColumnChunk) error {
	meta := &chunk.MetaData
	from := meta.DataPageOffset
	if meta.DictionaryPageOffset > 0 {
		from = min(from, meta.DictionaryPageOffset)
	}
	size := meta.TotalCompressedSize
	if chunk.FilePath != "" {
		return fmt.Errorf("its data lie in another file, %q", chunk.FilePath)
	}
	if from < 4 || size < 0 || meta.NumValues < 0 || from > int64(len(data)) || size > int64(len(data))-from {
		return fmt.Errorf("%w: %d bytes at %d of %d", errDamaged, size, from, len(data))
	}
	var values int64
	for rest := data[from : from+size]; values < meta.NumValues && len(rest) > 0; {
		header, length, err := pageHeader(rest)
		if err != nil {
			return err
		}
		if rest = rest[length:]; int64(header.CompressedPageSize) > int64(len(rest)) {
			return fmt.Errorf("%w: a page of %d bytes where %d are left", errDamaged, header.CompressedPageSize, len(rest))
		}
		rest = rest[header.CompressedPageSize:]
		if header.Type != format.DictionaryPage {
			values += pageValues(header)
		}
	}
	return nil
}

// pageHeader reads the header that p begins with, and its length.
func pageHeader(p []byte) (*format.PageHeader, int, error) {
	var protocol thrift.CompactProtocol
	r := protocol.NewReaderFromBytes(p)
	header := &format.PageHeader{}
	if err := thrift.NewDecoder(r).Decode(header); err != nil {
		return nil, 0, fmt.Errorf("%w: page header: %w", errDamaged, err)
	}
	values := pageValues(header)
	if header.CompressedPageSize < 0 || header.UncompressedPageSize < 0 || header.UncompressedPageSize > maxPageBytes ||
		values < 0 || values > maxPageValues {
		return nil, 0, fmt.Errorf("%w, or not to be read: a page of %d values in %d bytes", errDamaged, values, header.UncompressedPageSize)
	}
	return header, r.BytesRead(), nil
}

// pageValues is how many values the page says it has.
func pageValues(h *format.PageHeader) int64 {
	switch {
	case h.DataPageHeader.Valid:
		return int64(h.DataPageHeader.V.NumValues)
	case h.DataPageHeaderV2.Valid:
		return int64(h.DataPageHeaderV2.V.NumValues)
	case h.DictionaryPageHeader.Valid:
		return int64(h.DictionaryPageHeader.V.NumValues)
	}
	return 0
}
