package wal

import (
	"errors"
	"fmt"
	"time"
)

// ErrClosed says that the log was closed.
var ErrClosed = errors.New("log is closed")

// CorruptionError says that a file is damaged in a way that no crash explains: something durable is lost or changed.
type CorruptionError struct {
	File   string // path
	Offset int64  // bytes from the start of the file
	Reason string
}

// Error locates the damage.
func (e *CorruptionError) Error() string {
	return fmt.Sprintf("%s is damaged at offset %d: %s", e.File, e.Offset, e.Reason)
}

// FormatError says that a file is not in the format this program reads.
type FormatError struct {
	File    string // path
	Version uint16 // of the format found; 0: not a segment of a Millrace log at all
}

// Error names the versions.
func (e *FormatError) Error() string {
	if e.Version == 0 {
		return fmt.Sprintf("%s is not a segment of a Millrace log", e.File)
	}
	return fmt.Sprintf("%s has log format %d, this program reads format %d: use the version that wrote it, or a later one",
		e.File, e.Version, version)
}

// HeldError says that another process holds the newest epoch.
type HeldError struct{ Holder }

// Error names the holder.
func (e *HeldError) Error() string { return "another run holds this checkpoint: " + e.Holder.String() }

// String names the process, as far as its lock file tells.
func (h Holder) String() string {
	if h.Host == "" {
		return fmt.Sprintf("an unknown process, epoch %d", h.Epoch)
	}
	return fmt.Sprintf("process %d on %s, since %s, epoch %d", h.PID, h.Host, h.Started.UTC().Format(time.RFC3339), h.Epoch)
}

// Torn says what the reader left out at the end of a chain: a record whose write did not come to its end.
type Torn struct {
	Segment  uint32 `json:"segment"`
	Offset   int64  `json:"offset"`   // where valid records end, bytes from the start of the segment's file
	Bytes    int64  `json:"bytes"`    // from there to the last byte that is not zero
	Sequence uint64 `json:"sequence"` // that the first record left out had or would have had
	Reason   string `json:"reason"`
}

// String tells it in one line.
func (t *Torn) String() string {
	return fmt.Sprintf("torn tail: segment %d ends at offset %d before record %d, %d bytes left out: %s",
		t.Segment, t.Offset, t.Sequence, t.Bytes, t.Reason)
}
