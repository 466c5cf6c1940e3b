package output

import "github.com/millrace/millrace/columnar"

// dirTree numbers the partition directories of one batch in the order in which they are met. A directory of a level
// is a directory of the level above (number 0 above the first) and a value of the level's column.
type dirTree struct {
	sink   string
	levels []*dirLevel
}

func newDirTree(sink string, parts []PartitionExpr) *dirTree {
	t := &dirTree{sink: sink}
	for _, p := range parts {
		t.levels = append(t.levels, newDirLevel(sink, p.Name))
	}
	return t
}

// count is the number of directories of the last level.
func (t *dirTree) count() int {
	if len(t.levels) == 0 {
		return 1
	}
	return len(t.levels[len(t.levels)-1].nodes)
}

// paths is the path of each directory of the last level, with a slash at the end.
func (t *dirTree) paths() []string {
	paths := []string{""}
	for _, l := range t.levels {
		next := make([]string, len(l.nodes))
		for i, n := range l.nodes {
			next[i] = paths[n.parent] + l.names[n.code] + "/"
		}
		paths = next
	}
	return paths
}

// limitError blames the column with the most values.
func (t *dirTree) limitError(limit int) *PartitionLimitError {
	e := &PartitionLimitError{Sink: t.sink, Directories: t.count(), Limit: limit}
	for _, l := range t.levels {
		if n := len(l.names); n > e.Values {
			e.Column, e.Values = l.column, n
		}
	}
	return e
}

// dirLevel is one level: the values of its column get codes, pairs of parent and code get numbers. Rows mostly come in
// runs of equal values, so the last look-up is kept.
type dirLevel struct {
	sink   string
	column string
	ints   map[int64]int32
	strs   map[string]int32 // NULL is the empty string
	names  []string         // by code, e.g. "dt=2026-11-22"; no two are equal
	named  map[string]int32 // the code of each name: values that share a name share its directory
	codes  []int32          // scratch: of each selected row

	numbers map[dirNode]int32
	nodes   []dirNode // by number

	err error // the first value that makes no name
}

type dirNode struct{ parent, code int32 }

func newDirLevel(sink, column string) *dirLevel {
	return &dirLevel{
		sink: sink, column: column,
		ints: map[int64]int32{}, strs: map[string]int32{}, named: map[string]int32{}, numbers: map[dirNode]int32{},
	}
}

// descend replaces the directory of each selected row, of the level above, by its directory in this level.
func (l *dirLevel) descend(rows []int32, v *columnar.Vector, sel []int32) error {
	l.codes = l.codes[:0]
	switch v.Type.Kind {
	case columnar.Bool:
		l.codeBools(v, sel)
	case columnar.Int8, columnar.Int16, columnar.Int32, columnar.Date:
		codeInts(l, v, v.I32, sel)
	case columnar.Int64, columnar.Timestamp, columnar.LocalTimestamp:
		codeInts(l, v, v.I64, sel)
	case columnar.String:
		l.codeStrings(v, sel)
	}
	if l.err != nil {
		return l.err
	}
	l.number(rows)
	return nil
}

func (l *dirLevel) number(rows []int32) {
	last, number := dirNode{-1, -1}, int32(0)
	for i, code := range l.codes {
		if n := (dirNode{rows[i], code}); n != last {
			last, number = n, l.numberOf(n)
		}
		rows[i] = number
	}
}

func (l *dirLevel) numberOf(n dirNode) int32 {
	number, ok := l.numbers[n]
	if !ok {
		number = int32(len(l.nodes))
		l.numbers[n] = number
		l.nodes = append(l.nodes, n)
	}
	return number
}

func (l *dirLevel) codeBools(v *columnar.Vector, sel []int32) {
	for _, r := range sel {
		if v.Valid != nil && v.IsNull(int(r)) {
			l.codes = append(l.codes, l.strCode(nil))
			continue
		}
		l.codes = append(l.codes, l.intCode(columnar.Bool, int64(v.Bits[r>>3]>>(r&7)&1)))
	}
}

func codeInts[T int32 | int64](l *dirLevel, v *columnar.Vector, values []T, sel []int32) {
	last, code := T(0), int32(-1)
	for _, r := range sel {
		if v.Valid != nil && v.IsNull(int(r)) {
			l.codes = append(l.codes, l.strCode(nil))
			continue
		}
		if x := values[r]; code < 0 || x != last {
			last, code = x, l.intCode(v.Type.Kind, int64(x))
		}
		l.codes = append(l.codes, code)
	}
}

func (l *dirLevel) codeStrings(v *columnar.Vector, sel []int32) {
	var last []byte
	code := int32(-1)
	for _, r := range sel {
		var s []byte
		if v.Valid == nil || !v.IsNull(int(r)) {
			s = v.Data[v.Off[r]:v.Off[r+1]]
		}
		if code < 0 || string(s) != string(last) {
			last, code = s, l.strCode(s)
		}
		l.codes = append(l.codes, code)
	}
}

func (l *dirLevel) intCode(k columnar.Kind, x int64) int32 {
	code, ok := l.ints[x]
	if !ok {
		code = l.name(intText(k, x))
		l.ints[x] = code
	}
	return code
}

func (l *dirLevel) strCode(s []byte) int32 {
	code, ok := l.strs[string(s)]
	if !ok {
		code = l.name(string(s))
		l.strs[string(s)] = code
	}
	return code
}

// name returns the code of a value with that text: that of its name when another value has it already, else a new one.
func (l *dirLevel) name(text string) int32 {
	name, err := dirName(l.sink, l.column, text)
	if err != nil && l.err == nil {
		l.err = err
	}
	code, ok := l.named[name]
	if !ok {
		code = int32(len(l.names))
		l.named[name] = code
		l.names = append(l.names, name)
	}
	return code
}
