package offsets_test

import (
	"testing"

	"github.com/millrace/millrace/offsets"
	"github.com/millrace/millrace/offsets/offsetstest"
)

func TestMemoryContract(t *testing.T) {
	offsetstest.Run(t, func(t *testing.T, partitions int) offsetstest.Fixture {
		m := offsets.NewMemory("events")
		m.RunMax = 7
		m.Create("ads", partitions)
		return offsetstest.Fixture{
			Source: m,
			Topic:  "ads",
			Append: func(partition int32, values ...string) {
				for _, v := range values {
					m.Append("ads", partition, offsets.MemoryRecord{Key: []byte("k" + v), Value: []byte(v),
						Headers: []offsets.MemoryHeader{{Key: "value", Value: []byte(v)}, {Key: "none"}}})
				}
			},
			Gap:          func(partition int32) { m.Gap("ads", partition, 2) },
			DeleteBefore: func(partition int32, offset int64) { m.DeleteBefore("ads", partition, offset) },
			Recreate:     func() { m.Create("ads", partitions) },
		}
	})
}

func TestMemoryStable(t *testing.T) {
	m := offsets.NewMemory("events")
	m.Append("ads", 0, make([]offsets.MemoryRecord, 5)...)
	m.SetStable("ads", 0, 3)
	m.SetEpoch("ads", 0, 4)
	s, err := m.Partitions(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if s[0].End != 3 || s[0].HighWatermark != 5 || s[0].LeaderEpoch != 4 {
		t.Errorf("state %+v, want end 3, high watermark 5, epoch 4", s[0])
	}
}

// TestMemoryLogCut: a log that was cut and has grown again looks whole but for its leader epochs.
func TestMemoryLogCut(t *testing.T) {
	cut := func(m *offsets.Memory) { m.Truncate("ads", 0, 6) }
	elect := func(m *offsets.Memory) { m.SetEpoch("ads", 0, 3) }
	for _, test := range []struct {
		name  string
		steps []func(*offsets.Memory)
		want  string
	}{
		{"election", []func(*offsets.Memory){elect}, ""},
		{"cut, then election", []func(*offsets.Memory){cut, elect}, "the log was cut at 6"},
		{"election, then cut", []func(*offsets.Memory){elect, cut}, "the log was cut at 6"},
	} {
		m := offsets.NewMemory("events")
		m.Append("ads", 0, make([]offsets.MemoryRecord, 10)...)
		at := read(survey(t, m)[0])
		r := offsets.Range{Topic: "ads", TopicID: at.TopicID, Until: 10}
		for _, step := range test.steps {
			step(m)
		}
		m.Append("ads", 0, make([]offsets.MemoryRecord, 10)...)
		_, surveyErr := m.Survey(t.Context(), []offsets.Position{at})
		_, readErr := offsetstest.ReadAll(t.Context(), m, r)
		for _, err := range []error{surveyErr, readErr} {
			if test.want != "" {
				wantGone(t, err, test.want)
			} else if err != nil {
				t.Errorf("%s: %v", test.name, err)
			}
		}
		at.Next, r.Until = 6, 6
		survey(t, m, at)
		if rows, err := offsetstest.ReadAll(t.Context(), m, r); err != nil || len(rows) != 6 {
			t.Errorf("%s: what was kept: %d rows, %v", test.name, len(rows), err)
		}
	}
}
