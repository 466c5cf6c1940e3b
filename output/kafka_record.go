package output

import (
	"encoding/json"
	"fmt"

	"github.com/millrace/millrace/internal/kafka"
)

// kafkaRecordFormat is the version of a commit record's metadata, docs/formats/output.md §7.
const kafkaRecordFormat = 1

// commitRecord is what a transaction says about itself, in the metadata of an offset.
type commitRecord struct {
	Batch  int64 `json:"-"` // the offset
	Format int   `json:"format"`
	Owner
	RangeHash  string `json:"range_hash,omitempty"`  // of the batch; none with batch 0
	Rows       int64  `json:"rows,omitempty"`        // in the transaction
	RowsSHA256 string `json:"rows_sha256,omitempty"` // of them; none when the record was written anew
	At         int64  `json:"at_us"`                 // when the record was written
}

// same reports whether two records are about the same rows of the same batch, whenever they were written.
func (r commitRecord) same(x commitRecord) bool {
	return r.Batch == x.Batch && r.RangeHash == x.RangeHash && r.Rows == x.Rows && r.RowsSHA256 == x.RowsSHA256
}

// encode makes metadata, of about 400 bytes; brokers take 4,096.
func (r commitRecord) encode() (kafka.CommitRecord, error) {
	r.Format = kafkaRecordFormat
	data, err := json.Marshal(r)
	return kafka.CommitRecord{Batch: r.Batch, Metadata: string(data)}, err
}

// last is the record as a message about its owner has it.
func (r commitRecord) last() string {
	if r.Batch == 0 {
		return fmt.Sprintf("no batch yet, but claimed the topic at %s", formatMicros(r.At))
	}
	return fmt.Sprintf("batch %d at %s", r.Batch, formatMicros(r.At))
}

// readRecord understands what was read. A record of another owner is an [OwnedError].
func (k *Kafka) readRecord(from kafka.CommitRecord) (commitRecord, error) {
	r := commitRecord{}
	if err := json.Unmarshal([]byte(from.Metadata), &r); err != nil || r.Format < 1 || from.Batch < 0 {
		return r, k.conflict("offset %d of group %s on partition 0 is no commit record: another program commits offsets under that name; give the sink another name, or delete that group's offsets if nobody needs them",
			from.Batch, k.cfg.TransactionalID)
	}
	r.Batch = from.Batch
	if r.Format != kafkaRecordFormat {
		return r, k.conflict("the commit record has format %d, this version knows %d; run the version that wrote it, or a newer one", r.Format, kafkaRecordFormat)
	}
	if r.Owner != k.cfg.Opening.Owner {
		return r, &OwnedError{Sink: k.cfg.Sink, Path: "topic " + k.cfg.Topic + ", transactional id " + k.cfg.TransactionalID + ",", Owner: r.Owner, Want: k.cfg.Opening.Owner, Last: r.last()}
	}
	return r, nil
}
