package offsets

// Position is how far a job has come in one partition: the next offset to plan.
type Position struct {
	Source      string  `json:"source"` // the source's name in the job
	Topic       string  `json:"topic"`
	TopicID     TopicID `json:"topic_id"`
	Partition   int32   `json:"partition"`
	Next        int64   `json:"next"`         // first offset not read yet
	LeaderEpoch int32   `json:"leader_epoch"` // when the last range was planned; −1: unknown
}
