package integration

import (
	"fmt"
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millrace/millrace/integration/kafkatest"
)

const landJob = "../examples/land/job.yaml"

// januaryFlights is the slice of the flights that lies in the project.
const januaryFlights = "../examples/flights/flights.parquet"

// TestRetentionBeforePlan deletes records that the job would have read next.
func TestRetentionBeforePlan(t *testing.T) {
	broker := kafkatest.Start(t)
	topic := broker.Topic(t, 2)
	p, lake := flightsProgram(t, broker.Addr, topic)
	w := producer(t, broker)
	writeFlights(t, w, topic, 0, 3)
	writeFlights(t, w, topic, 1, 3)
	p.must("run", landJob, "--available-now")
	before := files(t, lake)
	writeFlights(t, w, topic, 1, 7)
	deleteBefore(t, broker, topic, 1, 5)
	for range 2 { // refusing changes nothing
		code, stderr := p.fails("run", landJob, "--available-now")
		wantExit(t, code, stderr, 3, topic+"/1", "3", "retention has deleted offsets before 5", "available [5, 10)", "run with --accept-data-loss flights")
	}
	wantSameFiles(t, before, files(t, lake))
}

// TestRetentionOfOpenPlan kills a job inside a batch and deletes records of that batch: it cannot be run again.
func TestRetentionOfOpenPlan(t *testing.T) {
	broker := kafkatest.Start(t)
	topic := broker.Topic(t, 2)
	p, lake := flightsProgram(t, broker.Addr, topic)
	p.must("gen", "flights", "--brokers", broker.Addr, "--topic", topic, "--records", "200000", "--file", januaryFlights)
	l := p.start(landJob, "--available-now", "--set", "limits.rows=20000")
	plan := l.pauseWhen(t, p.openPlan)
	l.kill()
	open := plan.Ranges[1]
	deleteBefore(t, broker, topic, open.Partition, open.From+1)
	before := files(t, lake)
	for range 2 {
		code, stderr := p.fails("run", landJob, "--available-now")
		wantExit(t, code, stderr, 3, fmt.Sprintf("%s/%d [%d, %d)", topic, open.Partition, open.From, open.Until),
			fmt.Sprintf("retention has deleted offsets before %d", open.From+1), fmt.Sprintf("available [%d, 100000)", open.From+1), "run with --accept-data-loss flights")
	}
	wantSameFiles(t, before, files(t, lake))
}

func writeFlights(t *testing.T, w *kgo.Client, topic string, partition int32, n int) {
	t.Helper()
	write(t, w, topic, partition, slices.Repeat([]string{`{"date":978307200000,"delay":1,"distance":2,"origin":"ORD","destination":"JFK"}`}, n)...)
}
