package batch

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/offsets"
)

// Task is one unit of work of a batch: a step of a range of a source, or a shard behind an exchange, through the stages
// that follow in the same task. It is a value: [Task.MarshalBinary] takes it to another process that has compiled the same
// job.
type Task struct {
	JobHash string `json:"job_hash"`
	Batch   int64  `json:"batch"`
	Stage   int    `json:"stage"` // the first one
	At      int64  `json:"at_us"` // plan time
	Shards  int    `json:"shards"`

	Range *offsets.Range `json:"range,omitempty"` // of a stage that reads a source
	Skip  []int64        `json:"skip,omitempty"`  // offsets in Range of records to leave out
	// Census asks for the keys of the records.
	Census bool `json:"census,omitempty"`

	Shard  int               `json:"shard"`          // of a stage behind an exchange
	Inputs []*columnar.Batch `json:"-"`              // partials to merge, of one task, by sending stage
	More   bool              `json:"more,omitempty"` // nothing is closed yet: that is the business of a later task
	Held   []*columnar.Batch `json:"-"`              // rows that the shard may find late, in the order of the plan
	Close  int64             `json:"close_us"`       // input watermark of the stage at the end of the batch
	// Watermarks are, by exchange, those at the start of the batch of the operators behind them.
	Watermarks map[int]int64 `json:"watermarks_us,omitempty"`
	// Late is, by exchange, that watermark less the lateness that is allowed, or how far windows were flushed: rows of windows
	// that end at or before it are late.
	Late map[int]int64 `json:"late_us,omitempty"`
	// Floor is, by exchange, how far sessions were flushed: rows before it are late. Without one nothing was.
	Floor map[int]int64 `json:"floor_us,omitempty"`
}

// Result is what a task yields: rows for the sinks, partials for the shards behind exchanges, and its accounting.
type Result struct {
	Rows     map[int][]*columnar.Batch   `json:"-"` // by stage that feeds sinks
	Partials map[int][][]*columnar.Batch `json:"-"` // by stage that sends into an exchange, then by shard
	Sides    map[int][]*columnar.Batch   `json:"-"` // by side output of the plan
	Held     map[int][][]*columnar.Batch `json:"-"` // rows that the shards may find late, as Partials
	Edges    []Edge                      `json:"edges"`
	Source   SourceStats                 `json:"source"`
	Delta    []byte                      `json:"delta,omitempty"` // state touched, see package state
	ClosedTo int64                       `json:"closed_to_us"`    // the greatest end of a window that closed; windows.NoWatermark for none

	aside int64 // bytes of Partials that are in a scratch file
}

// addSide adds rows of a side output.
func (r *Result) addSide(side int, rows []*columnar.Batch) {
	if r.Sides == nil {
		r.Sides = map[int][]*columnar.Batch{}
	}
	r.Sides[side] = append(r.Sides[side], rows...)
}

// partialBytes is how much memory the partials take, apart from those in a scratch file.
func (r *Result) partialBytes() int64 {
	n := -r.aside
	for _, shards := range r.Partials {
		for _, partials := range shards {
			for _, b := range partials {
				n += b.SizeBytes()
			}
		}
	}
	return n
}

// SourceStats is what a source task saw.
type SourceStats struct {
	Records   int64 `json:"records"`
	WireBytes int64 `json:"wire_bytes"`
	// LastTimestamp is that of the last record, in milliseconds; with records only.
	LastTimestamp int64                `json:"last_timestamp_ms"`
	MaxEventTime  int64                `json:"max_event_time_us"` // windows.NoWatermark: none
	Bad           []columnar.BadRecord `json:"bad,omitempty"`     // the first few
	Census        columnar.Census      `json:"census"`            // when it was asked for
}

// taskWire and resultWire are the encodings: JSON, with batches as Arrow IPC streams.
type taskWire struct {
	Task
	Inputs [][]byte `json:"inputs,omitempty"`
	Held   [][]byte `json:"held,omitempty"`
}

type resultWire struct {
	Result
	Rows     map[int][][]byte   `json:"rows,omitempty"`
	Partials map[int][][][]byte `json:"partials,omitempty"`
	Sides    map[int][][]byte   `json:"sides,omitempty"`
	Held     map[int][][][]byte `json:"held,omitempty"`
}

// MarshalBinary implements encoding.BinaryMarshaler.
func (t Task) MarshalBinary() ([]byte, error) {
	inputs, err := encodeBatches(t.Inputs)
	if err != nil {
		return nil, err
	}
	held, err := encodeBatches(t.Held)
	if err != nil {
		return nil, err
	}
	return json.Marshal(taskWire{Task: t, Inputs: inputs, Held: held})
}

// UnmarshalBinary implements encoding.BinaryUnmarshaler.
func (t *Task) UnmarshalBinary(data []byte) error {
	var w taskWire
	if err := json.Unmarshal(data, &w); err != nil {
		return fmt.Errorf("decode task: %w", err)
	}
	inputs, err := decodeBatches(w.Inputs)
	if err != nil {
		return err
	}
	held, err := decodeBatches(w.Held)
	if err != nil {
		return err
	}
	*t = w.Task
	t.Inputs, t.Held = inputs, held
	return nil
}

// MarshalBinary implements encoding.BinaryMarshaler.
func (r *Result) MarshalBinary() ([]byte, error) {
	w := resultWire{Result: *r}
	var errs [4]error
	w.Rows, errs[0] = byKey(r.Rows, encodeBatches)
	w.Sides, errs[1] = byKey(r.Sides, encodeBatches)
	w.Partials, errs[2] = byKey(r.Partials, encodeShards)
	w.Held, errs[3] = byKey(r.Held, encodeShards)
	if err := errors.Join(errs[:]...); err != nil {
		return nil, err
	}
	return json.Marshal(w)
}

// UnmarshalBinary implements encoding.BinaryUnmarshaler.
func (r *Result) UnmarshalBinary(data []byte) error {
	var w resultWire
	if err := json.Unmarshal(data, &w); err != nil {
		return fmt.Errorf("decode result: %w", err)
	}
	*r = w.Result
	var errs [4]error
	r.Rows, errs[0] = byKey(w.Rows, decodeBatches)
	r.Sides, errs[1] = byKey(w.Sides, decodeBatches)
	r.Partials, errs[2] = byKey(w.Partials, decodeShards)
	r.Held, errs[3] = byKey(w.Held, decodeShards)
	return errors.Join(errs[:]...)
}

// byKey applies a function to every value.
func byKey[A, B any](in map[int]A, f func(A) (B, error)) (map[int]B, error) {
	out := map[int]B{}
	for k, v := range in {
		to, err := f(v)
		if err != nil {
			return nil, err
		}
		out[k] = to
	}
	return out, nil
}

func encodeShards(in [][]*columnar.Batch) ([][][]byte, error) {
	out := make([][][]byte, len(in))
	var err error
	for i, shard := range in {
		if out[i], err = encodeBatches(shard); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func decodeShards(in [][][]byte) ([][]*columnar.Batch, error) {
	out := make([][]*columnar.Batch, len(in))
	var err error
	for i, shard := range in {
		if out[i], err = decodeBatches(shard); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func encodeBatches(in []*columnar.Batch) ([][]byte, error) {
	var out [][]byte
	for _, b := range in {
		data, err := columnar.EncodeIPC(b)
		if err != nil {
			return nil, fmt.Errorf("encode rows: %w", err)
		}
		out = append(out, data)
	}
	return out, nil
}

func decodeBatches(in [][]byte) ([]*columnar.Batch, error) {
	var out []*columnar.Batch
	for _, data := range in {
		b, err := columnar.DecodeIPC(data)
		if err != nil {
			return nil, fmt.Errorf("decode rows: %w", err)
		}
		out = append(out, b)
	}
	return out, nil
}
