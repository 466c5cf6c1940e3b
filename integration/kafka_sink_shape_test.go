package integration

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestKafkaSinkTimestamps writes times of three years ago to a topic that takes those of the last hour: refused with the
// names of the column, the topic and its bound, or clamped, by option, and then the broker takes them.
func TestKafkaSinkTimestamps(t *testing.T) {
	p := newKafkaProgram(t, kafkaJob, 2)
	p.fill(t, 0, 100)
	p.out = p.b.Topic(t, 2, "message.timestamp.before.max.ms=3600000")
	set := []string{"run", p.job, "--available-now", "--set", "sinks.out.kafka.topic=" + p.out}
	code, stderr := p.fails(set...)
	wantExit(t, code, stderr, 2, "topic "+p.out+" takes timestamps of the last 1h0m0s (message.timestamp.before.max.ms)", `of column "at"`, "out_of_range: clamp")
	if n := len(p.visible(t, 0)); n > 0 {
		t.Errorf("%d records visible", n)
	}
	began := time.Now()
	fresh := newProgram(t, append(p.env, "CHECKPOINT="+p.checkpoint+"-2", "LAKE="+p.lake+"-2")...) // the open batch keeps its options
	p.out = p.b.Topic(t, 2, "message.timestamp.before.max.ms=3600000")
	set[len(set)-1] = "sinks.out.kafka.topic=" + p.out
	fresh.must(append(set, "--set", "sinks.out.kafka.timestamp={column: at, out_of_range: clamp}")...)
	for _, r := range p.visible(t, 100) {
		if r.Timestamp.Before(began.Add(-time.Hour)) || r.Timestamp.After(time.Now()) {
			t.Errorf("timestamp %s", r.Timestamp)
		}
	}
	p.wantIDs(t, 100)
}

// TestKafkaSinkLarge writes a batch of more bytes than a request takes, without keys: it is split, comes as one
// transaction, and lies evenly in the partitions. Then a topic that takes less than a row: named with size and limit.
func TestKafkaSinkLarge(t *testing.T) {
	p := newKafkaProgram(t, strings.Replace(strings.Replace(kafkaJob, "key: text, ", "", 1), "compression: lz4", "compression: none", 1), 3)
	const n = 150_000
	p.fill(t, 0, n)
	p.must("run", p.job, "--available-now")
	byPartition, bytes := [3]int{}, 0
	records := p.visible(t, n)
	for _, r := range records {
		byPartition[r.Partition]++
		bytes += len(r.Value)
		if r.Key != nil {
			t.Fatalf("key %q", r.Key)
		}
	}
	if byPartition != [3]int{n / 3, n / 3, n / 3} {
		t.Errorf("by partition %v", byPartition)
	}
	if batches := string(records[0].Headers[1].Value); batches != "1" || bytes < 12<<20 {
		t.Errorf("batch %s, %d bytes", batches, bytes)
	}
	p.wantIDs(t, n)

	small := p.b.Topic(t, 3, "max.message.bytes=150")
	code, stderr := newProgram(t, append(p.env, "OUT="+small, "CHECKPOINT="+p.checkpoint+"-2", "LAKE="+p.lake+"-2")...).fails("run", p.job, "--available-now")
	wantExit(t, code, stderr, 2, "topic "+small+" takes record batches of 150 bytes (max.message.bytes)", "one of 1 records takes ")
	t.Log(stderr)
	if got := committed(t, p.b, small, 3); fmt.Sprint(got) != "[[] [] []]" {
		t.Errorf("written: %v", got)
	}
}
