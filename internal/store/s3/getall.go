package s3

import (
	"context"
	"sync"
)

// getters is how many objects are asked for at a time.
const getters = 32

// GetAll implements [store.Objects]. Of several errors it returns that of the first name.
func (b *Bucket) GetAll(ctx context.Context, names []string) ([][]byte, error) {
	data, errs := make([][]byte, len(names)), make([]error, len(names))
	next := make(chan int)
	var wg sync.WaitGroup
	for range min(getters, len(names)) {
		wg.Go(func() {
			for i := range next {
				data[i], errs[i] = b.Get(ctx, names[i])
			}
		})
	}
	for i := range names {
		next <- i
	}
	close(next)
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return data, nil
}
