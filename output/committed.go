package output

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"

	"github.com/millrace/millrace/internal/store"
)

// OtherJobError says that a directory holds what another job has written.
type OtherJobError struct {
	Path  string
	Owner string // the name of the job that has written it
	Job   string // of the job that was asked for
}

func (e *OtherJobError) Error() string {
	return fmt.Sprintf("%s belongs to job %s, not to %s", e.Path, e.Owner, e.Job)
}

// Committed lists the files of st, the directory root of Parquet files that the job of that name has committed, by batch. Files of a
// batch that is not committed are not among them, nor are those of a batch whose commit a run has not copied yet. A
// directory of another job is an [OtherJobError]; one that is not there has no files.
func Committed(ctx context.Context, st store.Store, root, job string) ([]File, error) {
	data, err := st.Get(ctx, ownerName)
	if errors.Is(err, store.ErrNotExist) {
		return nil, nil
	}
	var owner ownerFile
	if err == nil {
		err = json.Unmarshal(data, &owner)
	}
	switch {
	case err != nil:
		return nil, fmt.Errorf("read owner of %s: %w", root, err)
	case owner.Job != job:
		return nil, &OtherJobError{Path: root, Owner: owner.Job, Job: job}
	}
	c, err := readCopies(ctx, st, math.MaxInt64)
	if err == nil {
		err = c.err()
	}
	if err != nil {
		return nil, fmt.Errorf("read manifests of %s: %w", root, err)
	}
	var out []File
	for _, m := range c.sorted() {
		out = append(out, m.Files...)
	}
	return out, nil
}
