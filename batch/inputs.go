package batch

import (
	"context"
	"fmt"
	"slices"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/internal/failpoint"
	"github.com/millrace/millrace/internal/store"
)

// sideInputs copies what a batch depends on besides its records into the checkpoint before it is planned: static tables,
// and the rules of time zones. It remembers what it copied, so that an unchanged file costs one look at its size and time.
type sideInputs struct {
	blobs    store.Blobs
	loadZone func(name string) (*columnar.Zone, error)
	memory   Memory // that reading a table may take
	tables   map[string]copied
	zones    map[string]string // digests
}

// copied is the table that was copied last under a name.
type copied struct{ version, digest string }

func newSideInputs(blobs store.Blobs, loadZone func(string) (*columnar.Zone, error)) *sideInputs {
	return &sideInputs{blobs: blobs, loadZone: loadZone, tables: map[string]copied{}, zones: map[string]string{}}
}

// current sets in the plan the digests of all side inputs of its job, as they are now.
func (s *sideInputs) current(ctx context.Context, job *Job, p *Planned) error {
	if err := failpoint.Hit(failpoint.InputsCopy); err != nil {
		return err
	}
	p.Tables, p.Zones = map[string]string{}, map[string]string{}
	zones := map[string]*columnar.Zone{}
	for _, name := range job.zones() {
		z, err := s.loadZone(name)
		if err != nil {
			return err
		}
		zones[name] = z
		if p.Zones[name], err = s.zone(ctx, z); err != nil {
			return fmt.Errorf("copy the rules of time zone %s: %w", name, err)
		}
	}
	for _, t := range job.Plan.Tables {
		digest, err := s.table(ctx, t.Name, job.Tables[t.Name], zones)
		if err != nil {
			return err
		}
		p.Tables[t.Name] = digest
	}
	return nil
}

// zones are the names of the time zones that a batch of the job depends on, sorted.
func (j *Job) zones() []string {
	out := slices.Clone(j.Plan.Zones)
	for _, t := range j.Plan.Tables {
		out = append(out, j.Tables[t.Name].Zones...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// zone returns the digest of the rules, which stay the same as long as the program runs.
func (s *sideInputs) zone(ctx context.Context, z *columnar.Zone) (string, error) {
	if digest, ok := s.zones[z.Name()]; ok {
		return digest, nil
	}
	digest, err := s.blobs.Put(ctx, z.Encode())
	if err != nil {
		return "", err
	}
	s.zones[z.Name()] = digest
	return digest, nil
}

func (s *sideInputs) table(ctx context.Context, name string, t Table, zones map[string]*columnar.Zone) (string, error) {
	version, err := t.Version()
	if err != nil {
		return "", fmt.Errorf("look at table %s: %w", name, err)
	}
	last := s.tables[name]
	if last.digest != "" && last.version == version {
		return last.digest, nil
	}
	digest, err := s.copy(ctx, t, zones)
	if err != nil {
		return "", fmt.Errorf("read table %s: %w", name, err)
	}
	s.tables[name] = copied{version, digest}
	return digest, nil
}

// copy checks that the table can be decoded, and that there is room for it, before a plan depends on it.
func (s *sideInputs) copy(ctx context.Context, table Table, zones map[string]*columnar.Zone) (string, error) {
	const again = "nothing was planned: run the job again with memory: %s or more"
	if table.Size != nil {
		bytes, err := table.Size()
		if err == nil {
			err = s.memory.tableFits(bytes, again)
		}
		if err != nil {
			return "", err
		}
	}
	data, err := table.Read()
	if err != nil {
		return "", err
	}
	rows, err := table.Decode(data, &columnar.Env{Zones: zones})
	if err == nil {
		err = s.memory.tableFits(int64(len(data))+rows.SizeBytes(), again)
	}
	if err != nil {
		return "", err
	}
	return s.blobs.Put(ctx, data)
}

// useInputs makes the session compute with the side inputs that a plan names.
func (s *session) useInputs(ctx context.Context, blobs store.Blobs, p *Planned) error {
	if s.uses(p) {
		return nil
	}
	if err := failpoint.Hit(failpoint.InputsLoad); err != nil {
		return err
	}
	zones := map[string]*columnar.Zone{}
	for _, name := range s.job.zones() {
		data, err := copyOf(ctx, blobs, p.Zones, "the rules of time zone", name)
		if err != nil {
			return err
		}
		if zones[name], err = columnar.DecodeZone(name, data); err != nil {
			return err
		}
	}
	tables, err := s.loadTables(ctx, blobs, p, zones)
	if err != nil {
		return err
	}
	s.worker.setInputs(tables, zones)
	s.tables, s.zones = p.Tables, p.Zones
	return s.worker.checkTables()
}

// loadTables reads the tables of a plan, as long as there is room for them.
func (s *session) loadTables(ctx context.Context, blobs store.Blobs, p *Planned, zones map[string]*columnar.Zone) (map[string]*columnar.Batch, error) {
	tables, before := map[string]*columnar.Batch{}, int64(0)
	for _, t := range s.job.Plan.Tables {
		data, err := copyOf(ctx, blobs, p.Tables, "table", t.Name)
		if err != nil {
			return nil, err
		}
		all, err := s.job.Tables[t.Name].Decode(data, &columnar.Env{Zones: zones})
		if err != nil {
			return nil, fmt.Errorf("decode copy of table %s: %w", t.Name, err)
		}
		if err := s.worker.memory.tableFits(before+int64(len(data))+all.SizeBytes(), s.worker.withMore()); err != nil {
			return nil, fmt.Errorf("table %s: %w", t.Name, err)
		}
		if tables[t.Name], err = pick(all, t.Schema); err != nil {
			return nil, fmt.Errorf("table %s: %w", t.Name, err)
		}
		before += tables[t.Name].SizeBytes()
	}
	return tables, nil
}

// uses reports whether the session computes with the side inputs that a plan names.
func (s *session) uses(p *Planned) bool {
	return s.tables != nil && sameDigests(s.tables, p.Tables) && sameDigests(s.zones, p.Zones)
}

// sameDigests reports whether all that now names is used already.
func sameDigests(used, now map[string]string) bool {
	for name, d := range now {
		if used[name] != d {
			return false
		}
	}
	return true
}

// copyOf reads the copy of a side input that a plan names.
func copyOf(ctx context.Context, blobs store.Blobs, digests map[string]string, what, name string) ([]byte, error) {
	digest, ok := digests[name]
	if !ok {
		return nil, fmt.Errorf("the plan names no copy of %s %s", what, name)
	}
	data, err := blobs.Get(ctx, digest)
	if err != nil {
		return nil, fmt.Errorf("read copy of %s %s: %w", what, name, err)
	}
	return data, nil
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
