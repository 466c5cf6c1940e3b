package parquettable

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"

	"github.com/millrace/millrace/columnar"
)

// errDamaged says that the bytes are no Parquet, or contradict themselves.
var errDamaged = errors.New("the file is damaged")

// table is an open file.
type table struct {
	name string
	data []byte
	file *parquet.File
	root *node
}

// node is a column of the file, or a group of columns.
type node struct {
	*parquet.Column
	element *format.SchemaElement
	kids    []*node
}

// footerBytes are the length of the metadata and the magic bytes at the end of a file.
const footerBytes = 8

// open reads the metadata. The error says what is wrong with the file, without its name.
func open(name string, data []byte) (*table, error) {
	if len(data) < 2*footerBytes || string(data[:4]) != "PAR1" || string(data[len(data)-4:]) != "PAR1" {
		return nil, errors.New("this is not a Parquet file: it does not begin and end with PAR1")
	}
	metadata := binary.LittleEndian.Uint32(data[len(data)-footerBytes:])
	if int64(metadata) > int64(len(data)-footerBytes-4) {
		return nil, fmt.Errorf("%w: metadata of %d bytes in %d", errDamaged, metadata, len(data))
	}
	f, err := parquet.OpenFile(bytes.NewReader(data), int64(len(data)), parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errDamaged, err)
	}
	t := &table{name: name, data: data, file: f}
	elements := f.Metadata().Schema
	rest := len(elements)
	if t.root, rest = tree(f.Root(), elements); t.root == nil || rest > 0 {
		return nil, fmt.Errorf("%w: its schema has no end", errDamaged)
	}
	return t, nil
}

// tree puts columns beside what the metadata says about them, which lists them from the root down. rest is how many
// elements are left.
func tree(c *parquet.Column, elements []format.SchemaElement) (n *node, rest int) {
	if len(elements) == 0 {
		return nil, 0
	}
	n = &node{Column: c, element: &elements[0]}
	elements = elements[1:]
	for _, kid := range c.Columns() {
		k, rest := tree(kid, elements)
		if k == nil {
			return nil, 0
		}
		n.kids, elements = append(n.kids, k), elements[len(elements)-rest:]
	}
	return n, len(elements)
}

// kid finds the one column with that name, or else the one with it in another case.
func (n *node) kid(name string) (*node, error) {
	for _, same := range []func(string) bool{
		func(k string) bool { return k == name },
		func(k string) bool { return strings.EqualFold(k, name) },
	} {
		var found []*node
		for _, k := range n.kids {
			if same(k.Name()) {
				found = append(found, k)
			}
		}
		switch {
		case len(found) == 1:
			return found[0], nil
		case len(found) > 1:
			return nil, fmt.Errorf("the file has several columns named like %q: %s", name, names(found))
		}
	}
	return nil, &columnar.NoColumnError{Name: name, Columns: columnNames(n.kids)}
}

func columnNames(nodes []*node) []string {
	out := make([]string, len(nodes))
	for i, n := range nodes {
		out[i] = n.Name()
	}
	return out
}

func names(nodes []*node) string {
	quoted := columnNames(nodes)
	for i, n := range quoted {
		quoted[i] = fmt.Sprintf("%q", n)
	}
	return strings.Join(quoted, ", ")
}

// guarded runs read and turns a panic into an error: the library panics at some damaged files.
func guarded(read func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%w, or not to be read: %v", errDamaged, r)
		}
	}()
	return read()
}
