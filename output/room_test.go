package output

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/millrace/millrace/internal/store"
)

// waitingStore gives files whole, each when it is let go.
type waitingStore struct {
	store.Store
	letGo chan struct{}

	mu    sync.Mutex
	now   int // files that are asked for and not given
	asked int
}

func (w *waitingStore) Get(context.Context, string) ([]byte, error) {
	w.mu.Lock()
	w.now, w.asked = w.now+1, w.asked+1
	w.mu.Unlock()
	<-w.letGo
	w.mu.Lock()
	w.now--
	w.mu.Unlock()
	return []byte("no Parquet"), nil
}

// TestCheckRoom: of files that a store gives only whole, no more are in memory at a time than there is room for, and one always.
func TestCheckRoom(t *testing.T) {
	for _, c := range []struct {
		room, bytes int64
		want        int
	}{{0, 100, 8}, {250, 100, 2}, {800, 100, 8}, {50, 100, 1}} {
		synctest.Test(t, func(t *testing.T) {
			s := &waitingStore{letGo: make(chan struct{})}
			k := &parquetCheck{out: &Checked{}, want: map[string]wanted{}, room: newRoom(c.room)}
			k.Store = s
			k.Each = func(n int, f func(int) error) error {
				errs := make([]error, n)
				var all sync.WaitGroup
				for i := range n {
					all.Go(func() { errs[i] = f(i) })
				}
				all.Wait()
				return errors.Join(errs...)
			}
			for i := range 8 {
				k.expect(1, []File{{Path: fmt.Sprint(i), Bytes: c.bytes}})
			}
			done := make(chan error, 1)
			go func() { done <- k.files(t.Context()) }()
			for given := 0; given < 8; {
				synctest.Wait()
				if want := min(c.want, 8-given); s.now != want {
					t.Fatalf("room for %d bytes: %d files of %d at a time, want %d", c.room, s.now, c.bytes, want)
				}
				given++
				s.letGo <- struct{}{}
			}
			if err := <-done; err != nil || s.asked != 8 || k.out.Files != 8 {
				t.Errorf("%d files asked for, %d looked at: %v", s.asked, k.out.Files, err)
			}
		})
	}
}
