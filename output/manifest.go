package output

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/millrace/millrace/internal/failpoint"
	"github.com/millrace/millrace/internal/store"
)

// manifest is the content of _millrace/manifest/<batch>.json, of which a run becomes one object later: see [merged].
type manifest struct {
	Format int `json:"format"`
	Owner
	Batch int64  `json:"batch"`
	Files []File `json:"files"`
}

// Committed implements [Sink]: it writes the manifest of a batch that has files.
func (p *Parquet) Committed(ctx context.Context, batch int64, files []File) error {
	if len(files) == 0 {
		return nil
	}
	m := manifest{formatVersion, p.owner, batch, files}
	data, err := m.encode()
	if err != nil {
		return fmt.Errorf("sink %s: encode manifest: %w", p.sink, err)
	}
	name := manifestName(batch)
	if err = failpoint.Hit(failpoint.ParquetManifest); err == nil {
		err = store.PutBytes(ctx, p.store, name, data)
	}
	if errors.Is(err, store.ErrExists) {
		return p.sameManifest(ctx, name, m)
	}
	if err != nil {
		return fmt.Errorf("sink %s: write manifest: %w", p.sink, err)
	}
	p.merging.own.note(batch, files)
	return nil
}

// encode writes one file a line, for people who look.
func (m manifest) encode() ([]byte, error) {
	files := m.Files
	m.Files = []File{}
	head, err := json.Marshal(m)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	b.Write(bytes.TrimSuffix(head, []byte("]}")))
	for i, f := range files {
		line, err := json.Marshal(f)
		if err != nil {
			return nil, err
		}
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteByte('\n')
		b.Write(line)
	}
	b.WriteString("]}\n")
	return b.Bytes(), nil
}

// sameManifest compares meaning, not bytes.
func (p *Parquet) sameManifest(ctx context.Context, name string, want manifest) error {
	have, err := p.readManifest(ctx, name)
	if err != nil {
		return err
	}
	if !have.same(want) {
		return p.conflict(name, "lists other files than the log's commit of that batch; the log or the output is an old copy: restore the newer one")
	}
	return nil
}

func (p *Parquet) readManifest(ctx context.Context, name string) (manifest, error) {
	data, err := p.store.Get(ctx, name)
	if err != nil {
		return manifest{}, fmt.Errorf("sink %s: read manifest: %w", p.sink, err)
	}
	return p.decodeManifest(name, data)
}

func (p *Parquet) decodeManifest(name string, data []byte) (manifest, error) {
	var have manifest
	if err := json.Unmarshal(data, &have); err != nil {
		return have, p.conflict(name, fmt.Sprintf("is no manifest (%v): restore it from a copy", err))
	}
	return have, nil
}

// Published implements [Sink]: the highest batch with a manifest; 0 for none that is as new as the last one that the log has.
func (p *Parquet) Published(ctx context.Context) (Standing, error) {
	names, err := p.newestManifests(ctx)
	if err != nil {
		return Standing{}, fmt.Errorf("sink %s: list manifests: %w", p.sink, err)
	}
	var highest int64
	for _, name := range names {
		highest = max(highest, newestIn(name))
	}
	if slices.Contains(names, markName) {
		if err := p.checkMark(ctx); err != nil {
			return Standing{}, err
		}
	}
	return Standing{Batch: highest}, nil
}

// newestManifests lists the manifests from that of the last batch on that the log has, and where it makes no difference those before:
// an object store answers with a thousand at a time.
func (p *Parquet) newestManifests(ctx context.Context) ([]string, error) {
	if objects, ok := p.store.(store.Objects); ok && p.last > 1 {
		return objects.ListAfter(ctx, manifestPrefix, manifestName(p.last-1), 0)
	}
	return p.store.List(ctx, manifestPrefix)
}

// manifestBatch is the batch of a manifest's name, 0 for other names.
func manifestBatch(name string) int64 {
	digits, ok := strings.CutSuffix(path.Base(name), ".json")
	if !ok {
		return 0
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || n < 1 || n == markBatch || manifestName(n) != name {
		return 0
	}
	return n
}
