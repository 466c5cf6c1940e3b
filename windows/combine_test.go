package windows

import "testing"

func TestCombine(t *testing.T) {
	at := func(w int64) Input { return Input{Watermark: w} }
	idle := func(w int64) Input { return Input{Watermark: w, Idle: true} }
	for _, test := range []struct {
		name string
		in   []Input
		want Input
	}{
		{"one", []Input{at(5)}, at(5)},
		{"the least", []Input{at(5), at(3), at(9)}, at(3)},
		{"an idle one does not hold back", []Input{at(5), idle(3)}, at(5)},
		{"an idle one that is ahead changes nothing", []Input{at(5), idle(9)}, at(5)},
		{"without a record yet, it holds back", []Input{at(5), at(NoWatermark)}, at(NoWatermark)},
		{"idle without a record, it does not", []Input{at(5), idle(NoWatermark)}, at(5)},
		{"all idle: the greatest", []Input{idle(5), idle(NoWatermark), idle(7)}, idle(7)},
		{"all idle and none had a record", []Input{idle(NoWatermark), idle(NoWatermark)}, idle(NoWatermark)},
		{"at the end", []Input{at(MaxWatermark), idle(MaxWatermark)}, at(MaxWatermark)},
	} {
		if got := Combine(test.in); got != test.want {
			t.Errorf("%s: %+v, want %+v", test.name, got, test.want)
		}
	}
}

func TestAsInput(t *testing.T) {
	mark := func(idle ...bool) SourceMark {
		m := SourceMark{Watermark: 4}
		for i, b := range idle {
			m.Partitions = append(m.Partitions, PartitionMark{Partition: int32(i), Idle: b})
		}
		return m
	}
	for _, test := range []struct {
		mark SourceMark
		idle bool
	}{
		{mark(), false}, {mark(true), true}, {mark(true, true), true}, {mark(true, false), false}, {mark(false), false},
	} {
		if got := test.mark.AsInput(); got != (Input{4, test.idle}) {
			t.Errorf("%+v: %+v", test.mark, got)
		}
	}
}
