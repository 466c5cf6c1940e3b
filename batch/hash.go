package batch

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"github.com/millrace/millrace/dstream"
	"github.com/millrace/millrace/offsets"
)

// outputFormat is part of the job hash: it changes when equal rows would be written as other files.
const outputFormat = "millrace output 1"

// JobHash identifies what a plan computes and writes, whatever its text looked like. settings are further choices that
// change rows or files, in a fixed order.
func JobHash(plan *dstream.Plan, settings ...string) string {
	h := sha256.New()
	fmt.Fprintf(h, "%s\n%s\n%q\n", outputFormat, plan.Canonical(), settings)
	return hex.EncodeToString(h.Sum(nil))
}

// RangeHash identifies what a plan reads: its ranges, its plan time and the watermarks before it.
func RangeHash(p *Planned) string {
	data, err := json.Marshal(struct {
		Ranges []offsets.Range `json:",omitempty"`
		At     int64
		Before Marks
		Final  bool
	}{p.Ranges, p.At, p.Before, p.Final})
	if err != nil {
		panic(err) // plain values: cannot fail
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
