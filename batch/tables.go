package batch

import (
	"context"
	"fmt"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/internal/store"
)

// sideInputs copies static tables into the checkpoint before they are planned. It remembers what it copied, so that
// an unchanged file costs one look at its size and time.
type sideInputs struct {
	blobs    store.Blobs
	versions map[string]string
	digests  map[string]string
}

func newSideInputs(blobs store.Blobs) *sideInputs {
	return &sideInputs{blobs: blobs, versions: map[string]string{}, digests: map[string]string{}}
}

// current returns the digest of every table that the job's plan joins, as the tables are now.
func (s *sideInputs) current(ctx context.Context, job *Job) (map[string]string, error) {
	out := map[string]string{}
	for _, t := range job.Plan.Tables {
		table := job.Tables[t.Name]
		version, err := table.Version()
		if err != nil {
			return nil, fmt.Errorf("look at table %s: %w", t.Name, err)
		}
		if s.digests[t.Name] == "" || s.versions[t.Name] != version {
			if s.digests[t.Name], err = s.copy(ctx, table); err != nil {
				return nil, fmt.Errorf("read table %s: %w", t.Name, err)
			}
			s.versions[t.Name] = version
		}
		out[t.Name] = s.digests[t.Name]
	}
	return out, nil
}

// copy checks that the table can be decoded before a plan depends on it.
func (s *sideInputs) copy(ctx context.Context, table Table) (string, error) {
	data, err := table.Read()
	if err != nil {
		return "", err
	}
	if _, err := table.Decode(data); err != nil {
		return "", err
	}
	return s.blobs.Put(ctx, data)
}

// useTables makes the session join with the tables that a plan names.
func (s *session) useTables(ctx context.Context, blobs store.Blobs, digests map[string]string) error {
	changed := s.tables == nil
	for name, d := range digests {
		changed = changed || s.tables[name] != d
	}
	if !changed {
		return nil
	}
	tables := map[string]*columnar.Batch{}
	for _, t := range s.job.Plan.Tables {
		digest, ok := digests[t.Name]
		if !ok {
			return fmt.Errorf("the plan names no copy of table %s", t.Name)
		}
		data, err := blobs.Get(ctx, digest)
		if err != nil {
			return fmt.Errorf("read copy of table %s: %w", t.Name, err)
		}
		all, err := s.job.Tables[t.Name].Decode(data)
		if err != nil {
			return fmt.Errorf("decode copy of table %s: %w", t.Name, err)
		}
		if tables[t.Name], err = pick(all, t.Schema); err != nil {
			return fmt.Errorf("table %s: %w", t.Name, err)
		}
	}
	s.worker.setTables(tables)
	s.tables = digests
	return nil
}

// pick narrows a table to the columns of the plan.
func pick(b *columnar.Batch, want *columnar.Schema) (*columnar.Batch, error) {
	out := &columnar.Batch{Schema: want, Rows: b.Rows, Sel: b.Sel}
	for _, f := range want.Fields {
		i := b.Schema.Index(f.Name)
		if i < 0 {
			return nil, fmt.Errorf("no column %q", f.Name)
		}
		out.Cols = append(out.Cols, b.Cols[i])
	}
	return out, nil
}
