package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/millrace/millrace/internal/failpoint"
)

// tempPrefix begins the name of every file that has not come into being yet. Readers pass over such names.
const tempPrefix = ".tmp-"

// tempSuffix ends it, so that nobody who looks for *.parquet or *.json takes half a file for a whole one.
const tempSuffix = ".part"

// tempBaseBytesMax keeps a temporary name within what file systems allow whatever the final name's length.
const tempBaseBytesMax = 100

// drafts counts temporary names. Together with the process id it makes them differ; no randomness, so that a
// simulated run repeats exactly.
var drafts atomic.Uint64

// Draft is a file that does not exist yet for anybody else. Write it, Sync it, then Publish it; or Discard it. The
// file stays open over Publish, and closing it is the owner's business.
type Draft struct {
	File
	fsys    FS
	dir     string
	name    string
	temp    string
	removed bool // the temporary name is gone
}

// NewDraft begins the file dir/base under a temporary name in the same directory, which must exist.
func NewDraft(fsys FS, dir, base string) (*Draft, error) {
	if err := failpoint.Hit(failpoint.StoreCreate); err != nil {
		return nil, err
	}
	for range 10_000 {
		temp := filepath.Join(dir, tempName(base))
		f, err := fsys.Create(temp)
		// A process of the same id, long dead, may have left this name: in containers every process has id 1.
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		return &Draft{File: f, fsys: fsys, dir: dir, name: filepath.Join(dir, base), temp: temp}, nil
	}
	return nil, fmt.Errorf("create temporary file in %s: every name is taken", dir)
}

// Temp returns the path that the file has until it is published.
func (d *Draft) Temp() string { return d.temp }

// Publish gives the file its name and makes that durable. Call it after Sync. A name taken is [ErrExists], and the
// file that has it is durable too. After any other error the name may or may not be there.
func (d *Draft) Publish() error {
	if err := failpoint.Hit(failpoint.StoreLink); err != nil {
		return err
	}
	err := d.fsys.Link(d.temp, d.name)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	// A temporary name left behind harms nobody, so it is no reason to call a linked file failed.
	d.removed = d.fsys.Remove(d.temp) == nil
	if err := failpoint.Hit(failpoint.StoreLinked); err != nil {
		return err
	}
	// Also for a name taken: whoever linked it may have died before this sync, and the caller will rely on it.
	if syncErr := d.fsys.Sync(d.dir); syncErr != nil {
		return syncErr
	}
	if err != nil {
		return ErrExists
	}
	return failpoint.Hit(failpoint.StoreDurable)
}

// Discard closes the file and takes the temporary name away, as well as it can. After Publish it only closes.
func (d *Draft) Discard() {
	_ = d.Close()
	if !d.removed {
		_ = d.fsys.Remove(d.temp)
	}
}

// MakeDirs makes dir and the parents it lacks; on return all of them survive power loss. The ones that were there
// already are synced in their parents as well, because whoever made them may have died before its own sync.
func MakeDirs(fsys FS, dir string) error {
	parent := filepath.Dir(dir)
	if parent == dir {
		return nil
	}
	if err := MakeDirs(fsys, parent); err != nil {
		return err
	}
	return makeDir(fsys, dir)
}

// makeDir makes one directory, or finds it there, and syncs it in its parent.
func makeDir(fsys FS, dir string) error {
	err := fsys.Mkdir(dir)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	made := err == nil
	err = fsys.Sync(filepath.Dir(dir))
	// A directory given to us in a parent that we may not open was not made by a process of ours.
	if !made && errors.Is(err, fs.ErrPermission) {
		return nil
	}
	return err
}

// tempName returns a new temporary name for base.
func tempName(base string) string {
	base = base[:min(len(base), tempBaseBytesMax)]
	return fmt.Sprintf("%s%d-%d-%s%s", tempPrefix, os.Getpid(), drafts.Add(1), base, tempSuffix)
}

func isTemp(base string) bool { return strings.HasPrefix(base, tempPrefix) }

// isDraft reports whether a directory's entry is a file with a name that tempName makes.
func isDraft(entry fs.DirEntry) bool {
	rest, temp := strings.CutPrefix(entry.Name(), tempPrefix)
	pid, rest, _ := strings.Cut(rest, "-")
	number, base, _ := strings.Cut(rest, "-")
	return temp && entry.Type().IsRegular() && isDecimal(pid) && isDecimal(number) && len(base) > len(tempSuffix) && strings.HasSuffix(base, tempSuffix)
}

func isDecimal(s string) bool {
	_, err := strconv.ParseUint(s, 10, 64)
	return err == nil
}
