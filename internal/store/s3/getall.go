package s3

import (
	"context"
	"sync"
)

// abreast is how many requests are under way at a time.
const abreast = 32

// GetAll implements [store.Objects]. Of several errors it returns that of the first name.
func (b *Bucket) GetAll(ctx context.Context, names []string) ([][]byte, error) {
	data := make([][]byte, len(names))
	err := all(len(names), func(i int) (err error) {
		data[i], err = b.Get(ctx, names[i])
		return err
	})
	if err != nil {
		return nil, err
	}
	return data, nil
}

// DeleteAll removes objects, several at a time. Of several errors it returns that of the first name.
func (b *Bucket) DeleteAll(ctx context.Context, names []string) error {
	return all(len(names), func(i int) error { return b.Delete(ctx, names[i]) })
}

// all calls f for 0 to n−1, several at a time, and returns the first error by that number.
func all(n int, f func(i int) error) error {
	errs := make([]error, n)
	next := make(chan int)
	var wg sync.WaitGroup
	for range min(abreast, n) {
		wg.Go(func() {
			for i := range next {
				errs[i] = f(i)
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
