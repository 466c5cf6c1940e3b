package offsets_test

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/offsets"
	"github.com/millrace/millrace/offsets/offsetstest"
)

func survey(t *testing.T, s offsets.Source, reached ...offsets.Position) []offsets.PartitionState {
	t.Helper()
	states, err := s.Survey(t.Context(), reached)
	if err != nil {
		t.Fatal(err)
	}
	return states
}

// read is where a job stands when it has read all of a partition.
func read(s offsets.PartitionState) offsets.Position {
	return offsets.Position{Source: "events", Topic: s.Topic, TopicID: s.TopicID, Partition: s.Partition, Next: s.End, LeaderEpoch: s.LeaderEpoch}
}

func wantGone(t *testing.T, err error, reason string) {
	t.Helper()
	var gone *offsets.RangeGoneError
	if !errors.As(err, &gone) || !strings.Contains(gone.Reason, reason) {
		t.Errorf("error %v, want a RangeGoneError with %q", err, reason)
	}
}

// forgeMetadata lets change the answers about topics, not those about brokers only, until it returns false. answer holds
// topic "ads" with its partitions as they are now.
func forgeMetadata(t *testing.T, c *kfake.Cluster, id offsets.TopicID, partitions int32, change func(topic *kmsg.MetadataResponseTopic) bool) {
	t.Helper()
	leaders := make([]int32, partitions)
	for p := range leaders {
		leaders[p] = c.LeaderFor("ads", int32(p))
	}
	c.ControlKey(int16(kmsg.Metadata), func(q kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		if len(q.(*kmsg.MetadataRequest).Topics) == 0 {
			return nil, nil, false
		}
		res, topic := q.ResponseKind().(*kmsg.MetadataResponse), kmsg.NewMetadataResponseTopic()
		topic.Topic, topic.TopicID = kmsg.StringPtr("ads"), id
		for p, leader := range leaders {
			part := kmsg.NewMetadataResponseTopicPartition()
			part.Partition, part.Leader, part.LeaderEpoch = int32(p), leader, 0
			topic.Partitions = append(topic.Partitions, part)
		}
		if !change(&topic) {
			c.DropControl()
			return nil, nil, false
		}
		res.Topics = append(res.Topics, topic)
		return res, nil, true
	})
}

// twice returns a change of the next two answers.
func twice(change func(*kmsg.MetadataResponseTopic)) (func(*kmsg.MetadataResponseTopic) bool, *int) {
	n := new(int)
	return func(topic *kmsg.MetadataResponseTopic) bool {
		if *n++; *n > 2 {
			return false
		}
		change(topic)
		return true
	}, n
}

func unknown(topic *kmsg.MetadataResponseTopic) {
	topic.ErrorCode, topic.Partitions = kerr.UnknownTopicOrPartition.Code, nil
}

func fewer(topic *kmsg.MetadataResponseTopic) { topic.Partitions = topic.Partitions[:1] }

// TestKafkaOldMetadata: a broker that has just started does not know the topic, or all of it. A source that was there
// before, or whose job was, asks again.
func TestKafkaOldMetadata(t *testing.T) {
	for _, test := range []struct {
		name    string
		change  func(*kmsg.MetadataResponseTopic)
		surveys bool // by the same source before
		reached bool // by the job
	}{
		{"unknown topic, first run", unknown, false, false},
		{"unknown topic, later run", unknown, false, true},
		{"unknown topic, same run", unknown, true, true},
		{"fewer partitions, first batch", fewer, true, false},
		{"fewer partitions, later run", fewer, false, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := startFake(t, kfake.SeedTopics(3, "ads"))
			opts := offsets.KafkaOptions{Source: "events", Topics: []string{"ads"}}
			s := openKafka(t, c.ListenAddrs(), opts)
			want := survey(t, s)
			if !test.surveys {
				s = openKafka(t, c.ListenAddrs(), opts)
			}
			var reached []offsets.Position
			for _, st := range want {
				if test.reached {
					reached = append(reached, read(st))
				}
			}
			change, asked := twice(test.change)
			forgeMetadata(t, c, want[0].TopicID, 3, change)
			if got := survey(t, s, reached...); !slices.Equal(got, interrupted(want)) || *asked != 3 {
				t.Errorf("%v after %d answers, want %v after 3", got, *asked, want)
			}
		})
	}
}

// TestKafkaOldLeader: metadata that names an earlier leader does not count.
func TestKafkaOldLeader(t *testing.T) {
	c := startFake(t, kfake.NumBrokers(2), kfake.SeedTopics(1, "ads"))
	s := openKafka(t, c.ListenAddrs(), offsets.KafkaOptions{Source: "events", Topics: []string{"ads"}})
	for range 2 {
		if err := c.MoveTopicPartition("ads", 0, 1-c.LeaderFor("ads", 0)); err != nil {
			t.Fatal(err)
		}
	}
	want := survey(t, s)
	if want[0].LeaderEpoch != 2 {
		t.Fatalf("leader epoch %d, want 2", want[0].LeaderEpoch)
	}
	answers := 0
	forgeMetadata(t, c, want[0].TopicID, 1, func(topic *kmsg.MetadataResponseTopic) bool { answers++; return answers < 3 })
	c.ControlKey(int16(kmsg.ListOffsets), func(q kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		for i := range q.(*kmsg.ListOffsetsRequest).Topics { // an earlier leader that is cut off believes in its own epoch
			q.(*kmsg.ListOffsetsRequest).Topics[i].Partitions[0].CurrentLeaderEpoch = -1
		}
		return nil, nil, false
	})
	if got := survey(t, s, read(want[0])); !slices.Equal(got, interrupted(want)) || answers != 3 {
		t.Errorf("%v after %d answers, want %v after 3", got, answers, want)
	}
}

// interrupted is what a survey finds that had to ask again.
func interrupted(states []offsets.PartitionState) []offsets.PartitionState {
	out := slices.Clone(states)
	for i := range out {
		out[i].Interrupted = true
	}
	return out
}

// TestKafkaBelieves: what brokers keep saying is believed in the end.
func TestKafkaBelieves(t *testing.T) {
	c := startFake(t, kfake.SeedTopics(2, "ads"))
	opts := offsets.KafkaOptions{Source: "events", Topics: []string{"ads"}, UnknownFor: 100 * time.Millisecond}
	s := openKafka(t, c.ListenAddrs(), opts)
	states := survey(t, s)
	reached := []offsets.Position{read(states[0]), read(states[1])}

	answers, change := 0, fewer
	forgeMetadata(t, c, states[0].TopicID, 2, func(topic *kmsg.MetadataResponseTopic) bool { answers++; change(topic); return true })
	got := survey(t, s, reached...)
	if len(got) != 1 || answers < 2 {
		t.Errorf("%v after %d answers", got, answers)
	}
	_, err := offsets.PlanRanges("events", got, reached, offsets.Limits{}, offsets.Earliest)
	wantGone(t, err, "the partition does not exist any more")

	answers, change = 0, unknown
	_, err = s.Survey(t.Context(), reached)
	wantGone(t, err, "the topic was deleted, or "+c.ListenAddrs()[0])
	var first *offsets.UnknownTopicError
	if errors.As(err, &first) || answers < 2 {
		t.Errorf("after %d answers: %v", answers, err)
	}
	if _, err := s.Survey(t.Context(), nil); !errors.As(err, &first) {
		t.Errorf("a job that was never there: %v", err)
	}
}

// epochEnds answers where a leader epoch of ads/0 ends, and counts how often it is asked.
func epochEnds(c *kfake.Cluster, end int64, code int16) *int {
	asked := new(int)
	c.ControlKey(int16(kmsg.OffsetForLeaderEpoch), func(q kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		*asked++
		res, topic := q.ResponseKind().(*kmsg.OffsetForLeaderEpochResponse), kmsg.NewOffsetForLeaderEpochResponseTopic()
		topic.Topic = "ads"
		part := kmsg.NewOffsetForLeaderEpochResponseTopicPartition()
		part.EndOffset = end
		if *asked == 1 {
			part.ErrorCode = code
		}
		topic.Partitions = append(topic.Partitions, part)
		res.Topics = append(res.Topics, topic)
		return res, nil, true
	})
	return asked
}

// TestKafkaSurveyElection: between two batches another leader was elected, and its log has grown beyond the position.
func TestKafkaSurveyElection(t *testing.T) {
	for _, test := range []struct {
		name  string
		end   int64
		code  int16
		asked int // by two surveys
		want  string
	}{
		{"cut and grown again", 150, 0, 2, "the log was cut at 150 and has other records since leader epoch 0"},
		{"cut to nothing and grown again", 0, 0, 2, "the log was cut at 0"},
		{"harmless", 200, 0, 1, ""},
		{"harmless, other records since", 230, 0, 1, ""},
		{"no history of epochs", -1, 0, 1, ""},
		{"asked while the leader moves", 150, kerr.NotLeaderForPartition.Code, 3, "the log was cut at 150"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := adsLog(t, 250, kfake.NumBrokers(2))
			s, _ := adsSource(t, c, 0)
			at := read(survey(t, s)[0])
			at.Next = 200
			if err := c.MoveTopicPartition("ads", 0, 1-c.LeaderFor("ads", 0)); err != nil {
				t.Fatal(err)
			}
			asked := epochEnds(c, test.end, test.code)
			for range 2 {
				states, err := s.Survey(t.Context(), []offsets.Position{at})
				switch {
				case test.want != "":
					wantGone(t, err, test.want)
				case err != nil || states[0].LeaderEpoch != 1:
					t.Errorf("%+v, %v", states, err)
				}
			}
			if *asked != test.asked {
				t.Errorf("asked %d times, want %d", *asked, test.asked)
			}
			if test.want == "" {
				return
			}
			at.LeaderEpoch = 1 // planned by the leader of now
			survey(t, s, at)
			at.Next, at.LeaderEpoch = max(test.end, 0), 0 // not beyond what was kept
			survey(t, s, at)
		})
	}
}

// TestKafkaTopicDeleted: a topic deleted under a reader and not made again.
func TestKafkaTopicDeleted(t *testing.T) {
	c := adsLog(t, 200)
	s := openKafka(t, c.ListenAddrs(), offsets.KafkaOptions{Topics: []string{"ads"}, FetchBytes: 500, UnknownFor: 100 * time.Millisecond})
	st := survey(t, s)[0]
	r := offsets.Range{Topic: "ads", TopicID: st.TopicID, Until: st.End, LeaderEpoch: st.LeaderEpoch}
	reader, err := s.Read(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	var recs offsets.Records
	if err := reader.Next(t.Context(), &recs); err != nil {
		t.Fatal(err)
	}
	if err := c.DeleteTopic("ads"); err != nil {
		t.Fatal(err)
	}
	for err == nil {
		err = reader.Next(t.Context(), &recs)
	}
	wantGone(t, err, "the topic was deleted, or "+c.ListenAddrs()[0])
	if text := err.Error(); !strings.Contains(text, "ads/0 [0, 200): the topic was deleted") || strings.Contains(text, "available") {
		t.Error(text)
	}
	r.Topic, r.TopicID, r.Partition = "clicks", offsets.TopicID{}, 1
	if err := c.CreateTopic("clicks", 1, nil); err != nil {
		t.Fatal(err)
	}
	_, err = offsetstest.ReadAll(t.Context(), s, r)
	wantGone(t, err, "the partition does not exist any more")
}

// TestKafkaSurveyCancelled: a stop ends the wait for brokers at once, whatever it waits for.
func TestKafkaSurveyCancelled(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { silent.Close() })
	c := startFake(t)
	for _, test := range []struct{ name, addr string }{
		{"nobody listens", "127.0.0.1:1"},
		{"nobody answers", silent.Addr().String()},
		{"unknown topic", c.ListenAddrs()[0]},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := openKafka(t, []string{test.addr}, offsets.KafkaOptions{Topics: []string{"ads"}, RetryFor: time.Hour, UnknownFor: time.Hour})
			why := errors.New("stopped")
			ctx, cancel := context.WithCancelCause(t.Context())
			stop := time.AfterFunc(150*time.Millisecond, func() { cancel(why) })
			defer stop.Stop()
			began := time.Now()
			if _, err := s.Partitions(ctx); !errors.Is(err, why) || time.Since(began) > 2*time.Second {
				t.Errorf("after %s: %v", time.Since(began), err)
			}
		})
	}
}

// TestKafkaBrokersDisagree: one of two brokers has not heard of the topic, and every other question reaches it.
func TestKafkaBrokersDisagree(t *testing.T) {
	c := adsLog(t, 50)
	s := openKafka(t, c.ListenAddrs(), offsets.KafkaOptions{Topics: []string{"ads"}, UnknownFor: 100 * time.Millisecond})
	st := survey(t, s)[0]
	s = openKafka(t, c.ListenAddrs(), offsets.KafkaOptions{Topics: []string{"ads"}})
	answers := 0
	forgeMetadata(t, c, st.TopicID, 1, func(topic *kmsg.MetadataResponseTopic) bool {
		if answers++; answers%2 == 1 {
			unknown(topic)
		}
		return true
	})
	wantAll(t, s, offsets.Range{Topic: "ads", TopicID: st.TopicID, Until: st.End, LeaderEpoch: st.LeaderEpoch})
	if answers < 2 {
		t.Errorf("%d answers: nobody disagreed", answers)
	}
}
