package jobspec

import (
	"slices"
	"testing"
)

// Passwords are known before anything of the file can go wrong and be shown.
func TestPasswordsAreFound(t *testing.T) {
	for _, c := range []struct {
		text string
		sets []string
		want []string
	}{
		{"name: x\nsources: {s: {kafka: {sasl: {password: hunter2, mechanism: NONE}}}}", nil, []string{"hunter2"}},
		{"name: x\nx-a: &a {password: one}\nsources: {s: {kafka: {sasl: *a}}}\nsinks: {s: {kafka: {sasl: {password: 'two'}}}}", nil, []string{"one", "two"}},
		{"name: x\nsources: {s: {kafka: {topic: '${NOT_SET}', sasl: {password: hunter2}}}}", nil, []string{"hunter2"}},
		{"name: x\nsources: {s: {columns: {password: string, sasl: string}}}", nil, nil},
		{"a: [ password: hunter2, b", nil, []string{"hunter2"}},
		{"a: [ \"password\" : \"hunter 2\" ", nil, []string{"hunter 2"}},
		{"a: [\nsasl:\n  password: 'it is'\n", nil, []string{"it is"}},
		{"name: x", []string{"sources.s.kafka.sasl.password=hunter2"}, []string{"hunter2"}},
		{"name: x", []string{"sources.s.kafka.sasl={password: hunter2}"}, []string{"hunter2"}},
		{"name: x", []string{"sources.s.kafka.sasl.password.deep='hunter2'"}, []string{"hunter2"}},
	} {
		var found []string
		if _, err := parse("job.yaml", []byte(c.text), Options{Env: lookup, Set: c.sets, Secret: func(v []string) { found = append(found, v...) }}); err == nil {
			t.Fatalf("%s is a job", c.text)
		}
		for _, want := range c.want {
			if !slices.Contains(found, want) {
				t.Errorf("%s, %q: found %q, want %q", c.text, c.sets, found, want)
			}
		}
		if len(c.want) == 0 && len(found) > 0 {
			t.Errorf("%s: found %q", c.text, found)
		}
	}
}
