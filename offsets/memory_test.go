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
					m.Append("ads", partition, offsets.MemoryRecord{Key: []byte("k" + v), Value: []byte(v)})
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
