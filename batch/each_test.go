package batch

import (
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
)

// TestOnCores: everything is called once, whatever the cores and the errors, and the first error by number is told.
func TestOnCores(t *testing.T) {
	for _, n := range []int{0, 1, 2, 100} {
		for _, cores := range []int{1, 2, 7} {
			for _, failing := range [][]int{nil, {0}, {1, 99}, {41, 7, 63}} {
				calls := make([]atomic.Int64, n)
				err := onCores(cores)(n, func(i int) error {
					calls[i].Add(1)
					if slices.Contains(failing, i) {
						return fmt.Errorf("call %d", i)
					}
					return nil
				})
				var want error
				if len(failing) > 0 && slices.Min(failing) < n {
					want = fmt.Errorf("call %d", slices.Min(failing))
				}
				if fmt.Sprint(err) != fmt.Sprint(want) {
					t.Errorf("%d calls on %d cores, %v fail: %v, want %v", n, cores, failing, err, want)
				}
				for i := range calls {
					if c := calls[i].Load(); c != 1 {
						t.Errorf("%d calls on %d cores: number %d was called %d times", n, cores, i, c)
					}
				}
			}
		}
	}
}
