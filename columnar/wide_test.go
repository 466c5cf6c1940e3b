package columnar

import (
	"math/big"
	"math/rand/v2"
	"testing"
)

func TestAppendDecimal(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for i := range 20_000 {
		v := Int128{Lo: r.Uint64() >> r.IntN(64), Hi: int64(r.Uint64()) >> r.IntN(64)}
		if i%3 == 0 {
			v.Hi = int64(v.Lo) >> 63
		}
		scale := r.IntN(39)
		got := string(v.AppendDecimal([]byte("x"), scale)[1:])
		n := new(big.Int).Add(new(big.Int).Lsh(big.NewInt(v.Hi), 64), new(big.Int).SetUint64(v.Lo))
		want := new(big.Rat).SetFrac(n, new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(scale)), nil)).FloatString(scale)
		if n.Sign() < 0 && want[0] != '-' {
			want = "-" + want
		}
		if got != want {
			t.Fatalf("%v scale %d: %s, want %s", v, scale, got, want)
		}
	}
}
