package main

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// compareAlerts expects a record for each late flight, with its airport as the key.
func compareAlerts(t *testing.T, root string) {
	t.Helper()
	var got, want []string
	for _, r := range committed(t, os.Getenv("KAFKA"), "flight-alerts") {
		got = append(got, fmt.Sprintf("%s %s", r.Key, r.Value))
	}
	for _, f := range flightsOf(t, root, 10_000) {
		if f.Delay > 120 {
			want = append(want, fmt.Sprintf(`%s {"origin":"%s","destination":"%s","scheduled":"%s","delay_minutes":%d}`,
				f.Origin, f.Origin, f.Destination, time.UnixMicro(f.Date).UTC().Format(time.RFC3339), f.Delay))
		}
	}
	sameLines(t, got, want)
}

// committed are all records of a topic that a consumer under read_committed sees.
func committed(t *testing.T, broker, topic string) (all []*kgo.Record) {
	t.Helper()
	c, err := kgo.NewClient(kgo.SeedBrokers(broker), kgo.ConsumeTopics(topic), kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.KeepControlRecords())
	check(t, err)
	defer c.Close()
	ends, err := kadm.NewClient(c).ListEndOffsets(t.Context(), topic)
	check(t, err)
	at, until := map[int32]int64{}, int64(0)
	ends.Each(func(o kadm.ListedOffset) { until += o.Offset })
	for sum := int64(0); sum < until; {
		f := c.PollFetches(t.Context())
		check(t, f.Err())
		f.EachRecord(func(r *kgo.Record) {
			sum += r.Offset + 1 - at[r.Partition]
			at[r.Partition] = r.Offset + 1
			if !r.Attrs.IsControl() {
				all = append(all, r)
			}
		})
	}
	return all
}
