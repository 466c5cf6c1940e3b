package windows

// Input is how far event time has come in one of the inputs of an operator: a source, or another operator.
type Input struct {
	Watermark int64
	Idle      bool // nothing is expected: the input does not hold the operator back
}

// AsInput is a source as the input of an operator. It is idle when all its partitions are; a source whose partitions are
// not known yet may still say anything.
func (m SourceMark) AsInput() Input {
	for _, p := range m.Partitions {
		if !p.Idle {
			return Input{Watermark: m.Watermark}
		}
	}
	return Input{Watermark: m.Watermark, Idle: len(m.Partitions) > 0}
}

// Combine is how far event time has come behind several inputs: the least watermark of those that are not idle. When all
// are idle nothing more can be waited for: it is the greatest, and idle.
func Combine(inputs []Input) Input {
	least, greatest, active := int64(MaxWatermark), int64(NoWatermark), false
	for _, in := range inputs {
		greatest = max(greatest, in.Watermark)
		if !in.Idle {
			least, active = min(least, in.Watermark), true
		}
	}
	if active {
		return Input{Watermark: least}
	}
	return Input{Watermark: greatest, Idle: true}
}
