package batch

import (
	"sync"
	"sync/atomic"
)

// onCores is a function that calls f for 0 to n−1, on so many cores. The error is that of the least of those that failed.
func onCores(cores int) func(n int, f func(i int) error) error {
	return func(n int, f func(i int) error) error {
		errs := make([]error, n)
		var next atomic.Int64
		work := func() {
			for i := next.Add(1) - 1; i < int64(n); i = next.Add(1) - 1 {
				errs[i] = f(int(i))
			}
		}
		var wg sync.WaitGroup
		for range min(cores, n) - 1 {
			wg.Go(work)
		}
		work()
		wg.Wait()
		for _, err := range errs {
			if err != nil {
				return err
			}
		}
		return nil
	}
}
