package wal

import (
	"errors"
	"io/fs"

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
