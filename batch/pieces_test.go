package batch

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/millrace/millrace/offsets"
)

func TestPieces(t *testing.T) {
	for _, test := range []struct {
		step, tail int64
		ranges     string // of partitions 0, 1, …
		want       string
	}{
		{100, 0, "[30, 250)", "[30, 100) [100, 200) [200, 250)"},
		{100, 25, "[0, 400)", "[0, 100) [100, 200) [200, 225) [225, 250) [250, 275) [275, 300) [300, 325) [325, 350) [350, 375) [375, 400)"},
		{100, 25, "[0, 390)", "[0, 100) [100, 175) [175, 200) [200, 225) [225, 250) [250, 275) [275, 300) [300, 325) [325, 350) [350, 375) [375, 390)"},
		{100, 25, "[10, 60)", "[10, 25) [25, 50) [50, 60)"},
		{100, 25, "[0, 300) [0, 150)", "[0, 100) [100, 200) [200, 250) [250, 275) [275, 300) | [0, 25) [25, 50) [50, 75) [75, 100) [100, 125) [125, 150)"},
		{100, 25, "[0, 300) [7, 7)", "[0, 100) [100, 125) [125, 150) [150, 175) [175, 200) [200, 225) [225, 250) [250, 275) [275, 300) |"},
		{0, 0, "[3, 900)", "[3, 900)"},
	} {
		p := &Planned{Step: test.step, TailStep: test.tail}
		for _, text := range strings.Split(strings.TrimSuffix(test.ranges, ")"), ") ") {
			r := offsets.Range{Source: "s", Partition: int32(len(p.Ranges))}
			fmt.Sscanf(text, "[%d, %d", &r.From, &r.Until)
			p.Ranges = append(p.Ranges, r)
		}
		var got []string
		for _, pieces := range p.piecesOf("s") {
			var texts []string
			for _, piece := range pieces {
				texts = append(texts, fmt.Sprintf("[%d, %d)", piece.From, piece.Until))
			}
			got = append(got, strings.Join(texts, " "))
		}
		if got := strings.TrimRight(strings.Join(got, " | "), " "); got != test.want {
			t.Errorf("step %d, tail step %d, %s:\n got %s\nwant %s", test.step, test.tail, test.ranges, got, test.want)
		}
	}
}

// TestPiecesCoverRanges draws plans: pieces are not empty, follow on each other without a gap, and none of the last offsets of the
// batch are in a long one.
func TestPiecesCoverRanges(t *testing.T) {
	seed := rand.Uint64()
	rng := rand.New(rand.NewPCG(seed, 0))
	for range 2000 {
		p := &Planned{Step: 1 + rng.Int64N(50)}
		p.TailStep = tailStep(p.Step)
		for i := range 1 + rng.Int32N(5) {
			from := rng.Int64N(1000)
			p.Ranges = append(p.Ranges, offsets.Range{Source: "s", Partition: i, From: from, Until: from + rng.Int64N(200)})
		}
		left := int64(0)
		for _, r := range p.Ranges {
			left += r.Span()
		}
		for i, pieces := range p.pieces() {
			at := p.Ranges[i].From
			for _, piece := range pieces {
				longest := p.Step
				if p.TailStep > 0 && left <= tailSteps*p.Step {
					longest = p.TailStep
				}
				if piece.From != at || piece.Empty() || piece.Span() > longest || piece.Partition != p.Ranges[i].Partition {
					t.Fatalf("seed %d: %v of %v, step %d, tail step %d, %d offsets before the end of the batch", seed, piece, p.Ranges, p.Step, p.TailStep, left)
				}
				at = piece.Until
				left -= piece.Span()
			}
			if at != p.Ranges[i].Until {
				t.Fatalf("seed %d: the pieces of %v end at %d", seed, p.Ranges[i], at)
			}
		}
	}
}
