package wal

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/millrace/millrace/internal/failpoint"
	"github.com/millrace/millrace/internal/store"
)

// lockFormat is the version of a lock file's content; docs/formats/checkpoint.md.
const lockFormat = 1

const lockSuffix = ".lock"

// Holder is the process that created an epoch. Host is empty when its lock file does not tell.
type Holder struct {
	Epoch   uint64
	Host    string
	PID     int
	Started time.Time
}

// AcquireOptions says who takes an epoch. It is written down for people; nothing is decided by it except TakeOver.
type AcquireOptions struct {
	// TakeOver takes the next epoch whatever the newest one's holder is doing. It finds out by [FileLease.Newer].
	TakeOver bool
	Now      time.Time // when the driver started
	Host     string    // "": this machine's name
	PID      int       // 0: this process
}

// FileLease is an epoch taken by this process. It ends with the process, however that ends, or by Release. It is safe for
// concurrent use.
type FileLease struct {
	fsys  store.FS
	dir   string
	epoch uint64
	lock  io.Closer
}

// Acquire takes the next epoch in dir, which is made if need be. If the newest epoch's holder lives it is a
// [HeldError]. Of several that try at the same time each epoch has one winner; the others look again.
func Acquire(fsys store.FS, dir string, opts AcquireOptions) (*FileLease, error) {
	if err := store.MakeDirs(fsys, dir); err != nil {
		return nil, &store.OpError{Op: "create", Name: dir, Err: err}
	}
	for {
		newest, err := newestEpoch(fsys, dir)
		if err != nil {
			return nil, err
		}
		if newest > 0 && !opts.TakeOver {
			if err := checkFree(fsys, dir, newest); err != nil {
				return nil, err
			}
		}
		lease, err := createEpoch(fsys, dir, newest+1, opts)
		if !errors.Is(err, store.ErrExists) {
			return lease, err
		}
	}
}

// Epoch returns the epoch's number, from 1.
func (l *FileLease) Epoch() uint64 { return l.epoch }

// Newer returns who holds the newest epoch after this one; nil: there is none. Once it has returned a holder this
// process must not make anything visible any more.
func (l *FileLease) Newer() (*Holder, error) {
	newest, err := newestEpoch(l.fsys, l.dir)
	if err != nil || newest <= l.epoch {
		return nil, err
	}
	holder := describe(l.fsys, l.dir, newest)
	return &holder, nil
}

// Release ends the lease before the process does, so that another may take the next epoch. Once is enough.
func (l *FileLease) Release() error {
	if err := l.lock.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
		return fmt.Errorf("release epoch %d: %w", l.epoch, err)
	}
	return nil
}

// checkFree is a HeldError if the holder of an epoch lives.
func checkFree(fsys store.FS, dir string, epoch uint64) error {
	name := filepath.Join(dir, lockName(epoch))
	held, err := fsys.Locked(name)
	if err != nil {
		return &store.OpError{Op: "look at lock", Name: name, Err: err}
	}
	if held {
		return &HeldError{describe(fsys, dir, epoch)}
	}
	return nil
}

// createEpoch makes an epoch's lock file, locked before anybody can see it.
func createEpoch(fsys store.FS, dir string, epoch uint64, opts AcquireOptions) (*FileLease, error) {
	if epoch > maxEpoch {
		return nil, fmt.Errorf("create epoch %d in %s: there are no more than %d", epoch, dir, maxEpoch)
	}
	content, err := encodeHolder(opts)
	if err != nil {
		return nil, fmt.Errorf("create epoch %d: %w", epoch, err)
	}
	draft, err := store.NewDraft(fsys, dir, lockName(epoch))
	var lock io.Closer
	if err == nil {
		defer draft.Discard()
		lock, err = publishLocked(fsys, draft, content)
	}
	if err != nil {
		return nil, &store.OpError{Op: "create", Name: filepath.Join(dir, lockName(epoch)), Err: err}
	}
	return &FileLease{fsys: fsys, dir: dir, epoch: epoch, lock: lock}, nil
}

// publishLocked gives a file its content, its lock and then its name.
func publishLocked(fsys store.FS, draft *store.Draft, content []byte) (io.Closer, error) {
	if _, err := draft.Write(content); err != nil {
		return nil, err
	}
	if err := draft.Sync(); err != nil {
		return nil, err
	}
	lock, err := fsys.Lock(draft.Temp())
	if err != nil {
		return nil, err
	}
	if err := failpoint.Hit(failpoint.LogLock); err != nil {
		_ = lock.Close()
		return nil, err
	}
	if err := draft.Publish(); err != nil {
		_ = lock.Close()
		return nil, err
	}
	return lock, nil
}

// newestEpoch returns the highest epoch in dir, 0 if there is none. It reads the directory instead of counting up, so
// that a lock file somebody removed does not hide those after it.
func newestEpoch(fsys store.ReadFS, dir string) (uint64, error) {
	entries, err := fsys.ReadDir(dir)
	if err != nil {
		return 0, &store.OpError{Op: "list", Name: dir, Err: err}
	}
	var newest uint64
	for _, entry := range entries {
		newest = max(newest, parseLockName(entry.Name()))
	}
	return newest, nil
}

// lockContent is a lock file's JSON.
type lockContent struct {
	Format  int       `json:"format"`
	Host    string    `json:"host"`
	PID     int       `json:"pid"`
	Started time.Time `json:"started"`
}

func encodeHolder(opts AcquireOptions) ([]byte, error) {
	c := lockContent{Format: lockFormat, Host: opts.Host, PID: opts.PID, Started: opts.Now.UTC()}
	if c.PID == 0 {
		c.PID = os.Getpid()
	}
	if c.Host == "" {
		host, err := os.Hostname()
		if err != nil {
			return nil, err
		}
		c.Host = host
	}
	content, err := json.Marshal(c)
	return append(content, '\n'), err
}

// describe says who holds an epoch. That an epoch is held, or newer, is decided already: a lock file that cannot be
// read must not hide it, so it only leaves the holder unknown.
func describe(fsys store.ReadFS, dir string, epoch uint64) Holder {
	data, err := fsys.ReadFile(filepath.Join(dir, lockName(epoch)))
	if err != nil {
		return Holder{Epoch: epoch}
	}
	return decodeHolder(data, epoch)
}

// decodeHolder reads a lock's content; one of another kind leaves the holder unknown.
func decodeHolder(data []byte, epoch uint64) Holder {
	var c lockContent
	if json.Unmarshal(data, &c) != nil || c.Format != lockFormat {
		return Holder{Epoch: epoch}
	}
	return Holder{Epoch: epoch, Host: c.Host, PID: c.PID, Started: c.Started}
}

// lockName returns the file name of an epoch's lock.
func lockName(epoch uint64) string { return fmt.Sprintf("%0*d%s", epochDigits, epoch, lockSuffix) }

// parseLockName returns the epoch of a file name, 0 for any that lockName does not make.
func parseLockName(name string) uint64 {
	epoch, err := strconv.ParseUint(strings.TrimSuffix(name, lockSuffix), 10, 64)
	if err != nil || lockName(epoch) != name {
		return 0
	}
	return epoch
}
