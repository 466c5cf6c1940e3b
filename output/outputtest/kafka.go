package outputtest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/millrace/millrace/internal/kafka"
	"github.com/millrace/millrace/output"
)

// Kafka is a cluster in memory for the Kafka sink: topics, transactions with their epochs, and commit records. It
// outlives the processes that a test pretends to kill. Safe for concurrent use; its producers are not.
type Kafka struct {
	// Fault is asked before every step that changes something. nil: nothing goes wrong.
	Fault func(op string) Fault

	mu       sync.Mutex
	topics   map[string]*kafkaTopic
	sessions map[string]*kafkaSession // by transactional id
	records  map[[2]string]kafka.CommitRecord
	inits    int
}

// Fault is what goes wrong with a step.
type Fault struct {
	Before  error // the step does not happen, and this is the error
	Applied bool  // with Answer: it has happened
	Answer  error // the step may have happened, and this is the error
}

// kafkaTopic has the records that a reader under read_committed sees.
type kafkaTopic struct {
	partitions [][]KafkaRecord
	configs    map[string]string
}

// kafkaSession is the transactional id's newest epoch, and what its transaction holds.
type kafkaSession struct {
	epoch   int
	pending []kafkaRun
}

// KafkaRecord is one visible record.
type KafkaRecord struct {
	Partition  int
	Key, Value *string // nil: NULL
	At         int64   // milliseconds
	Headers    string  // key=value, with spaces between them
}

// String is the record on one line.
func (r KafkaRecord) String() string {
	text := func(s *string) string {
		if s == nil {
			return "NULL"
		}
		return *s
	}
	return fmt.Sprintf("%d %s %s %d %s", r.Partition, text(r.Key), text(r.Value), r.At, r.Headers)
}

// NewKafka returns a cluster without topics.
func NewKafka() *Kafka {
	return &Kafka{topics: map[string]*kafkaTopic{}, sessions: map[string]*kafkaSession{}, records: map[[2]string]kafka.CommitRecord{}}
}

// AddTopic makes a topic, or more partitions of one. Configs are pairs.
func (k *Kafka) AddTopic(name string, partitions int, configs ...string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	t := k.topics[name]
	if t == nil {
		t = &kafkaTopic{configs: map[string]string{}}
		k.topics[name] = t
	}
	for len(t.partitions) < partitions {
		t.partitions = append(t.partitions, nil)
	}
	for i := 0; i < len(configs); i += 2 {
		t.configs[configs[i]] = configs[i+1]
	}
}

// Config is a setting of a topic, "" for none.
func (k *Kafka) Config(topic, name string) string {
	k.mu.Lock()
	defer k.mu.Unlock()
	if t := k.topics[topic]; t != nil {
		return t.configs[name]
	}
	return ""
}

// Records are the visible records of a topic by partition.
func (k *Kafka) Records(topic string) (out []KafkaRecord) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, p := range k.topics[topic].partitions {
		out = append(out, p...)
	}
	return out
}

// Inits is how many sessions were begun.
func (k *Kafka) Inits() int { return k.inits }

// RecordOf is the commit record of a transactional id.
func (k *Kafka) RecordOf(id, topic string) (kafka.CommitRecord, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	r, ok := k.records[[2]string{id, topic}]
	return r, ok
}

// SetRecord changes a commit record, as an accident would.
func (k *Kafka) SetRecord(id, topic string, r kafka.CommitRecord) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.records[[2]string{id, topic}] = r
}

// ForgetRecords drops all commit records, as brokers do after a while.
func (k *Kafka) ForgetRecords() {
	k.mu.Lock()
	defer k.mu.Unlock()
	clear(k.records)
}

// Fence begins a session of a transactional id, as another process would.
func (k *Kafka) Fence(id string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.begin(id)
}

func (k *Kafka) begin(id string) int {
	s := k.sessions[id]
	if s == nil {
		s = &kafkaSession{}
		k.sessions[id] = s
	}
	s.epoch += 2
	s.pending = nil
	k.inits++
	return s.epoch
}

// Cluster returns the cluster as a process sees it.
func (k *Kafka) Cluster() output.KafkaCluster { return kafkaCluster{k} }

type kafkaCluster struct{ k *Kafka }

func (c kafkaCluster) Metadata(_ context.Context, names []string) (out []kafka.Topic, err error) {
	c.k.mu.Lock()
	defer c.k.mu.Unlock()
	for _, name := range names {
		t := kafka.Topic{Name: name, Code: kafka.CodeUnknownTopic}
		if have := c.k.topics[name]; have != nil {
			t.Code, t.Partitions = 0, make([]kafka.TopicPartition, len(have.partitions))
		}
		out = append(out, t)
	}
	return out, nil
}

func (c kafkaCluster) CreateTopic(_ context.Context, spec kafka.TopicSpec) (bool, error) {
	var configs []string
	for name, value := range spec.Configs {
		configs = append(configs, name, value)
	}
	c.k.AddTopic(spec.Name, max(int(spec.Partitions), 1), configs...)
	return true, nil
}

func (c kafkaCluster) TopicConfigs(_ context.Context, topic string, _ ...string) (map[string]string, error) {
	c.k.mu.Lock()
	defer c.k.mu.Unlock()
	return maps.Clone(c.k.topics[topic].configs), nil
}

func (c kafkaCluster) NewProducer(o kafka.ProducerOptions) output.KafkaProducer {
	return &kafkaProducer{k: c.k, o: o}
}

func (kafkaCluster) Refresh() {}
func (kafkaCluster) Close()   {}

// kafkaProducer is a session of one process.
type kafkaProducer struct {
	k     *Kafka
	o     kafka.ProducerOptions
	epoch int // 0: none
}

// step does what a request asks for, unless something goes wrong on the way. Under a transactional id only the newest
// epoch may do anything. Every error ends the session.
func (p *kafkaProducer) step(op string, do func() error) error {
	f := Fault{}
	if p.k.Fault != nil {
		f = p.k.Fault(op)
	}
	p.k.mu.Lock()
	defer p.k.mu.Unlock()
	if f.Before != nil {
		p.epoch = 0
		return f.Before
	}
	s := p.k.sessions[p.o.TransactionalID]
	if op != "init" && (p.epoch == 0 || s == nil || s.epoch != p.epoch) {
		p.epoch = 0
		return &kafka.FencedError{TransactionalID: p.o.TransactionalID, Op: op, Err: errors.New("a newer epoch is in force")}
	}
	var err error
	if f.Answer == nil || f.Applied {
		err = do()
	}
	if f.Answer != nil {
		err = f.Answer
	}
	if err != nil {
		p.epoch = 0
	}
	return err
}

func (p *kafkaProducer) Init(context.Context) error {
	p.epoch = 0
	if p.o.Lead != nil {
		if err := p.o.Lead(); err != nil {
			return err
		}
	}
	return p.step("init", func() error {
		p.epoch = p.k.begin(p.o.TransactionalID)
		return nil
	})
}

func (p *kafkaProducer) CommitRecord(_ context.Context, topic string) (kafka.CommitRecord, bool, error) {
	r, ok := p.k.RecordOf(p.o.TransactionalID, topic)
	return r, ok, nil
}

func (p *kafkaProducer) Produce(_ context.Context, batches []kafka.ProduceBatch) error {
	return p.step("produce", func() error {
		runs, err := p.k.decode(batches)
		if err != nil {
			return err
		}
		if p.o.TransactionalID == "" {
			p.k.show(runs)
			return nil
		}
		s := p.k.sessions[p.o.TransactionalID]
		s.pending = append(s.pending, runs...)
		return nil
	})
}

func (p *kafkaProducer) Commit(_ context.Context, topic string, r kafka.CommitRecord) error {
	if p.o.Recorded != nil {
		if err := p.o.Recorded(); err != nil {
			p.epoch = 0
			return err
		}
	}
	return p.step("commit", func() error {
		s := p.k.sessions[p.o.TransactionalID]
		p.k.records[[2]string{p.o.TransactionalID, topic}] = r
		p.k.show(s.pending)
		s.pending = nil
		return nil
	})
}

func (p *kafkaProducer) Abort(context.Context) error {
	return p.step("abort", func() error {
		p.k.sessions[p.o.TransactionalID].pending = nil
		return nil
	})
}

// kafkaRun are the records of one batch.
type kafkaRun struct {
	topic   *kafkaTopic
	records []KafkaRecord
}

// decode reads batches, whose memory the sink may use again behind the call.
func (k *Kafka) decode(batches []kafka.ProduceBatch) (out []kafkaRun, err error) {
	for _, b := range batches {
		t := k.topics[b.Topic]
		if t == nil || int(b.Partition) >= len(t.partitions) {
			return nil, fmt.Errorf("partition %s/%d does not exist", b.Topic, b.Partition)
		}
		records, err := decodeBatch(b)
		if err != nil {
			return nil, err
		}
		out = append(out, kafkaRun{t, records})
	}
	return out, nil
}

// show makes records visible.
func (k *Kafka) show(runs []kafkaRun) {
	for _, r := range runs {
		for _, rec := range r.records {
			r.topic.partitions[rec.Partition] = append(r.topic.partitions[rec.Partition], rec)
		}
	}
}

// decodeBatch reads a batch as a consumer does.
func decodeBatch(b kafka.ProduceBatch) (out []KafkaRecord, err error) {
	var batch kafka.RecordBatch
	rest, err := kafka.NextBatch(b.Batch.Bytes(), &batch)
	if err == nil && len(rest) > 0 {
		err = fmt.Errorf("%d bytes behind the batch", len(rest))
	}
	if err == nil {
		err = batch.Check()
	}
	if err != nil {
		return nil, err
	}
	payload, err := (&kafka.Decompressor{Max: 1 << 30}).Do(&batch)
	if err != nil {
		return nil, err
	}
	records, err := batch.AppendRecords(nil, payload)
	for i := range records {
		r := &records[i]
		out = append(out, KafkaRecord{Partition: int(b.Partition), Key: textOf(r.Key.Of(payload)), Value: textOf(r.Value.Of(payload)), At: r.Timestamp, Headers: headersOf(payload, r)})
	}
	return out, err
}

func textOf(b []byte) *string {
	if b == nil {
		return nil
	}
	s := string(b)
	return &s
}

func headersOf(payload []byte, r *kafka.Record) string {
	var all []string
	for h := kafka.ReadHeaders(payload, r); ; {
		key, value, ok := h.Next()
		if !ok {
			return strings.Join(all, " ")
		}
		all = append(all, string(key.Of(payload))+"="+string(value.Of(payload)))
	}
}

// LostAnswer is a fault after which it is not known whether the step has happened.
func LostAnswer(op string, applied bool) Fault {
	return Fault{Applied: applied, Answer: &kafka.IndefiniteError{Op: op, Err: errors.New("connection reset")}}
}

// Values are the visible values of a topic, sorted.
func (k *Kafka) Values(topic string) (out []string) {
	for _, r := range k.Records(topic) {
		if r.Value != nil {
			out = append(out, *r.Value)
		}
	}
	slices.Sort(out)
	return out
}
