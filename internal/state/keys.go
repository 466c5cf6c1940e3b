package state

import (
	"math"
	"slices"

	"github.com/millrace/millrace/columnar"
)

// keys numbers the keys of a table's groups, without the namespace: a key is there once, however many namespaces have it. It
// knows the key group of each, and the order of all, so that groups are sorted by counting.
type keys struct {
	cols   []int // of partial groups
	index  *columnar.KeyIndex
	schema *columnar.Schema
	uses   []int32 // by number: groups with the key
	groups []uint8 // by number: its key group
	live   int     // keys with groups
	held   int     // groups of all keys

	sorted []uint32 // the numbers in order, but for the newest
	rank   []int32  // by number, as many as there are sorted: where it stands there

	at     []int32  // scratch by rank: 1 + a position
	packed []uint64 // scratch: rank and position
}

// keysFree is how many keys without groups are always kept.
const keysFree = 1024

// newKeys returns the keys of half-aggregated groups of this schema; n of its columns are keys.
func newKeys(partial *columnar.Schema, n int) *keys {
	fields := partial.Fields[1:n]
	types := make([]columnar.Type, len(fields))
	for i, f := range fields {
		types[i] = f.Type
	}
	return &keys{cols: firstColumns(n)[1:], index: columnar.NewKeyIndex(types), schema: columnar.NewSchema(fields...)}
}

// reserve makes room for n keys, of which there are none yet.
func (k *keys) reserve(n int) {
	k.index.Reserve(n)
	k.uses, k.groups = make([]int32, 0, n), make([]uint8, 0, n)
}

// number returns the numbers of the keys of the selected rows. They are valid until the next call.
func (k *keys) number(partial *columnar.Batch) ([]uint32, error) {
	numbers, err := k.index.Number(partial, k.cols)
	if err != nil {
		return nil, err
	}
	if from, n := len(k.uses), k.index.Len(); from < n {
		k.index.Spread()
		k.uses = append(k.uses, make([]int32, n-from)...)
		k.groups = append(k.groups, columnar.KeyGroups(k.from(from), firstColumns(len(k.cols)), nil)...)
	}
	return numbers, nil
}

// file notes the key groups of numbers, of which there are total.
func (k *keys) file(numbers []uint32, groups []uint8, total int) {
	k.uses = append(k.uses, make([]int32, total-len(k.uses))...)
	k.groups = append(k.groups, make([]uint8, total-len(k.groups))...)
	for i, n := range numbers {
		k.groups[n] = groups[i]
	}
}

// all is the columns of all keys.
func (k *keys) all() *columnar.Batch {
	b := &columnar.Batch{Schema: k.schema, Rows: k.index.Len()}
	for i := range k.cols {
		b.Cols = append(b.Cols, k.index.Column(i))
	}
	return b
}

// from is all keys of which those from a number on are selected.
func (k *keys) from(number int) *columnar.Batch {
	b := k.all()
	b.Sel = rowRun(number, b.Rows)
	return b
}

// use counts groups with the keys.
func (k *keys) use(numbers []uint32) {
	for _, n := range numbers {
		if k.uses[n] == 0 {
			k.live++
		}
		k.uses[n]++
	}
	k.held += len(numbers)
}

// release takes groups with the keys away.
func (k *keys) release(numbers []uint32) {
	for _, n := range numbers {
		if k.uses[n]--; k.uses[n] == 0 {
			k.live--
		}
	}
	k.held -= len(numbers)
}

// wasteful reports whether so many keys have no groups that numbering the others anew costs less than there were.
func (k *keys) wasteful() bool { return k.index.Len()-k.live > max(k.live, k.held, keysFree) }

// gone stands for the new number of a key without groups.
const gone = math.MaxUint32

// renumber forgets the keys without groups. It returns the new number of each old one; order stays.
func (k *keys) renumber() []uint32 {
	became := make([]uint32, len(k.uses))
	var live []int32
	for n, uses := range k.uses {
		became[n] = gone
		if uses > 0 {
			became[n] = uint32(len(live))
			k.uses[len(live)], k.groups[len(live)] = uses, k.groups[n]
			live = append(live, int32(n))
		}
	}
	k.uses, k.groups = k.uses[:len(live)], k.groups[:len(live)]
	sorted := k.sorted[:0]
	for _, n := range k.sorted {
		if became[n] != gone {
			sorted = append(sorted, became[n])
		}
	}
	k.sorted = sorted
	k.setRanks()
	old := columnar.Take(k.all(), live)
	k.index.Reset()
	if _, err := k.index.Number(old, firstColumns(len(k.cols))); err != nil {
		panic("state: fewer keys need more room: " + err.Error())
	}
	return became
}

// rankAll sorts the newest keys and merges them into the others.
func (k *keys) rankAll() {
	had := len(k.sorted)
	if had == k.index.Len() {
		return
	}
	b := k.from(had)
	compare := columnar.CompareRows(b, firstColumns(len(k.cols)))
	fresh := columnar.SortRows(b, firstColumns(len(k.cols)))
	k.sorted = append(k.sorted, make([]uint32, len(fresh))...)
	at := had - 1
	for to, i := len(k.sorted)-1, len(fresh)-1; i >= 0; to-- {
		if at >= 0 && compare(int32(k.sorted[at]), fresh[i]) > 0 {
			k.sorted[to] = k.sorted[at]
			at--
			continue
		}
		k.sorted[to] = uint32(fresh[i])
		i--
	}
	k.setRanks()
}

func (k *keys) setRanks() {
	k.rank = slices.Grow(k.rank[:0], len(k.sorted))[:len(k.sorted)]
	for rank, n := range k.sorted {
		k.rank[n] = int32(rank)
	}
}

// inOrder lists the positions of numbers, each there once, in the order of their keys. It costs about as much as they are
// many, also where there are many more keys.
func (k *keys) inOrder(numbers []uint32) []int32 {
	return k.order(make([]int32, 0, len(numbers)), numbers)
}

// order appends what inOrder lists to an empty list.
func (k *keys) order(order []int32, numbers []uint32) []int32 {
	total := k.index.Len()
	if len(k.sorted) < total && 8*len(numbers) < total {
		return k.sortAlone(order, numbers)
	}
	k.rankAll()
	if 8*len(numbers) < total {
		return k.sortedByRank(order, numbers)
	}
	k.at = slices.Grow(k.at[:0], total)[:total]
	clear(k.at)
	for i, n := range numbers {
		k.at[k.rank[n]] = int32(i) + 1
	}
	for _, at := range k.at {
		if at > 0 {
			order = append(order, at-1)
		}
	}
	return order
}

// sortAlone sorts a copy of the keys: to compare them where they are would be a walk through all of the memory for each.
func (k *keys) sortAlone(order []int32, numbers []uint32) []int32 {
	cols, err := k.take(numbers)
	if err != nil {
		panic("state: some keys need more room than all: " + err.Error())
	}
	b := &columnar.Batch{Schema: k.schema, Cols: cols, Rows: len(numbers)}
	return append(order, columnar.SortRows(b, firstColumns(len(k.cols)))...)
}

func (k *keys) sortedByRank(order []int32, numbers []uint32) []int32 {
	k.packed = k.packed[:0]
	for i, n := range numbers {
		k.packed = append(k.packed, uint64(k.rank[n])<<32|uint64(i))
	}
	slices.Sort(k.packed)
	for _, p := range k.packed {
		order = append(order, int32(uint32(p)))
	}
	return order
}

// take returns the key columns of numbers, a copy.
func (k *keys) take(numbers []uint32) ([]*columnar.Vector, error) {
	rows := make([]int32, len(numbers))
	for i, n := range numbers {
		rows[i] = int32(n)
	}
	return k.index.Take(rows)
}

// sizeBytes is the memory held.
func (k *keys) sizeBytes() int64 {
	return k.index.SizeBytes() + int64(cap(k.uses)+cap(k.rank)+cap(k.at)+cap(k.sorted))*4 + int64(cap(k.groups)) + int64(cap(k.packed))*8
}
