package output

import (
	"encoding/binary"
	"errors"
)

// errFooter says that bytes are no Parquet file, or that its footer is damaged.
var errFooter = errors.New("no Parquet footer")

// Parquet's field numbers (parquet.thrift).
const (
	metaNumRows   = 3
	metaKeyValues = 5
	keyValueKey   = 1
	keyValueValue = 2
)

// readFooter returns the number of rows and the rows_sha256 of a file, "" when it carries none. It reads those two
// fields and skips the rest: what stands under a name of ours may be anything, and a general reader trusts counts and
// lengths that are wrong in a damaged footer.
func readFooter(file []byte) (rows int64, sum string, err error) {
	meta, err := footerBytes(file)
	if err != nil {
		return 0, "", err
	}
	r := &thriftReader{b: meta}
	r.fields(func(id int64, typ byte) {
		switch {
		case id == metaNumRows && typ == thriftI64:
			rows = r.zigzag()
		case id == metaKeyValues && typ == thriftList:
			sum = r.lookup(keyRows)
		default:
			r.skip(typ, 0)
		}
	})
	if r.bad {
		return 0, "", errFooter
	}
	return rows, sum, nil
}

// footerBytes cuts the metadata out: magic, …, metadata, its length, magic.
func footerBytes(file []byte) ([]byte, error) {
	const magic = "PAR1"
	n := len(file)
	if n < footerLeast || string(file[:4]) != magic || string(file[n-4:]) != magic {
		return nil, errFooter
	}
	size := footerSize(file[n-8:])
	if size > int64(n-footerLeast) {
		return nil, errFooter
	}
	return file[n-8-int(size) : n-8], nil
}

// footerLeast is the length of a file with nothing in it: magic, the footer's length, magic.
const footerLeast = 12

// footerSize is the length of the footer that stands in front of a file's last 8 bytes.
func footerSize(last []byte) int64 { return int64(binary.LittleEndian.Uint32(last)) }

// lookup reads a list of key-value pairs and returns the value of key.
func (r *thriftReader) lookup(key string) (value string) {
	n, typ := r.list()
	if typ != thriftStruct {
		r.bad = true
	}
	for ; n > 0 && !r.bad; n-- {
		var k, v []byte
		r.fields(func(id int64, typ byte) {
			switch {
			case id == keyValueKey && typ == thriftBinary:
				k = r.bytes()
			case id == keyValueValue && typ == thriftBinary:
				v = r.bytes()
			default:
				r.skip(typ, 0)
			}
		})
		if string(k) == key {
			value = string(v)
		}
	}
	return value
}
