package kafka

import "testing"

func TestParseFeatures(t *testing.T) {
	finalized := func(name string, level byte) []byte {
		field := append([]byte{2, byte(len(name) + 1)}, name...)
		field = append(field, 0, level, 0, 0, 0)
		return append([]byte{0, 0, 1, 0, 0, 0, 0, 2, 0, 1, 9, finalizedFeatures, byte(len(field))}, field...)
	}
	for _, test := range []struct {
		name string
		body []byte
		want int16
		err  error
	}{
		{"2", finalized("transaction.version", 2), 2, nil},
		{"1", finalized("transaction.version", 1), 1, nil},
		{"another feature", finalized("metadata.version", 2), 0, nil},
		{"no features", []byte{0, 0, 1, 0, 0, 0, 0, 0}, 0, nil},
		{"a broker that does not know the version", []byte{0, 35, 0, 0, 0, 0}, 0, nil},
		{"refused", []byte{0, 41}, 0, Code(41)},
		{"cut", finalized("transaction.version", 2)[:30], 0, errShortAnswer},
	} {
		if got, err := parseFeatures(test.body); got != test.want || err != test.err {
			t.Errorf("%s: %d, %v; want %d, %v", test.name, got, err, test.want, test.err)
		}
	}
}
