package kafka

import "testing"

// FuzzWriteAnswers: whatever a broker answers to a writer, it is an error or a value, never a panic.
func FuzzWriteAnswers(f *testing.F) {
	f.Add([]byte{0, 0, 0, 0, 0, 0, 0, 0, 0, 0})
	f.Add([]byte{0, 0, 0, 1, 0, 3, 'a', 'd', 's', 0, 0, 0, 1, 0, 0, 0, 0, 0, 0})
	f.Add([]byte{2, 4, 'a', 'd', 's', 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7, 255, 255, 255, 255, 1, 0, 0, 0, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, p []byte) {
		for _, flexible := range []bool{false, true} {
			parseOffsetCommit(&answer{b: p, flexible: flexible}, 1)
		}
		if o, found, err := parseOffsetFetch(&answer{b: p, flexible: true}, "ads", 0); err == nil && found && o.Offset < 0 {
			t.Fatal("found an offset below 0")
		}
		if node, err := parseFindCoordinator(&answer{b: p}); err == nil && node < 0 {
			t.Fatal("no error and no coordinator")
		}
		parseCreateTopic(&answer{b: p})
		parseDescribeConfigs(&answer{b: p})
		parseController(&answer{b: p, flexible: true})
	})
}
