package batch

import (
	"testing"
	"testing/synctest"
)

// TestSpareCore: an errand goes on while a core is free, waits while all have tasks, and waits no more when it is urgent.
func TestSpareCore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &spare{cores: 2}
		s.changed.L = &s.mu
		e, steps := &errand{of: s}, 0
		step := make(chan struct{})
		go func() {
			for range step {
				e.pause()
				steps++
			}
		}()
		defer close(step)
		try := func(want int, what string) {
			t.Helper()
			if synctest.Wait(); steps != want {
				t.Fatalf("%s: %d steps, want %d", what, steps, want)
			}
		}
		s.begin()
		step <- struct{}{}
		try(1, "one core is free")
		s.begin()
		step <- struct{}{}
		try(1, "both have tasks")
		s.end()
		try(2, "one is free again")
		s.begin()
		step <- struct{}{}
		try(2, "both have tasks again")
		e.hurry()
		try(3, "it is urgent")
		step <- struct{}{}
		try(4, "it stays so")
	})
}
