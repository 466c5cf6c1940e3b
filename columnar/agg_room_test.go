package columnar

import (
	"errors"
	"strings"
	"testing"
)

// TestTooMuchText lowers the limit of 2 GiB and comes to it in every state that holds texts.
func TestTooMuchText(t *testing.T) {
	defer func(limit int) { roomMax = limit }(roomMax)
	roomMax = 100
	text, list, row := Type{Kind: String}, ArrayOf(Type{Kind: String}), StructOf(Field{"a", Type{Kind: String}})
	s := NewSchema(Field{"k", Type{Kind: Int64}}, Field{"s", text}, Field{"l", list}, Field{"r", row})
	comma := []AggParam{{text, Value{S: strings.Repeat(",", 30)}}}
	rows := func(n, size int) *Batch {
		word, words := strings.Repeat("x", size), NewBuilder(text)
		k, l, r := NewBuilder(Type{Kind: Int64}), NewBuilder(list), NewBuilder(row)
		for i := range n {
			k.AppendInt64(int64(i))
			words.AppendString(word + string(rune('a'+i)))
			l.Kid(0).AppendString(word)
			l.Kid(0).AppendString(word)
			l.AppendNested()
			r.Kid(0).AppendString(word + string(rune('a'+i)))
			r.AppendNested()
		}
		return &Batch{Schema: s, Rows: n, Cols: []*Vector{k.Vector(), words.Vector(), l.Vector(), r.Vector()}}
	}
	for _, c := range []struct {
		spec    AggSpec
		n, size int // one row less, or half the size, passes
	}{
		{AggSpec{Keys: []int{1}, Aggs: []Agg{{Func: CountStar, Arg: -1}}}, 5, 20},
		{AggSpec{Keys: []int{3}, Aggs: []Agg{{Func: CountStar, Arg: -1}}}, 5, 20},
		{AggSpec{Keys: []int{0}, Aggs: []Agg{{Func: Max, Arg: 1, In: text}}}, 5, 20},
		{AggSpec{Keys: []int{0}, Aggs: []Agg{{Func: Max, Arg: 2, In: list}}}, 3, 20},
		{AggSpec{Aggs: []Agg{{Func: Count, Arg: 1, In: text, Distinct: true}}}, 5, 20},
		{AggSpec{Aggs: []Agg{{Func: Mode, Arg: 3, In: row}}}, 5, 20},
		{AggSpec{Aggs: []Agg{{Func: ArrayAgg, Arg: 2, In: list}}}, 3, 20},
		{AggSpec{Aggs: []Agg{{Func: StringAgg, Arg: 1, In: text, Params: comma}}}, 3, 20},
	} {
		finish := func(b *Batch) error {
			h := NewHashAggregate(s, c.spec)
			if err := h.Add(b); err != nil {
				return err
			}
			_, err := h.Final()
			return err
		}
		if err := errors.Join(finish(rows(c.n-1, c.size)), finish(rows(c.n, c.size/4))); err != nil {
			t.Errorf("%s: %v", c.spec, err)
		}
		var tooMuch *RowError
		if err := finish(rows(c.n, c.size)); !errors.As(err, &tooMuch) || tooMuch.Reason != tooMuchText {
			t.Errorf("%s: got %v", c.spec, err)
		}
	}
}
