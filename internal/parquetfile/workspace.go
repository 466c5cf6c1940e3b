package parquetfile

import (
	"bytes"
	"sync"
)

// workspace is what is needed to make pages of a leaf. A leaf has it while it is fed, and hands it on: there are as many of
// them as leaves are fed at a time.
type workspace struct {
	page   page
	dict   *dictionary // of strings
	hashes [BlockRows]uint64
	body   []byte // of a page, before it is compressed
	packed []byte // and behind
	head   bytes.Buffer
}

var workspaces = sync.Pool{New: func() any { return &workspace{dict: newDictionary()} }}

// borrow has the column have a workspace.
func (c *column) borrow() {
	if c.workspace == nil {
		c.workspace, _ = workspaces.Get().(*workspace)
	}
}

// giveBack lets others have it.
func (c *column) giveBack() {
	w := c.workspace
	if w == nil {
		return
	}
	c.workspace = nil
	w.page.reset()
	w.dict.reset()
	if cap(w.page.data)+cap(w.body)+cap(w.packed) > 8*blockText || cap(w.dict.plain) > 4*dictionaryMax { // of very long strings
		return
	}
	workspaces.Put(w)
}
