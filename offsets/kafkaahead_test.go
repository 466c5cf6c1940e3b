package offsets_test

import (
	"bytes"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/offsets"
)

// TestKafkaReadsAhead: while one answer is decoded the next is fetched already, and no third one.
func TestKafkaReadsAhead(t *testing.T) {
	c := adsLog(t, 200)
	s, r := adsSource(t, c, 500)
	asked := make(chan int64, 1000)
	c.ControlKey(int16(kmsg.Fetch), func(q kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		asked <- q.(*kmsg.FetchRequest).Topics[0].Partitions[0].FetchOffset
		return nil, nil, false
	})
	reader, err := s.Read(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	next := func() int64 {
		t.Helper()
		select {
		case at := <-asked:
			return at
		case <-time.After(10 * time.Second):
			t.Fatal("nobody fetches")
			return 0
		}
	}
	var recs offsets.Records
	last := func() int64 { return recs.Rows[len(recs.Rows)-1].Offset }
	if err := reader.Next(t.Context(), &recs); err != nil || len(recs.Rows) == 0 {
		t.Fatal(len(recs.Rows), err)
	}
	ahead := []int64{next(), next()}
	if ahead[0] != 0 || ahead[1] <= last() {
		t.Errorf("fetches at %d and %d; the first run ends at %d", ahead[0], ahead[1], last())
	}
	for rows := len(recs.Rows); rows < 200; rows += len(recs.Rows) {
		if err := reader.Next(t.Context(), &recs); err != nil {
			t.Fatal(err)
		}
		for len(asked) > 0 {
			ahead = append(ahead, <-asked)
		}
		ahead = slices.DeleteFunc(ahead, func(at int64) bool { return at <= last() })
		if len(ahead) > 1 {
			t.Fatalf("fetches at %d while the run up to %d is in use", ahead, last())
		}
	}
}

// TestKafkaNoRoomAhead: a budget without room for two answers still reads everything, one answer after the other.
func TestKafkaNoRoomAhead(t *testing.T) {
	c := adsLog(t, 200)
	budget := offsets.NewBudget(1)
	s := openKafka(t, c.ListenAddrs(), offsets.KafkaOptions{Source: "events", Topics: []string{"ads"}, FetchBytes: 500, Budget: budget})
	p := survey(t, s)[0]
	r := offsets.Range{Source: "events", Topic: "ads", TopicID: p.TopicID, Until: p.End, LeaderEpoch: p.LeaderEpoch}
	for range 3 {
		wantAll(t, s, r)
	}
	if most := int64(80 << 10); budget.Peak() > most {
		t.Errorf("%d bytes at a time, want no more than %d: one answer, and what it decompresses to", budget.Peak(), most)
	}
}

// goroutines counts those that were started by this program's packages and by the client it reads with. The embedded broker's, which has
// several for each connection, are not of interest.
func goroutines() (ours, client int) {
	buf := make([]byte, 1<<20)
	stacks := buf[:runtime.Stack(buf, true)]
	return bytes.Count(stacks, []byte("created by github.com/millrace/")), bytes.Count(stacks, []byte("created by github.com/segmentio/"))
}

// TestKafkaReaderGoroutines: a reader that goes through many record batches has one goroutine at work, and one that may just be done.
// The client has one for each connection, and opens another one while the first still hands over its answer.
func TestKafkaReaderGoroutines(t *testing.T) {
	const records = 4_000
	c := adsLog(t, records)
	s, r := adsSource(t, c, 2_000)
	reader, err := s.Read(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	var recs offsets.Records
	first, most, mostOurs, runs := 0, 0, 0, 0
	for rows := 0; rows < records; rows += len(recs.Rows) {
		if err := reader.Next(t.Context(), &recs); err != nil {
			t.Fatal(err)
		}
		ours, client := goroutines()
		if runs++; runs == 1 {
			first = client
		}
		most, mostOurs = max(most, client), max(mostOurs, ours)
	}
	t.Logf("%d record batches: at most %d goroutines to read, %d of the client with the first and %d at most", runs, mostOurs, first, most)
	if runs < 100 || mostOurs < 1 || mostOurs > 2 || most > first+2 {
		t.Errorf("%d record batches: %d goroutines to read, %d of the client with the first, then up to %d", runs, mostOurs, first, most)
	}
}
