package columnar

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

var columnKinds = []Kind{Bool, Int32, Int64, Float64, String, Binary, Date, Timestamp}

// appendRandom appends one random value and returns what [showValue] must show for it.
func appendRandom(r *rand.Rand, b *Builder, nulls bool) string {
	if nulls && r.IntN(5) == 0 {
		b.AppendNull()
		return `\N`
	}
	x := r.IntN(1000)
	one := NewBuilder(b.vec.Type)
	for _, to := range []*Builder{b, one} {
		switch b.vec.Type.Kind {
		case Bool:
			to.AppendBool(x&1 == 1)
		case Int32, Date:
			to.AppendInt32(int32(x))
		case Int64, Timestamp:
			to.AppendInt64(int64(x))
		case Float64:
			to.AppendFloat64(float64(x))
		case String:
			to.AppendString(fmt.Sprintf("%*d", x%100, x))
		case Binary:
			to.AppendBytes(fmt.Appendf(nil, "%*d", x%100, x))
		}
	}
	return showValue(one.Vector(), 0)
}

// TestBuilder appends, truncates and resets at random; a list of shown values is the oracle. After every change the
// vector must be the same memory as one built without truncating.
func TestBuilder(t *testing.T) {
	for _, kind := range columnKinds {
		for seed := range uint64(cases(20, 6)) {
			r := rand.New(rand.NewPCG(seed, 5))
			b := NewBuilder(Type{Kind: kind})
			var want []string
			for range 200 {
				switch r.IntN(12) {
				case 0:
					want = want[:r.IntN(len(want)+1)]
					b.Truncate(len(want))
				case 1:
					if r.IntN(10) == 0 {
						b.Reset()
						want = want[:0]
					}
				default:
					want = append(want, appendRandom(r, b, seed%2 == 0))
				}
				checkVector(t, b.Vector(), want)
			}
		}
	}
}

func checkVector(t *testing.T, v *Vector, want []string) {
	t.Helper()
	got := []string{}
	for i := range v.N {
		got = append(got, showValue(v, i))
	}
	if !slices.Equal(got, want) {
		t.Fatalf("%s: got %q, want %q", v.Type, got, want)
	}
	if (v.Valid != nil) != slices.Contains(want, `\N`) {
		t.Fatalf("%s: validity bitmap %v for %q", v.Type, v.Valid, want)
	}
	for _, bits := range [][]byte{v.Valid, v.Bits} {
		if bits == nil {
			continue
		}
		if len(bits) != (v.N+7)/8 || v.N&7 != 0 && bits[v.N>>3]>>(v.N&7) != 0 {
			t.Fatalf("%s: bitmap %08b for %d rows", v.Type, bits, v.N)
		}
	}
	if v.Off != nil && cap(v.Data)-len(v.Data) < Slack {
		t.Fatalf("%s: %d bytes behind the data, want %d", v.Type, cap(v.Data)-len(v.Data), Slack)
	}
}

func TestBuilderCopiesWholeWords(t *testing.T) {
	source := make([]byte, 300)
	for i := range source {
		source[i] = byte(i)
	}
	b := NewBuilder(Type{Kind: String})
	for n := range 200 {
		b.appendWords(source[:n+7+Slack], 7, 7+n)
	}
	v := b.Vector()
	for n := range 200 {
		if got := v.Str(n); !slices.Equal(got, source[7:7+n]) {
			t.Fatalf("length %d: got %v", n, got)
		}
	}
	if cap(v.Data)-len(v.Data) < Slack {
		t.Errorf("%d bytes behind the data, want %d", cap(v.Data)-len(v.Data), Slack)
	}
}

func TestNewBuilderRefusesTypesOfLiterals(t *testing.T) {
	defer func() {
		if r := recover(); r != "columnar: no column has type interval" {
			t.Errorf("recovered %v", r)
		}
	}()
	NewBuilder(Type{Kind: Interval})
}
