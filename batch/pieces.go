package batch

import "github.com/millrace/millrace/offsets"

// tailSteps is how many steps, at the end of a batch, are cut finer, and tailParts into how many pieces each of them: the
// cores have nothing else to do until the last task of a batch is done, so the last ones are short. Small tasks cost more, as each
// begins its groups anew, so not all are. It is the idea of guided self-scheduling (Polychronopoulos and Kuck, 1987), but by offsets alone: the order of float
// sums must not depend on who is free.
const (
	tailSteps = 2
	tailParts = 4
)

// tailStep is the finer step of a plan whose tasks have step offsets; 0: they are cut no finer.
func tailStep(step int64) int64 { return max(step, 0) / tailParts }

// pieces are what the source tasks of a plan read, by range: each cut at the multiples of Step, and where the last
// tailSteps steps of all ranges in their order lie, at those of TailStep. A function of the plan alone: a rerun must cut alike.
func (p *Planned) pieces() [][]offsets.Range {
	out := make([][]offsets.Range, len(p.Ranges))
	tail := int64(0) // offsets that are left to be cut finer
	if p.TailStep > 0 {
		tail = tailSteps * p.Step
	}
	for i := len(p.Ranges) - 1; i >= 0; i-- {
		r := p.Ranges[i]
		fine := r
		fine.From = r.Until
		if tail > 0 {
			fine.From = max(r.From, (r.Until-tail)/p.TailStep*p.TailStep)
		}
		tail -= fine.Span()
		r.Until = fine.From
		out[i] = append(r.Cut(p.Step), fine.Cut(p.TailStep)...)
	}
	return out
}

// piecesOf are the pieces of the ranges of one source, in their order.
func (p *Planned) piecesOf(source string) [][]offsets.Range {
	var out [][]offsets.Range
	for i, pieces := range p.pieces() {
		if p.Ranges[i].Source == source {
			out = append(out, pieces)
		}
	}
	return out
}
