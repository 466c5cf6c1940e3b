package output

import (
	"context"
	"fmt"
	"path"
	"strings"

	"github.com/millrace/millrace/internal/store"
)

// checkLeftovers refuses a rerun when an earlier attempt at the batch left a file that this one does not make: a reader
// would see its rows beside those of the rerun. Files that it has only begun are removed.
func (p *Parquet) checkLeftovers(ctx context.Context, pr *Prepared) error {
	if err := store.Sweep(ctx, p.store, p.lead, ""); err != nil {
		return err
	}
	names, err := p.store.List(ctx, "")
	if err != nil {
		return fmt.Errorf("sink %s: list files of batch %d: %w", p.sink, pr.Info.Batch, err)
	}
	if name := leftover(names, pr); name != "" {
		return p.conflict(name, fmt.Sprintf("is there from an earlier attempt at batch %d, which the rerun does not make; nothing is removed: move it out of the output, then start the job again", pr.Info.Batch))
	}
	return nil
}

// leftover is the first of names that is a file of the batch but not of pr, "" for none.
func leftover(names []string, pr *Prepared) string {
	mine := map[string]bool{}
	for _, f := range pr.Files {
		mine[f.Path] = true
	}
	for _, name := range names {
		if isOfBatch(path.Base(name), pr.Info) && !mine[name] && !strings.HasPrefix(name, hiddenPrefix) {
			return name
		}
	}
	return ""
}
