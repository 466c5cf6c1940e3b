package batch

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/output"
)

// kept looks for what the checkpoint keeps beside the log: the tables and zone rules of batches, which a replay reads, and the state
// that the next start begins with. A checkpoint that was half copied lacks some, and nobody would know before it is needed. That they
// are there is enough: whoever reads them compares digests, as Deep does.
func (v *verification) kept(ctx context.Context) error {
	want := v.wanted()
	if len(want) == 0 {
		return nil
	}
	there := map[string]bool{}
	for _, prefix := range []string{blobsPrefix, statePrefix} {
		names, err := v.blobs.Store.List(ctx, prefix)
		if err != nil {
			return err
		}
		for _, name := range names {
			there[name] = true
		}
	}
	for _, k := range want {
		if !there[k.name] {
			there[k.name] = true // it is told once
			v.out.Findings = append(v.out.Findings, output.Finding{Kind: output.Missing, Path: k.name + " of the checkpoint", Batch: k.batch, Why: k.what + " is gone: restore it from a copy"})
		}
	}
	return nil
}

// keptObject is an object of the checkpoint that the log names, with the first batch that does.
type keptObject struct {
	name, what string
	batch      int64
}

func (v *verification) wanted() (out []keptObject) {
	for _, b := range v.batches {
		for _, table := range slices.Sorted(maps.Keys(b.plan.Tables)) {
			out = append(out, keptObject{blobsPrefix + b.plan.Tables[table], fmt.Sprintf("the copy of table %s", table), b.plan.Batch})
		}
		for _, zone := range slices.Sorted(maps.Keys(b.plan.Zones)) {
			out = append(out, keptObject{blobsPrefix + b.plan.Zones[zone], fmt.Sprintf("the copy of the rules of time zone %s", zone), b.plan.Batch})
		}
	}
	if v.in.Holder != nil {
		return out // which removes state that is older than two snapshots
	}
	for _, s := range v.in.History.States {
		for _, b := range s.Blocks {
			if b.Digest == "" || !v.in.History.needed(b.Operator) {
				continue
			}
			under := blobsPrefix
			if b.Epoch > 0 {
				under = stateBlobs(store.Blobs{}, s.Batch, b.Epoch).Under
			}
			out = append(out, keptObject{under + b.Digest, fmt.Sprintf("state of %q", b.Operator), s.Batch})
		}
	}
	return out
}
