package columnar

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/millrace/millrace/offsets"
)

// Operator is a vectorized step of a task: rows in, rows out. An operator is used by one goroutine. It keeps no rows
// between calls, so one instance may serve any number of tasks one after the other.
type Operator interface {
	// Schema describes the batches that Process returns.
	Schema() *Schema
	// Process returns the rows that follow from in. The result may alias in and is valid until the next call. An
	// error about one row is a [RowError].
	Process(in *Batch) (*Batch, error)
	// Counts adds up what happened to rows since the last call of Counts, which starts it anew.
	Counts() RowCounts
}

// RowCounts is the row accounting of one operator: In + Added = Out + the dropped rows, for every operator that keeps
// no rows.
type RowCounts struct {
	In         int64 `json:"in"`                   // rows, or records of a decoder
	Out        int64 `json:"out"`                  // rows
	Added      int64 `json:"added,omitempty"`      // by joins: matches of a row beyond its first
	Filtered   int64 `json:"filtered,omitempty"`   // the condition was FALSE or NULL
	NoMatch    int64 `json:"no_match,omitempty"`   // by inner joins: no table row has the key
	Late       int64 `json:"late,omitempty"`       // the window was closed already
	Unassigned int64 `json:"unassigned,omitempty"` // without a time, so in no window
	Bad        int64 `json:"bad,omitempty"`        // records that do not fit, see [BadRecord]
	Tombstone  int64 `json:"tombstone,omitempty"`  // records without a value
	Skipped    int64 `json:"skipped,omitempty"`    // records that a run was told to leave out, before they are decoded
	Duplicate  int64 `json:"duplicate,omitempty"`  // by deduplication: an equal row was kept

	// Nulled is how many values became NULL because they did not fit their columns, see [DecodeOptions]. Their rows are
	// in Out: it is not part of the balance.
	Nulled int64 `json:"nulled,omitempty"`
}

// Add adds o to c.
func (c *RowCounts) Add(o RowCounts) {
	c.In += o.In
	c.Out += o.Out
	c.Added += o.Added
	c.Filtered += o.Filtered
	c.NoMatch += o.NoMatch
	c.Late += o.Late
	c.Unassigned += o.Unassigned
	c.Bad += o.Bad
	c.Tombstone += o.Tombstone
	c.Skipped += o.Skipped
	c.Duplicate += o.Duplicate
	c.Nulled += o.Nulled
}

// Dropped is the number of rows that went in and did not come out, by reason.
func (c RowCounts) Dropped() int64 {
	return c.Filtered + c.NoMatch + c.Late + c.Unassigned + c.Bad + c.Tombstone + c.Skipped + c.Duplicate
}

// Decoder turns record values into the rows of a batch. It is used by one goroutine.
type Decoder interface {
	// Schema describes the batches that Flush returns.
	Schema() *Schema
	// Append decodes recs to the end of the rows gathered so far. Records that cannot be decoded become [BadRecord]s,
	// tombstones are counted. It copies what it keeps: recs may be reused at once.
	Append(recs *offsets.Records)
	// Rows is the number of rows gathered.
	Rows() int
	// Bytes is the size of the largest column of strings gathered; whoever cuts batches flushes before it nears 2 GiB.
	Bytes() int
	// Flush returns the gathered rows as a batch, with Origin and Offsets set, and the bad records met since the last
	// Flush; both are valid until the next Append.
	Flush() (*Batch, []BadRecord)
	// Peek shows what Flush would return, and leaves it where it is: valid until the next call of another method.
	// Whoever needs more of a record than its columns looks right behind the Append that decoded it.
	Peek() (*Batch, []BadRecord)
	// Counts is as in [Operator]: In records, Out rows, Bad, Tombstone, Nulled.
	Counts() RowCounts
}

// BadRecord is a record that does not fit the declared format or columns.
type BadRecord struct {
	Topic     string
	Partition int32
	Offset    int64
	Reason    string // without the place, e.g. `column "delay": "x" is not a bigint`, see [CutReason]
	Value     []byte // the first bytes of the record's value, at most [BadValueBytes]
}

// BadValueBytes is how much of a bad record's value is kept for messages.
const BadValueBytes = 200

// BadReasonBytes is the longest reason of a bad record: what it quotes may be as long as the record.
const BadReasonBytes = 300

// CutReason makes a text fit to be the reason of a bad record: UTF-8 of at most [BadReasonBytes], which end in … where it was
// longer.
func CutReason(text string) string {
	const mark = "…"
	text = strings.ToValidUTF8(text, "\ufffd")
	if len(text) <= BadReasonBytes {
		return text
	}
	cut := BadReasonBytes - len(mark)
	for !utf8.RuneStart(text[cut]) {
		cut--
	}
	return text[:cut] + mark
}

// Error locates the record and shows the beginning of its value, where that is kept.
func (r BadRecord) Error() string {
	s := fmt.Sprintf("bad record at %s/%d offset %d: %s", r.Topic, r.Partition, r.Offset, r.Reason)
	if r.Value != nil {
		s += "; value: " + quoteBytes(r.Value)
	}
	return s
}

// quoteBytes escapes what does not print, and leaves quotes as they are: values mostly are JSON.
func quoteBytes(b []byte) string {
	s := fmt.Sprintf("%q", b)
	return strings.ReplaceAll(s[1:len(s)-1], `\"`, `"`)
}

// RowError is an expression that has no result for one row, such as a division by zero or an overflow.
type RowError struct {
	Row    int    // physical row in the batch
	Reason string // e.g. "division by zero"
	Expr   string // the expression as written
	// Instead says how else to write the expression, so that the row has a result; "": nothing is known. It is not in the error's text,
	// which is kept with bad records.
	Instead string
	// Shared says that the row is only the last of many that bring it about, as with a sum: to leave it out is no way out.
	Shared bool
}

func (e *RowError) Error() string { return fmt.Sprintf("%s in %s", e.Reason, e.Expr) }

// Locate returns the error wrapped in topic, partition and offset where b, the batch that was computed, still knows
// them; else the error itself.
func (e *RowError) Locate(b *Batch) error {
	if b == nil || b.Origin == nil || e.Row >= len(b.Offsets) {
		return e
	}
	return fmt.Errorf("%s/%d offset %d: %w", b.Origin.Topic, b.Origin.Partition, b.Offsets[e.Row], e)
}
