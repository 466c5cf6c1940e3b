package wal

import (
	"errors"
	"io/fs"
	"slices"

	"github.com/millrace/millrace/internal/store"
)

// Current returns who holds the newest epoch in dir; nil: nobody. It takes nothing and changes nothing.
func Current(fsys store.FS, dir string) (*Holder, error) {
	newest, err := newestEpoch(fsys, dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil // nobody ever was
	}
	if err != nil || newest == 0 {
		return nil, err
	}
	var held *HeldError
	if err := checkFree(fsys, dir, newest); errors.As(err, &held) {
		return &held.Holder, nil
	} else if err != nil {
		return nil, err
	}
	return nil, nil
}

// HeldBelow returns who lives of the holders of epochs below one, the newest of them; nil: nobody. It takes nothing and
// changes nothing.
func HeldBelow(fsys store.FS, dir string, below uint64) (*Holder, error) {
	entries, err := fsys.ReadDir(dir)
	if err != nil {
		return nil, &store.OpError{Op: "list", Name: dir, Err: err}
	}
	for _, entry := range slices.Backward(entries) { // by name, and so by epoch
		epoch := parseLockName(entry.Name())
		if epoch == 0 || epoch >= below {
			continue
		}
		var held *HeldError
		if err := checkFree(fsys, dir, epoch); errors.As(err, &held) {
			return &held.Holder, nil
		} else if err != nil {
			return nil, err
		}
	}
	return nil, nil
}
