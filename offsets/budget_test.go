package offsets

import (
	"testing"
)

func TestBudgetShare(t *testing.T) {
	b := NewBudget(64 << 20)
	for _, test := range []struct{ readers, most, want int }{
		{0, 4 << 20, 4 << 20},
		{1, 4 << 20, 4 << 20},
		{2, 100 << 20, 16<<20 - (2 << 20) - 64},
		{8, 4 << 20, 4<<20 - (512 << 10) - 64},
		{200, 4 << 20, 67108864/400 - 67108864/400/8 - 64},
		{5000, 4 << 20, fetchBytesLeast},
		{5000, 1000, 1000},
	} {
		b.readers = test.readers
		if got := b.share(test.most); got != test.want {
			t.Errorf("%d readers share %d bytes, want %d", test.readers, got, test.want)
		}
	}
	if NewBudget(0).total != BudgetBytes {
		t.Error("no default")
	}
}

// TestBudgetRoom: there is room up to the budget, one answer more where it must be, and kept memory gives way.
func TestBudgetRoom(t *testing.T) {
	b := NewBudget(1000)
	first, second := b.enter(), b.enter()
	if !b.reserve(first, 600, false) || b.reserve(second, 500, false) || !b.reserve(second, 500, true) || !b.over() {
		t.Fatalf("used %d", b.used)
	}
	if b.peak != 1100 || b.Peak() != 1100 {
		t.Errorf("peak %d, want 1100", b.peak)
	}
	first.reserved = 0
	first.giveBack(make([]byte, 600), b)
	if len(first.spare) != 0 || b.used != 500 {
		t.Errorf("a buffer is kept though there is too little room: used %d", b.used)
	}
	first.giveBack(make([]byte, 300), b)
	b.leave(first)
	if b.used != 800 || len(b.idle) != 1 || b.readers != 1 {
		t.Errorf("used %d, %d kept, %d readers", b.used, len(b.idle), b.readers)
	}
	second.reserved = 0
	if !b.reserve(second, 900, false) || b.used != 900 || len(b.idle) != 0 {
		t.Errorf("what is kept does not give way: used %d, %d kept", b.used, len(b.idle))
	}
	second.reserved = 0
	second.giveBack(make([]byte, 700), b)
	b.leave(second)
	if third := b.enter(); third != second || b.used != 700 || b.readers != 1 {
		t.Errorf("kept memory is not used again: used %d", b.used)
	}
}

// TestBudgetTakesAnswersAsTheyAre: a batch may be larger than what was asked for.
func TestBudgetTakesAnswersAsTheyAre(t *testing.T) {
	b := NewBudget(1000)
	s := b.enter()
	b.reserve(s, 400, true)
	s.reserved, s.inUse = 0, 5000
	b.count(s)
	if b.used != 5000 || b.reserve(s, 1, false) {
		t.Errorf("used %d", b.used)
	}
	s.inUse = 0
	b.count(s)
	if b.used != 0 || b.Peak() != 5000 {
		t.Errorf("used %d, peak %d", b.used, b.Peak())
	}
}
