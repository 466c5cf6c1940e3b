package batch

import "testing"

// TestKeptRowsAreLetGo: both open batches share what output may have on the heap, and have it again when one of them is gone.
func TestKeptRowsAreLetGo(t *testing.T) {
	shared := &heap{}
	open := func() *keeper {
		return &keeper{memory: Memory{Output: 100}, cores: 1, scratch: &poisoned{}, heap: shared}
	}
	first, second := open(), open()
	if !first.onHeap(60) || second.onHeap(60) || !second.onHeap(40) {
		t.Errorf("%d bytes of 100 are on the heap", shared.used.Load())
	}
	for _, k := range []*keeper{first, second} {
		if err := k.reset(); err != nil {
			t.Fatal(err)
		}
	}
	if n := shared.used.Load(); n != 0 {
		t.Errorf("%d bytes of batches that are gone are counted", n)
	}
	if !second.onHeap(100) {
		t.Error("a batch has not the room of those that are gone")
	}
}
