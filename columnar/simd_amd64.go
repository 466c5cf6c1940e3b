package columnar

import "golang.org/x/sys/cpu"

// On amd64 the loops that a comparison or a sum of two columns is made of exist a second time, with AVX2 (2013 and later),
// four doubles or bigints at a time: the compiler makes no vector instructions. They give the same bits as the loops in
// Go, which take their place on other processors and do the rows that do not fill eight.

//go:noescape
func simdEqualConst64(dst *byte, a *int64, n int, k int64)

//go:noescape
func simdLessConst64(dst *byte, a *int64, n int, k int64)

//go:noescape
func simdGreaterConst64(dst *byte, a *int64, n int, k int64)

//go:noescape
func simdEqualConst32(dst *byte, a *int32, n int, k int32)

//go:noescape
func simdLessConst32(dst *byte, a *int32, n int, k int32)

//go:noescape
func simdGreaterConst32(dst *byte, a *int32, n int, k int32)

//go:noescape
func simdEqualConstDouble(dst *byte, a *float64, n int, k float64)

//go:noescape
func simdLessConstDouble(dst *byte, a *float64, n int, k float64)

//go:noescape
func simdGreaterConstDouble(dst *byte, a *float64, n int, k float64)

//go:noescape
func simdEqual64(dst *byte, a, b *int64, n int)

//go:noescape
func simdLess64(dst *byte, a, b *int64, n int)

//go:noescape
func simdEqualDoubles(dst *byte, a, b *float64, n int)

//go:noescape
func simdLessDoubles(dst *byte, a, b *float64, n int)

//go:noescape
func simdAdd64(dst, a, b *int64, n int) (overflow bool)

//go:noescape
func simdSub64(dst, a, b *int64, n int) (overflow bool)

//go:noescape
func simdMulConst64(dst, a *int64, n int, c, least, most int64) (overflow bool)

//go:noescape
func simdAddDoubles(dst, a, b *float64, n int)

//go:noescape
func simdSubDoubles(dst, a, b *float64, n int)

//go:noescape
func simdMulDoubles(dst, a, b *float64, n int)

//go:noescape
func simdQuoDoubles(dst, a, b *float64, n int)

// fastLoops are the loops of this processor.
func fastLoops() loops {
	plain := plainLoops()
	if !cpu.X86.HasAVX2 {
		return plain
	}
	return loops{
		int32s: comparer[int32]{
			equalConst: constInEights(simdEqualConst32, plain.int32s.equalConst), lessConst: constInEights(simdLessConst32, plain.int32s.lessConst),
			greaterConst: constInEights(simdGreaterConst32, plain.int32s.greaterConst), equal: plain.int32s.equal, less: plain.int32s.less},
		int64s: comparer[int64]{
			equalConst: constInEights(simdEqualConst64, plain.int64s.equalConst), lessConst: constInEights(simdLessConst64, plain.int64s.lessConst),
			greaterConst: constInEights(simdGreaterConst64, plain.int64s.greaterConst),
			equal:        columnsInEights(simdEqual64, plain.int64s.equal), less: columnsInEights(simdLess64, plain.int64s.less)},
		doubles: comparer[float64]{
			equalConst: constInEights(simdEqualConstDouble, plain.doubles.equalConst), lessConst: constInEights(simdLessConstDouble, plain.doubles.lessConst),
			greaterConst: constInEights(simdGreaterConstDouble, plain.doubles.greaterConst),
			equal:        columnsInEights(simdEqualDoubles, plain.doubles.equal), less: columnsInEights(simdLessDoubles, plain.doubles.less)},
		addInts: checkedInEights(simdAdd64, plain.addInts), subInts: checkedInEights(simdSub64, plain.subInts), mulConst: productsInEights(plain.mulConst),
		addDoubles: doublesInEights(simdAddDoubles, plain.addDoubles), subDoubles: doublesInEights(simdSubDoubles, plain.subDoubles),
		mulDoubles: doublesInEights(simdMulDoubles, plain.mulDoubles), quoDoubles: doublesInEights(simdQuoDoubles, plain.quoDoubles),
	}
}

// constInEights runs eights with the first loop and the rest with the second.
func constInEights[T int32 | int64 | float64](eights func(dst *byte, a *T, n int, k T), rest func(dst []byte, a []T, k T)) func(dst []byte, a []T, k T) {
	return func(dst []byte, a []T, k T) {
		n := len(a) &^ 7
		if n > 0 {
			eights(&dst[:n>>3][0], &a[0], n, k)
		}
		if n < len(a) {
			rest(dst[n>>3:], a[n:], k)
		}
	}
}

func columnsInEights[T int64 | float64](eights func(dst *byte, a, b *T, n int), rest func(dst []byte, a, b []T)) func(dst []byte, a, b []T) {
	return func(dst []byte, a, b []T) {
		n := len(a) &^ 7
		if b = b[:len(a)]; n > 0 {
			eights(&dst[:n>>3][0], &a[0], &b[0], n)
		}
		if n < len(a) {
			rest(dst[n>>3:], a[n:], b[n:])
		}
	}
}

func checkedInEights(eights func(dst, a, b *int64, n int) bool, rest func(dst, a, b []int64) bool) func(dst, a, b []int64) bool {
	return func(dst, a, b []int64) (overflow bool) {
		dst, b = dst[:len(a)], b[:len(a)]
		n := len(a) &^ 7
		if n > 0 {
			overflow = eights(&dst[0], &a[0], &b[0], n)
		}
		return rest(dst[n:], a[n:], b[n:]) || overflow
	}
}

func productsInEights(rest func(dst, a []int64, c int64) bool) func(dst, a []int64, c int64) bool {
	return func(dst, a []int64, c int64) (overflow bool) {
		dst = dst[:len(a)]
		n := len(a) &^ 7
		if n > 0 {
			least, most := factorRange(c)
			overflow = simdMulConst64(&dst[0], &a[0], n, c, least, most)
		}
		return rest(dst[n:], a[n:], c) || overflow
	}
}

func doublesInEights(eights func(dst, a, b *float64, n int), rest func(dst, a, b []float64)) func(dst, a, b []float64) {
	return func(dst, a, b []float64) {
		dst, b = dst[:len(a)], b[:len(a)]
		n := len(a) &^ 7
		if n > 0 {
			eights(&dst[0], &a[0], &b[0], n)
		}
		rest(dst[n:], a[n:], b[n:])
	}
}
