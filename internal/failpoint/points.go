package failpoint

// Point is the name of a place in the code.
type Point string

// The log: who may write, and what is durable.
const (
	// LogLock is where an epoch's lock is written and nobody can see it yet.
	LogLock Point = "log/lock"
	// LogLocked is where an epoch is taken, and the chains before it are not read yet.
	LogLocked Point = "log/locked"
	// LogRead is where a chain is about to be read for recovery.
	LogRead Point = "log/read"
	// LogCreate is where a chain is about to begin, or to go on in a new segment.
	LogCreate Point = "log/create"
	// LogAppend is where a record is about to be written.
	LogAppend Point = "log/append"
	// LogSync is where a record is written and not synced. A log of objects has no such moment.
	LogSync Point = "log/sync"
	// LogSynced is where a record is durable and its writer does not know yet.
	LogSynced Point = "log/synced"
)

// The store of files: checkpoint objects, data files, lock files and log segments come into being the same way.
const (
	// StoreCreate is where a file is about to be begun under its temporary name.
	StoreCreate Point = "store/create"
	// StoreSync is where an object is written and not synced.
	StoreSync Point = "store/sync"
	// StoreLink is where a file is durable and has no name.
	StoreLink Point = "store/link"
	// StoreLinked is where a file has its name, which is not durable: between the link and the sync of the directory.
	StoreLinked Point = "store/linked"
	// StoreDurable is where a file and its name are durable and nobody knows yet.
	StoreDurable Point = "store/durable"
	// StoreGet is where an object is about to be read.
	StoreGet Point = "store/get"
	// StoreList is where names are about to be listed.
	StoreList Point = "store/list"
)

// The store of objects, in S3.
const (
	// S3Put is where an object is about to be created in one request.
	S3Put Point = "s3/put"
	// S3Part is where a part of a large object is about to be sent.
	S3Part Point = "s3/part"
	// S3Complete is where all parts are sent, and are about to become the object.
	S3Complete Point = "s3/complete"
	// S3Created is where an object is there and nobody knows yet.
	S3Created Point = "s3/created"
	// S3Get is where an object is about to be read.
	S3Get Point = "s3/get"
	// S3List is where names are about to be listed.
	S3List Point = "s3/list"
)

// The state of operators.
const (
	// StateRestore is where the state of an operator is about to be loaded.
	StateRestore Point = "state/restore"
	// StateDelta is where what a batch changed is about to be gathered for its commit.
	StateDelta Point = "state/delta"
	// StateSnapshot is where the whole state is about to be gathered for a commit.
	StateSnapshot Point = "state/snapshot"
	// StateSlice is where some key groups of a large state are about to be gathered, beside a commit.
	StateSlice Point = "state/slice"
	// StateSliced is where they are written, and nothing refers to them.
	StateSliced Point = "state/sliced"
	// StateRound is where all slices of a snapshot are written, and the commit that lists them is about to be made.
	StateRound Point = "state/round"
	// StateKept is where state is ready for its commit: blobs are written, and nothing refers to them.
	StateKept Point = "state/kept"
)

// Sources and side inputs.
const (
	// SourceSurvey is where brokers are about to be asked where their partitions stand.
	SourceSurvey Point = "source/survey"
	// SourceRead is where a piece of a planned range is about to be read.
	SourceRead Point = "source/read"
	// SourceFetch is where more of it is about to be taken: the next record batch.
	SourceFetch Point = "source/fetch"
	// InputsCopy is where side inputs of the next plan are about to be copied into the checkpoint.
	InputsCopy Point = "inputs/copy"
	// InputsLoad is where the copies that a plan names are about to be read.
	InputsLoad Point = "inputs/load"
)

// The driver: the steps of a batch.
const (
	// DriverRecover is where the log is read, and no sink is open.
	DriverRecover Point = "driver/recover"
	// DriverRerun is where an open plan of an earlier driver is about to run again.
	DriverRerun Point = "driver/rerun"
	// DriverPlan is where a batch is planned and the log does not say so.
	DriverPlan Point = "driver/plan"
	// DriverPlanned is where the log has the plan, and nothing is read.
	DriverPlanned Point = "driver/planned"
	// DriverMerge is where partials are about to be merged into a shard.
	DriverMerge Point = "driver/merge"
	// DriverClose is where a shard is about to close windows.
	DriverClose Point = "driver/close"
	// DriverPrepare is where all rows are there, and no sink has seen them.
	DriverPrepare Point = "driver/prepare"
	// DriverPublish is where the driver has looked for a newer one, and is about to make the batch visible.
	DriverPublish Point = "driver/publish"
	// DriverNextSink is where one sink has published the batch, and the next one or the log is to follow.
	DriverNextSink Point = "driver/next-sink"
	// DriverCommit is where everything is visible, and the log is about to say so.
	DriverCommit Point = "driver/commit"
	// DriverCommitted is where the log has the commit, and no sink is told.
	DriverCommitted Point = "driver/committed"
	// DriverTold is where all sinks are told.
	DriverTold Point = "driver/told"
	// DriverCancel is where the data has decided against a batch, and the log is about to say so.
	DriverCancel Point = "driver/cancel"
	// DriverDiscard is where files of an open batch are copied, and the log is about to say that the batch is given up.
	DriverDiscard Point = "driver/discard"
	// DriverDiscarded is where the log says so, the driver has looked for a newer one, and the files are still there.
	DriverDiscarded Point = "driver/discarded"
)

// What is older than the job retains.
const (
	// RetainNote is where a snapshot is about to be noted, which the log may begin with.
	RetainNote Point = "retain/note"
	// RetainBegin is where it is about to be said where the log begins.
	RetainBegin Point = "retain/begin"
	// RetainLog is where that is said, and what is in front of it in the log is about to be removed.
	RetainLog Point = "retain/log"
	// RetainState is where state that is not kept any more is about to be removed.
	RetainState Point = "retain/state"
	// RetainEpochs is where the locks of epochs of which the log has nothing any more are about to be removed.
	RetainEpochs Point = "retain/epochs"
	// RetainNames is where the names of snapshots that are not kept any more are about to be removed.
	RetainNames Point = "retain/names"
)

// Sinks.
const (
	// ParquetClaim is where a directory is about to be looked at, and claimed if it is nobody's.
	ParquetClaim Point = "parquet/claim"
	// ParquetFile is where a data file is about to be created.
	ParquetFile Point = "parquet/file"
	// ParquetAdopt is where a data file is there already and about to be compared.
	ParquetAdopt Point = "parquet/adopt"
	// ParquetManifest is where a batch's manifest is about to be written beside the output.
	ParquetManifest Point = "parquet/manifest"
	// ParquetMergeRead is where the manifests of a run of batches are about to be read, to be merged.
	ParquetMergeRead Point = "parquet/merge-read"
	// ParquetMergeMark is where it is about to be said beside the output that manifests are merged.
	ParquetMergeMark Point = "parquet/merge-mark"
	// ParquetMerge is where a merged manifest is about to be written.
	ParquetMerge Point = "parquet/merge"
	// ParquetMerged is where it is durable, and before single ones are removed the driver looks for a newer one.
	ParquetMerged Point = "parquet/merged"
	// ParquetMergeRemove is where the driver has looked, and the single ones are about to be removed.
	ParquetMergeRemove Point = "parquet/merge-remove"
	// ParquetAside is where a file of a batch that is given up is about to be copied.
	ParquetAside Point = "parquet/aside"
	// ParquetRemove is where the log says that the batch is given up, and the file is about to be removed.
	ParquetRemove Point = "parquet/remove"
	// PendingLoad is where rows of earlier batches are about to be read for their file.
	PendingLoad Point = "pending/load"
	// PendingKeep is where rows that wait for their file are about to be kept, before their batch's commit.
	PendingKeep Point = "pending/keep"
	// PendingRemove is where the commit says that they are in files, and what was kept is about to be removed.
	PendingRemove Point = "pending/remove"
	// KafkaInit is where the commit record was read, and the producer's session is about to begin.
	KafkaInit Point = "kafka/init"
	// KafkaInitialized is where the session has begun, and the commit record is about to be read again.
	KafkaInitialized Point = "kafka/initialized"
	// KafkaProduce is where a batch's records are about to be written into a transaction.
	KafkaProduce Point = "kafka/produce"
	// KafkaProduced is where they are, and the transaction is open.
	KafkaProduced Point = "kafka/produced"
	// KafkaRecorded is where the commit record is in the transaction too, and the transaction is about to end.
	KafkaRecorded Point = "kafka/recorded"
	// KafkaCommitted is where the transaction is ended, and the driver does not know yet.
	KafkaCommitted Point = "kafka/committed"
	// StdoutPrint is where a batch is about to be printed.
	StdoutPrint Point = "stdout/print"
	// StdoutPrinted is where it is printed, and the driver does not know yet.
	StdoutPrinted Point = "stdout/printed"
)

// all are the points there are, in the order of their constants.
var all = []Point{
	LogLock, LogLocked, LogRead, LogCreate, LogAppend, LogSync, LogSynced,
	StoreCreate, StoreSync, StoreLink, StoreLinked, StoreDurable, StoreGet, StoreList,
	S3Put, S3Part, S3Complete, S3Created, S3Get, S3List,
	StateRestore, StateDelta, StateSnapshot, StateSlice, StateSliced, StateRound, StateKept,
	SourceSurvey, SourceRead, SourceFetch, InputsCopy, InputsLoad,
	DriverRecover, DriverRerun, DriverPlan, DriverPlanned, DriverMerge, DriverClose, DriverPrepare, DriverPublish, DriverNextSink,
	DriverCommit, DriverCommitted, DriverTold, DriverCancel, DriverDiscard, DriverDiscarded,
	RetainNote, RetainBegin, RetainLog, RetainState, RetainEpochs, RetainNames,
	ParquetClaim, ParquetFile, ParquetAdopt, ParquetManifest, ParquetMergeRead, ParquetMergeMark, ParquetMerge, ParquetMerged, ParquetMergeRemove, ParquetAside, ParquetRemove, PendingLoad, PendingKeep, PendingRemove,
	KafkaInit, KafkaInitialized, KafkaProduce, KafkaProduced, KafkaRecorded, KafkaCommitted,
	StdoutPrint, StdoutPrinted,
}
