package columnar

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// appendRandom appends one random value and returns it.
func appendRandom(r *rand.Rand, b *Builder, nulls float64) any {
	if r.Float64() < nulls {
		b.AppendNull()
	} else {
		appendRandomValue(r, b, nulls)
	}
	return goValue(b.vec.Type, valueAt(b.Vector(), b.Len()-1))
}

// TestBuilder appends, truncates and resets at random; a list of values is the oracle. After every change the vector must
// be the same memory as one built without truncating.
func TestBuilder(t *testing.T) {
	for _, f := range everySchema.Fields {
		for seed := range uint64(cases(10, 2)) {
			r := rand.New(rand.NewPCG(seed, 5))
			b := NewBuilder(f.Type)
			var want []any
			for range 100 {
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
					want = append(want, appendRandom(r, b, float64(seed%2)/5))
				}
				checkVector(t, b.Vector(), want)
			}
		}
	}
}

func checkVector(t *testing.T, v *Vector, want []any) {
	t.Helper()
	got := []any{}
	for i := range v.N {
		got = append(got, goValue(v.Type, valueAt(v, i)))
	}
	if !slices.EqualFunc(got, want, identical) {
		t.Fatalf("%s: got %v, want %v", v.Type, got, want)
	}
	if same := takeVector(v, (&frame{}).identity(v.N)); !sameMemory(v, same) {
		t.Fatalf("%s: the vector\n%+v is not canonical:\n%+v", v.Type, v, same)
	}
}

// TestBuilderChecksParts lets a struct and a map lack a part.
func TestBuilderChecksParts(t *testing.T) {
	for _, typ := range []Type{StructOf(Field{"a", Type{Kind: Bool}}, Field{"b", Type{Kind: Bool}}), MapOf(Type{Kind: Bool}, Type{Kind: Bool})} {
		b := NewBuilder(typ)
		b.Kid(0).AppendBool(true)
		func() {
			defer func() {
				if want := "columnar: a " + typ.String() + " lacks a part"; recover() != want {
					t.Errorf("no panic %q", want)
				}
			}()
			b.AppendNested()
		}()
		b.CutParts()
		b.AppendNull()
		checkVector(t, b.Vector(), []any{nil})
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

func TestNewBuilderRefusesNoType(t *testing.T) {
	defer func() {
		if r := recover(); r != "columnar: no column has type invalid" {
			t.Errorf("recovered %v", r)
		}
	}()
	NewBuilder(Type{})
}
