package columnar

// compareDecimals compares numbers that may differ in scale, exactly.
func compareDecimals(n *node, c comparison, rows rowSet) {
	a, b := n.in[0], n.in[1]
	switch sa, sb := a.Type.Scale, b.Type.Scale; {
	case sa < sb:
		up, same := pow10[sb-sa], pow10[0]
		compareEach(n, c, rows, func(x, y int32) int { return product(a.Wide[x], up).cmp(product(b.Wide[y], same)) })
	case sa > sb:
		up, same := pow10[sa-sb], pow10[0]
		compareEach(n, c, rows, func(x, y int32) int { return product(a.Wide[x], same).cmp(product(b.Wide[y], up)) })
	default:
		compareWide(n, c, a.Wide, b.Wide)
	}
}

func compareWide(n *node, c comparison, a, b []Int128) {
	dst := n.outBits()
	switch a, b := a[:n.out.N], b[:n.out.N]; c.op {
	case '=':
		for i, x := range a {
			setBitTo(dst, i, x == b[i])
		}
	case '<':
		lessWide(dst, a, b)
	default:
		lessWide(dst, b, a)
	}
	if c.invert {
		bitNot(dst, dst)
	}
}

func lessWide(dst []byte, a, b []Int128) {
	b = b[:len(a)]
	for i, x := range a {
		y := b[i]
		setBitTo(dst, i, x.Hi < y.Hi || x.Hi == y.Hi && x.Lo < y.Lo)
	}
}

// compareEach goes by a comparator, only for the rows that count and are not NULL.
func compareEach(n *node, c comparison, rows rowSet, compare func(x, y int32) int) {
	want := map[byte]int{'=': 0, '<': -1, '>': 1}[c.op]
	dst := n.outBits()
	for _, r := range rows.list {
		if !isNullAt(n.out.Valid, r) {
			setBitTo(dst, int(r), (compare(r, r) == want) != c.invert)
		}
	}
}
