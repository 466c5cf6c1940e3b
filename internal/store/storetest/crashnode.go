package storetest

import (
	"maps"
	"math/rand/v2"
	"slices"
)

// sectorBytes is what a disk writes whole or not at all.
const sectorBytes = 512

// node is a file or a directory, as seen now and as it is sure to be after a crash.
type node struct {
	data    []byte       // of a file, now
	synced  []byte       // of a file, sure
	shared  bool         // other file systems have these same bytes: they are copied before they change
	writes  []fileChange // of a file, since the last sync
	entries map[string]*node
	durable map[string]*node
	changes []dirChange // of a directory, since the last sync
	locked  bool
}

// fileChange writes bytes at a place; without bytes it makes the file that long.
type fileChange struct {
	at    int64
	bytes []byte
}

// dirChange gives a name to a node, or takes the name away.
type dirChange struct {
	name string
	node *node // nil: taken away
}

func newDir() *node { return &node{entries: map[string]*node{}, durable: map[string]*node{}} }

func (n *node) isDir() bool { return n.entries != nil }

func (n *node) unlock() {
	n.locked = false
	for _, entry := range n.entries {
		entry.unlock()
	}
}

// write changes a file's bytes now.
func (n *node) write(w fileChange) {
	if n.shared {
		n.data, n.synced, n.shared = slices.Clone(n.data), slices.Clone(n.synced), false
	}
	n.data = w.apply(n.data)
	n.writes = append(n.writes, w)
}

// sync makes a file's bytes or a directory's entries sure.
func (n *node) sync() {
	if n.isDir() {
		n.durable, n.changes = maps.Clone(n.entries), nil
	}
	for _, w := range n.writes {
		n.synced = w.apply(n.synced)
	}
	n.writes = nil
}

// change changes a directory's entries now.
func (n *node) change(name string, entry *node) {
	c := dirChange{name, entry}
	c.apply(n.entries)
	n.changes = append(n.changes, c)
}

func (w fileChange) apply(data []byte) []byte {
	if grow := int(w.at) + len(w.bytes) - len(data); grow > 0 {
		data = append(data, make([]byte, grow)...)
	}
	copy(data[w.at:], w.bytes)
	return data
}

// sectors cuts a change at the borders of sectors.
func (w fileChange) sectors() []fileChange {
	if len(w.bytes) == 0 {
		return []fileChange{w}
	}
	var out []fileChange
	for at, bytes := w.at, w.bytes; len(bytes) > 0; {
		k := min(sectorBytes-int(at%sectorBytes), len(bytes))
		out = append(out, fileChange{at, bytes[:k]})
		at, bytes = at+int64(k), bytes[k:]
	}
	return out
}

func (c dirChange) apply(entries map[string]*node) {
	if c.node == nil {
		delete(entries, c.name)
	} else {
		entries[c.name] = c.node
	}
}

// Crash returns the file system as it may be after the power came back: all that was synced, and of the rest each
// sector written and each name given or taken away with a probability that the seed draws, which may be 0 or 1.
// The file system itself stays as it is.
func (c *CrashFS) Crash(seed uint64) *CrashFS {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.crash(seed)
}

func (c *CrashFS) crash(seed uint64) *CrashFS {
	rng := rand.New(rand.NewPCG(seed, 0))
	odds := []float64{0, 0.1, 0.5, 0.9, 1}
	r := reboot{rng: rng, keep: odds[rng.IntN(len(odds))], done: map[*node]*node{}}
	return &CrashFS{root: r.node(c.root)}
}

// reboot decides what survives.
type reboot struct {
	rng  *rand.Rand
	keep float64
	done map[*node]*node // a file with two names stays one file
}

func (r *reboot) survives() bool { return r.rng.Float64() < r.keep }

func (r *reboot) node(n *node) *node {
	if done := r.done[n]; done != nil {
		return done
	}
	if n.isDir() {
		return r.dir(n)
	}
	return r.file(n)
}

func (r *reboot) file(n *node) *node {
	if len(n.writes) == 0 {
		n.shared = true
		after := &node{data: n.synced, synced: n.synced, shared: true}
		r.done[n] = after
		return after
	}
	data := slices.Clone(n.synced)
	for _, w := range n.writes {
		for _, sector := range w.sectors() {
			if r.survives() {
				data = sector.apply(data)
			}
		}
	}
	after := &node{data: data, synced: slices.Clone(data)}
	r.done[n] = after
	return after
}

func (r *reboot) dir(n *node) *node {
	entries := maps.Clone(n.durable)
	for _, c := range n.changes {
		if r.survives() {
			c.apply(entries)
		}
	}
	after := newDir()
	r.done[n] = after
	for _, name := range slices.Sorted(maps.Keys(entries)) {
		after.entries[name] = r.node(entries[name])
	}
	after.durable = maps.Clone(after.entries)
	return after
}
