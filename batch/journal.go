package batch

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"iter"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/internal/wal"
	"github.com/millrace/millrace/offsets"
	"github.com/millrace/millrace/output"
)

// These constants stand in logs on disk and must not change.
const (
	payloadVersion = 2
	slicesVersion  = 3 // of a commit with slices, or whose snapshot is made of some
	discardVersion = 4 // of a cancellation behind which files are to be moved out of the outputs

	typeOpened    = 1
	typePlanned   = 2
	typeCommitted = 3
	typeCancelled = 4
	typeReopened  = 5

	payloadHeader = 6
)

// Record is what a payload of the log means: one of *[Opened], *[Planned], *[Committed], *[Cancelled], *[Reopened].
type Record interface {
	kind() byte
	// attach returns the attachments of the record, so that they need not be JSON.
	attach() [][]byte
	setAttachments([][]byte)
}

type noAttachments struct{}

func (noAttachments) attach() [][]byte        { return nil }
func (noAttachments) setAttachments([][]byte) {}

// Opened is the first record of a chain: a driver took over.
type Opened struct {
	noAttachments
	Epoch   uint64    `json:"epoch"`
	Host    string    `json:"host"`
	PID     int       `json:"pid"`
	At      int64     `json:"at_us"`
	Version string    `json:"version"`
	Prev    *ChainEnd `json:"prev,omitempty"` // the newest older chain, which links to the one before it
}

// ChainEnd is the last record of an older chain that counts.
type ChainEnd struct {
	Epoch    uint64 `json:"epoch"`
	Sequence uint64 `json:"sequence"`
}

// Planned says what batch Batch is, before anything of it is read. It is a fact from then on.
type Planned struct {
	noAttachments
	Batch  int64           `json:"batch"`
	At     int64           `json:"at_us"` // plan time, never before that of an earlier plan
	Ranges []offsets.Range `json:"ranges"`
	Step   int64           `json:"step"` // source tasks cut ranges at multiples of it
	// TailStep is the step of the last tasks, see pieces; 0: the same.
	TailStep int64             `json:"tail_step,omitempty"`
	Before   Marks             `json:"before"` // with the idle set of the batch, see windows.Idle
	Tables   map[string]string `json:"tables,omitempty"`
	Zones    map[string]string `json:"zones,omitempty"`  // blobs: rules of time zones
	Skip     []SkipRecord      `json:"skip,omitempty"`   // records within Ranges that are left out
	Losses   []offsets.Loss    `json:"losses,omitempty"` // what the job gives up with this plan, because it was told to
	Job      string            `json:"job"`              // blob: the recorded job
	JobHash  string            `json:"job_hash"`
	Changes  []string          `json:"changes,omitempty"` // of the job since the last commit, see Edit
	Shards   int               `json:"shards"`
	Final    bool              `json:"final,omitempty"` // closes every window
	// LimitedBy is the limit that left records to later plans: rows, bytes, rate, backpressure or first; "": none.
	LimitedBy string `json:"limited_by,omitempty"`
	// Rate is the offsets per second that backpressure allowed when this was planned; 0: it is off, or has measured nothing
	// yet. The next driver goes on from it.
	Rate int64 `json:"rate,omitempty"`
	// Roll says that the batch leaves no pending rows: a run ends with it.
	Roll bool `json:"roll,omitempty"`
	// Paid is the time, in microseconds, up to which the offsets planned so far have used limits.rate up; 0: it is off.
	Paid int64 `json:"paid_us,omitempty"`
}

// Committed says that batch Batch is published by every sink.
type Committed struct {
	Batch     int64              `json:"batch"`
	Job       string             `json:"job,omitempty"` // blob: the recorded job, as in the plan
	At        int64              `json:"at_us"`         // plan time of the batch
	RangeHash string             `json:"range_hash"`
	After     Marks              `json:"after"`
	Positions []offsets.Position `json:"positions"`
	State     []StateBlock       `json:"state,omitempty"`
	// Slices are of the state as of the batch before this one: each is all that an operator held of some key groups.
	Slices    []StateBlock             `json:"slices,omitempty"`
	Files     map[string][]output.File `json:"files,omitempty"` // by sink
	SinkRows  map[string]int64         `json:"sink_rows,omitempty"`
	LeftOut   map[string]int64         `json:"left_out,omitempty"` // by sink, see output.Prepared
	Edges     []Edge                   `json:"edges,omitempty"`
	Records   int64                    `json:"records"`
	WireBytes int64                    `json:"wire_bytes"`
	Weights   []PartitionWeight        `json:"weights,omitempty"`       // in the order of Positions
	FlushedTo map[string]int64         `json:"flushed_to_us,omitempty"` // final batches: by operator, the greatest window end
	Open      map[string]OpenWindows   `json:"open,omitempty"`          // by operator that holds rows
	Done      map[string]DoneBatch     `json:"done,omitempty"`          // by sink with done markers
	// Pending is, by sink that rolls its files over batches, what becomes of rows that are in no file yet.
	Pending map[string]*output.PendingChange `json:"pending,omitempty"`
	Base    *Base                            `json:"base,omitempty"` // with a snapshot: nothing before this record is needed
}

// Base is what a history says beyond its last commit, so that reading may begin with that commit.
type Base struct {
	Records   int64            `json:"records"`
	WireBytes int64            `json:"wire_bytes"`
	Offsets   int64            `json:"offsets"`
	LastRows  map[string]int64 `json:"last_rows,omitempty"` // see History
	Floor     map[string]int64 `json:"floor_us,omitempty"`
	Rate      int64            `json:"rate,omitempty"`    // of the plan
	Paid      int64            `json:"paid_us,omitempty"` // of the plan
	Totals    Totals           `json:"totals"`            // up to this commit
	// Zones are those of the plan: the rules that results came out by.
	Zones map[string]string `json:"zones,omitempty"`
	Edits []Edit            `json:"edits,omitempty"` // all so far
	// Partitions are, by sink with done markers, the directories that have rows and are not complete.
	Partitions map[string][]output.TimePartition `json:"partitions,omitempty"`
	// Pending are, by sink that has some, the rows that are in no file yet.
	Pending map[string][]output.PendingBatch `json:"pending,omitempty"`
	// States are, of a snapshot that was taken in slices, what the batches of its round before this one logged, oldest first.
	States []VersionedState `json:"states,omitempty"`
}

// OpenWindows is what an operator holds between two batches. It is for people: nothing is decided by it.
type OpenWindows struct {
	Windows int   `json:"windows"`
	Groups  int64 `json:"groups"` // in all of them
	// First and Close are the bounds of the earliest one. Groups without a window close at the end of time.
	First int64 `json:"first_us"`
	Close int64 `json:"close_us"`
}

// StateBlock is the delta or snapshot of one stateful operator.
type StateBlock struct {
	Operator string `json:"operator"`
	Schema   string `json:"schema"`           // identity of the state: window, keys, aggregates
	Digest   string `json:"digest,omitempty"` // blob, when the block is large
	Epoch    uint64 `json:"epoch,omitempty"`  // that wrote it, see stateBlobs; 0: it is among the other blobs
	Bytes    int    `json:"bytes,omitempty"`  // of the blob; 0: it is not known
	Length   int    `json:"length,omitempty"` // attachment otherwise
	// Groups are the first and the last key group of a slice; nil: the block is none.
	Groups *[2]uint8 `json:"groups,omitempty"`
	inline []byte
}

// Edge is the row accounting of one operator of one stage.
type Edge struct {
	Stage    int    `json:"stage"`
	Operator string `json:"operator"`
	columnar.RowCounts
	Groups     int64 `json:"groups,omitempty"`      // windows: groups that closed, with Out rows in them
	HeldBefore int64 `json:"held_before,omitempty"` // windows: rows in state
	HeldAfter  int64 `json:"held_after,omitempty"`
	// Remembered is the rows that a deduplication has let through and still knows.
	Remembered int64 `json:"remembered,omitempty"`
}

func (c *Committed) attach() [][]byte {
	var out [][]byte
	for b := range c.attached() {
		out = append(out, b.inline)
	}
	return out
}

func (c *Committed) setAttachments(blocks [][]byte) {
	for b := range c.attached() {
		if len(blocks) > 0 {
			b.inline, blocks = blocks[0], blocks[1:]
		}
	}
}

// attached are the blocks that are attachments, in their order.
func (c *Committed) attached() iter.Seq[*StateBlock] {
	return func(yield func(*StateBlock) bool) {
		lists := [][]StateBlock{c.State, c.Slices}
		if c.Base != nil {
			for _, v := range c.Base.States {
				lists = append(lists, v.Blocks)
			}
		}
		for _, list := range lists {
			for i := range list {
				if list[i].Digest == "" && !yield(&list[i]) {
					return
				}
			}
		}
	}
}

// Cancelled says that Batch will never be published. Its ranges are planned anew under another id.
type Cancelled struct {
	noAttachments
	Batch  int64  `json:"batch"`
	Reason string `json:"reason"`
	// Discarded are, by sink, files of the batch, or of later plans, that readers saw when it was given up. They are copied; whoever
	// finds this record with no commit behind it removes them before anything else.
	Discarded map[string][]output.Discarded `json:"discarded,omitempty"`
	// At is when an operator gave the batch up, whether there were files of it or not; 0: it was cancelled for another reason.
	At int64 `json:"at_us,omitempty"`
}

// discarded reports whether an operator gave the batch up. There may be files of it even if none is listed: a request of a process that
// has ended may come late to an object store.
func (c *Cancelled) discarded() bool { return c.At != 0 || len(c.Discarded) > 0 }

// Reopened undoes the flush of batch Batch: watermarks stand again where they stood before it, but windows that end at
// or before FlushedTo stay closed.
type Reopened struct {
	noAttachments
	Batch     int64            `json:"batch"`
	Marks     Marks            `json:"marks"`
	FlushedTo map[string]int64 `json:"flushed_to_us,omitempty"` // by operator
}

func (*Opened) kind() byte    { return typeOpened }
func (*Planned) kind() byte   { return typePlanned }
func (*Committed) kind() byte { return typeCommitted }
func (*Cancelled) kind() byte { return typeCancelled }
func (*Reopened) kind() byte  { return typeReopened }

// envelope is the JSON part of a payload.
type envelope struct {
	Record      Record `json:"record"`                // written first, see [recordFirst]
	Attachments []int  `json:"attachments,omitempty"` // lengths
}

// recordFirst is how every envelope begins, so that a record that is missing is told from an empty one without going through
// the text twice.
var recordFirst = []byte(`{"record":`)

// Encode turns a record into a payload of the log.
func Encode(r Record) ([]byte, error) {
	env := envelope{Record: r}
	blocks, total := r.attach(), 0
	for _, b := range blocks {
		env.Attachments = append(env.Attachments, len(b))
		total += len(b)
	}
	head, err := json.Marshal(env)
	if err != nil {
		return nil, fmt.Errorf("encode journal record: %w", err)
	}
	out := make([]byte, 0, payloadHeader+len(head)+total)
	out = binary.LittleEndian.AppendUint32(append(out, versionOf(r), r.kind()), uint32(len(head)))
	out = append(out, head...)
	for _, b := range blocks {
		out = append(out, b...)
	}
	return out, nil
}

// versionOf is the least version that says all of a record: older programs go on reading what they understand.
func versionOf(r Record) byte {
	if c, ok := r.(*Committed); ok && (len(c.Slices) > 0 || c.Base != nil && len(c.Base.States) > 0) {
		return slicesVersion
	}
	if c, ok := r.(*Cancelled); ok && c.discarded() {
		return discardVersion
	}
	return payloadVersion
}

// Decode is the inverse of [Encode]. The record may point into payload.
func Decode(payload []byte) (Record, error) {
	if len(payload) < payloadHeader {
		return nil, fmt.Errorf("journal record of %d bytes is too short", len(payload))
	}
	if v := payload[0]; v < payloadVersion || v > discardVersion {
		writer := "a newer millrace wrote it"
		if v < payloadVersion {
			writer = "a millrace before its first release wrote it; begin anew with another checkpoint"
		}
		return nil, fmt.Errorf("journal record has version %d, this program reads versions %d to %d: %s", v, payloadVersion, discardVersion, writer)
	}
	r, err := newRecord(payload[1])
	if err != nil {
		return nil, err
	}
	n := int64(binary.LittleEndian.Uint32(payload[2:]))
	rest := payload[payloadHeader:]
	if n > int64(len(rest)) {
		return nil, fmt.Errorf("journal record: header of %d bytes in a payload of %d", n, len(payload))
	}
	if !bytes.HasPrefix(rest[:n], recordFirst) {
		return nil, fmt.Errorf("journal record: its header does not begin with %s", recordFirst)
	}
	lengths, ok := readRecord(rest[:n], r)
	if !ok {
		if r, lengths, err = parseRecord(payload[1], rest[:n]); err != nil {
			return nil, err
		}
	}
	blocks, err := cutAttachments(rest[n:], lengths)
	if err != nil {
		return nil, err
	}
	r.setAttachments(blocks)
	return r, nil
}

// parseRecord reads an envelope as JSON.
func parseRecord(kind byte, text []byte) (r Record, attachments []int, err error) {
	if r, err = newRecord(kind); err != nil {
		return nil, nil, err
	}
	env := envelope{Record: r} // what r points to is filled
	if err := json.Unmarshal(text, &env); err != nil {
		return nil, nil, fmt.Errorf("decode journal record: %w", err)
	}
	return r, env.Attachments, nil
}

func newRecord(kind byte) (Record, error) {
	switch kind {
	case typeOpened:
		return &Opened{}, nil
	case typePlanned:
		return &Planned{}, nil
	case typeCommitted:
		return &Committed{}, nil
	case typeCancelled:
		return &Cancelled{}, nil
	case typeReopened:
		return &Reopened{}, nil
	}
	return nil, fmt.Errorf("journal record has unknown type %d: a newer millrace wrote it", kind)
}

func cutAttachments(data []byte, lengths []int) ([][]byte, error) {
	var out [][]byte
	for _, n := range lengths {
		if n < 0 || n > len(data) {
			return nil, fmt.Errorf("journal record: attachment of %d bytes, %d left", n, len(data))
		}
		out = append(out, data[:n:n])
		data = data[n:]
	}
	if len(data) != 0 {
		return nil, fmt.Errorf("journal record: %d bytes behind the last attachment", len(data))
	}
	return out, nil
}

// Entry is a record with its place in the log.
type Entry struct {
	At     wal.Position
	Record Record
}
