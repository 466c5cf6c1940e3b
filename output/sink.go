package output

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/offsets"
)

// Owner identifies the job and checkpoint that write to a sink.
type Owner struct {
	Job        string `json:"job"`           // its name
	Checkpoint string `json:"checkpoint_id"` // drawn when the checkpoint was made
}

// Opening is what a sink is told when a driver opens it.
type Opening struct {
	Owner Owner
	// Written says that the log has committed rows to this sink. A place that does not know the owner is then not the one
	// that holds them: a disk is not mounted, or the path is another one.
	Written bool
	// Last is the last batch of which the log has committed rows to this sink; 0: none. What was before it need not be looked at.
	Last int64
	// First is the batch that a replay begins with; 0: it is none, and whatever there is of earlier batches was written before.
	First int64
	// Lead returns an error when a newer driver has taken over. A sink asks before it ends somebody else's session.
	Lead func() error
	// Clock is the driver's. Rows never depend on it.
	Clock Clock
	// Each calls f for 0 to n−1, several at a time on the job's cores; nil: one after the other.
	Each func(n int, f func(i int) error) error
}

// Clock tells the time and waits.
type Clock interface {
	Now() time.Time
	// Wait returns after d, or earlier with the context's error.
	Wait(ctx context.Context, d time.Duration) error
}

// BatchInfo is what a sink may know of a batch. All of it but Rerun is recorded in the plan.
type BatchInfo struct {
	Job       string
	JobHash   string // 64 hexadecimal digits
	Batch     int64  // from 1
	PlanTime  int64  // microseconds since the epoch
	Ranges    []offsets.Range
	RangeHash string // identifies ranges, plan time and watermarks
	Shards    int    // of the stage that feeds the sink, 1 to 256
	Roll      bool   // whatever is pending goes into files, see [Pending]

	// Rerun says that an earlier driver may have published some of the batch. Publish then looks for files of the
	// batch that this run does not make. It changes nothing in what Prepare returns.
	Rerun bool

	// Keep, if it is there, takes what Prepare has encoded and will not change any more, and returns it in memory that it
	// counts, or that is no memory at all. It is there until the batch is committed. Like the others it is for several
	// goroutines at a time.
	Keep func(data []byte) ([]byte, error)
	// Fits, if it is there, counts bytes that Prepare has encoded and holds itself until the batch is committed, and reports
	// whether there was room for them. Where there was none, a sink makes them once more in Publish.
	Fits func(bytes int64) bool
	// Passed, if it is there, is told of bytes of rows, and of what was kept, that were gone through and are not needed for a
	// while.
	Passed func(bytes int64)
}

func (b *BatchInfo) passed(bytes int64) {
	if b.Passed != nil {
		b.Passed(bytes)
	}
}

func (b *BatchInfo) fits(bytes int64) bool { return b.Fits == nil || b.Fits(bytes) }

func (b *BatchInfo) keep(data []byte) ([]byte, error) {
	if b.Keep == nil {
		return data, nil
	}
	return b.Keep(data)
}

// Shard is the rows that one shard of the last stage yields, in their fixed order.
type Shard struct {
	ID   int
	Rows []*columnar.Batch
}

// File is one published file, as manifests list it.
type File struct {
	Path       string `json:"path"` // relative to the sink's root
	Rows       int64  `json:"rows"`
	Bytes      int64  `json:"bytes"`       // size of the file
	RowsSHA256 string `json:"rows_sha256"` // over the rows in order, independent of encoding
	// SHA256 is that of the file's bytes, 64 hexadecimal digits; "" for topics, and in manifests of before there was one.
	SHA256 string `json:"sha256,omitempty"`
	// RecordSum stands for keys and values of the batch's records in a topic, in any order, 32 hexadecimal digits; "" for files, and of
	// batches of before there was one.
	RecordSum string `json:"record_sum,omitempty"`
}

// IsTopic reports whether the entry is of rows in a Kafka topic, by its name: that of a file says what it is.
func (f File) IsTopic() bool { return !strings.HasSuffix(f.Path, ".parquet") }

// Prepared is a batch that is ready to be published; it belongs to the sink that made it. One that holds Info alone is
// a batch without rows, for every sink.
type Prepared struct {
	Info  BatchInfo
	Files []File // manifest entries; empty when the batch has no rows for this sink
	Rows  int64  // over all files
	// LeftOut is how many rows are not among them because readers have no use for them: the old halves of updates in a
	// topic.
	LeftOut int64
	// Pending is what becomes of rows that are in no file yet; nil: nothing changes. Block is those of the batch, which the
	// driver keeps before it commits; nil: there are none.
	Pending *PendingChange
	Block   []byte
	// Unmade are files whose rows of earlier batches could not be had, with no more than path and rows.
	Unmade []File
	work   any // what Publish needs
}

// Sink publishes batches. It is used by one goroutine at a time.
type Sink interface {
	// Prepare turns the batch's rows into what Publish will make visible. Nothing is visible yet. pending is what earlier
	// batches have left to later ones; nil: nothing. Rows belong to the caller, who leaves them as they are until the batch is
	// published or given up.
	Prepare(ctx context.Context, info BatchInfo, shards []Shard, pending *Pending) (*Prepared, error)
	// Publish makes the batch visible, durably. Calling it again, also after a crash in the middle and from another
	// process, ends in the same state. When p.Info.Rerun is set and files of the batch are there that p does not hold,
	// it is a [ConflictError] and nothing becomes visible: without files, p asks whether the batch left no trace.
	Publish(ctx context.Context, p *Prepared) error
	// Committed is told about every batch once the driver's log holds it; recovery repeats the last ones. Parquet
	// keeps a manifest beside the output.
	Committed(ctx context.Context, batch int64, files []File) error
	// Published says how far the sink is. Higher than the log's last batch means that the log is an old copy.
	Published(ctx context.Context) (Standing, error)
}

// Recorder is a [Sink] that commits, together with the rows of a batch, a record of which batch it is: it knows exactly
// how far it is, as long as the record is there. Its batches are published behind those of all other sinks. It may be an
// io.Closer.
type Recorder interface {
	Sink
	// Record writes the record where Published found none.
	Record(ctx context.Context, s Standing) error
	// Refresh is called between batches, whether there are new ones or not. It writes the record once more when that is
	// due, so that it never gets so old that it is forgotten.
	Refresh(ctx context.Context) error
}

// Standing is how far a sink is, by what it holds itself.
type Standing struct {
	Batch     int64  // the highest batch that it knows to be committed, 0 for none
	Recorded  bool   // by a record that is exact, see [Recorder]
	RangeHash string // of the batch, as the record has it; "" with batch 0
	Missing   bool   // a Recorder finds no record: it may have committed any batch
}

// ConflictError says that the sink holds something that this job and batch did not write.
type ConflictError struct {
	Sink string // its name in the job
	Path string // the file or object, with the sink's root
	Msg  string // what differs, what to do
}

func (e *ConflictError) Error() string { return fmt.Sprintf("sink %s: %s: %s", e.Sink, e.Path, e.Msg) }

// OwnedError says that the output belongs to another job or checkpoint.
type OwnedError struct {
	Sink  string // its name in the job
	Path  string // the sink's root
	Owner Owner  // who owns it
	Want  Owner  // who asked; without a checkpoint: a job that has none yet
	Last  string // what the owner wrote last, for sinks that know
}

func (e *OwnedError) Error() string {
	other, last := "choose another path", ""
	if e.Last != "" {
		other, last = "take another name for the job or the sink", ", which wrote last "+e.Last
	}
	wayOut := other + ", or the checkpoint that wrote it"
	if e.Owner.Job == e.Want.Job {
		wayOut = "was the checkpoint deleted or moved? put it back, or " + other
	}
	checkpoint := "with checkpoint " + e.Want.Checkpoint
	if e.Want.Checkpoint == "" {
		checkpoint = "that begins with a new checkpoint"
	}
	return fmt.Sprintf("sink %s: %s belongs to job %q with checkpoint %s%s, not to job %q %s; %s",
		e.Sink, e.Path, e.Owner.Job, e.Owner.Checkpoint, last, e.Want.Job, checkpoint, wayOut)
}
