package jobspec

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"

	"github.com/millrace/millrace/batch"
	"github.com/millrace/millrace/dstream"
)

// recordVersion is the form of what a checkpoint keeps of a job.
const recordVersion = 2

// Record is what a checkpoint keeps of the job: the file in its normal form, with everything that decides what is
// computed and written. How the job is reached is not in it, and secrets are references.
func (s *Spec) Record() ([]byte, error) {
	var b bytes.Buffer
	fmt.Fprintf(&b, `{"version":%d,"job":`, recordVersion)
	s.normal.record(&b)
	b.WriteByte('}')
	return b.Bytes(), nil
}

// record writes the tree as JSON.
func (t *tree) record(b *bytes.Buffer) {
	switch t.kind {
	case nullTree:
		b.WriteString("null")
	case scalarTree:
		text := escapeVariables(t.scalar)
		if t.secret != "" {
			text = t.secret
		}
		writeString(b, text)
	case listTree:
		b.WriteByte('[')
		for i, item := range t.items {
			separate(b, i)
			item.record(b)
		}
		b.WriteByte(']')
	case mapTree:
		b.WriteByte('{')
		n := 0
		for _, e := range t.entries {
			if e.reach {
				continue
			}
			separate(b, n)
			n++
			writeString(b, e.key)
			b.WriteByte(':')
			e.val.record(b)
		}
		b.WriteByte('}')
	}
}

func separate(b *bytes.Buffer, i int) {
	if i > 0 {
		b.WriteByte(',')
	}
}

func writeString(b *bytes.Buffer, s string) {
	data, err := json.Marshal(s)
	if err != nil {
		panic(err) // no text fails
	}
	b.Write(data)
}

// Resolve builds a job from what [Spec.Record] wrote. How it is reached (brokers, TLS, SASL) comes from the file at hand, s, and so
// do the variables that its secrets refer to.
func (s *Spec) Resolve(recorded []byte) (*batch.Job, error) {
	old, err := s.readRecord(recorded)
	if err != nil {
		return nil, fmt.Errorf("read recorded job: %w", err)
	}
	job, _, err := old.Job()
	if err != nil {
		return nil, fmt.Errorf("recorded job: %w", err)
	}
	job.Recorded = recorded
	return job, nil
}

func (s *Spec) readRecord(recorded []byte) (*Spec, error) {
	t, err := recordedTree(recorded)
	if err != nil {
		return nil, err
	}
	if err := s.reachBy(t, s.reachOf); err != nil {
		return nil, err
	}
	return s.readTree(t)
}

// recordedTree is the normal form of a recorded job.
func recordedTree(recorded []byte) (*tree, error) {
	var r struct {
		Version int
		Job     json.RawMessage
	}
	if err := json.Unmarshal(recorded, &r); err != nil {
		return nil, err
	}
	if r.Version != recordVersion {
		return nil, fmt.Errorf("it has the form %d, this version reads form %d; let the version that planned the open batch finish it", r.Version, recordVersion)
	}
	return readJSON(r.Job)
}

// readTree reads a recorded job that has been told how it is reached.
func (s *Spec) readTree(t *tree) (*Spec, error) {
	v := &variables{env: s.env, dir: "/"}
	if err := v.expand(t); err != nil {
		return nil, err
	}
	s.tell(v.secrets)
	old, err := (&decoder{dir: "/"}).spec(t)
	if err != nil {
		return nil, err
	}
	old.env, old.secrets, old.tell = s.env, append(v.secrets, s.secrets...), s.tell
	old.container = s.container
	return old, nil
}

// reachBy puts into a recorded tree what a run may use by the file at hand, and how that reaches its clusters, one by one.
func (s *Spec) reachBy(recorded *tree, reachOf func(section, name string) ([]entry, error)) error {
	if recorded.get("sources") == nil {
		return errors.New("it has no sources")
	}
	for _, e := range s.normal.entries {
		if e.reach {
			e.val.freeze()
			recorded.entries = append(recorded.entries, e)
		}
	}
	for _, section := range []string{"sources", "sinks"} {
		named := recorded.get(section)
		if named == nil {
			continue
		}
		for _, e := range named.entries {
			at := e.val.get("kafka")
			if at == nil {
				continue
			}
			reach, err := reachOf(section, e.key)
			if err != nil {
				return err
			}
			at.entries = append(at.entries, reach...)
		}
	}
	return nil
}

// reachOf is how the file at hand reaches a source or sink. One that the file calls otherwise now is reached as all in
// its section are, when they are reached in one way.
func (s *Spec) reachOf(section, name string) ([]entry, error) {
	clusters := s.clusters(section)
	if i := slices.IndexFunc(clusters, func(c namedCluster) bool { return c.name == name }); i >= 0 {
		return clusters[i].reach(), nil
	}
	for _, c := range clusters {
		if !reflect.DeepEqual(c.cluster.reached(s.Name), clusters[0].cluster.reached(s.Name)) {
			clusters = nil
			break
		}
	}
	if len(clusters) == 0 {
		return nil, &dstream.Error{Msg: fmt.Sprintf("the open batch uses %q of %s, which the job file no longer has", name, section),
			Hint: "put it back until that batch is done"}
	}
	return clusters[0].reach(), nil
}

// namedCluster is how a source or sink is reached.
type namedCluster struct {
	name    string
	cluster *Cluster
	normal  *tree // of what stands under kafka
}

// clusters are those that a section of the file names.
func (s *Spec) clusters(section string) []namedCluster {
	var out []namedCluster
	add := func(name string, c *Cluster) {
		out = append(out, namedCluster{name, c, s.normal.get(section).get(name).get("kafka")})
	}
	if section == "sources" {
		for i := range s.Sources {
			add(s.Sources[i].Name, &s.Sources[i].Kafka.Cluster)
		}
		return out
	}
	for i := range s.Sinks {
		if k := &s.Sinks[i]; k.Kafka != nil {
			add(k.Name, &k.Kafka.Cluster)
		}
	}
	return out
}

// reach are the keys that are not recorded.
func (c namedCluster) reach() []entry {
	var out []entry
	for _, e := range c.normal.entries {
		if e.reach {
			e.val.freeze()
			out = append(out, e)
		}
	}
	return out
}

// freeze keeps variables from being looked for once more.
func (t *tree) freeze() {
	t.expanded = true
	for _, e := range t.entries {
		e.val.freeze()
	}
	for _, item := range t.items {
		item.freeze()
	}
}

// readJSON reads what [tree.record] wrote.
func readJSON(data []byte) (*tree, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	t, err := readJSONValue(d, 0)
	if err != nil {
		return nil, err
	}
	if d.More() {
		return nil, errors.New("more than one value")
	}
	return t, nil
}

func readJSONValue(d *json.Decoder, depth int) (*tree, error) {
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	if depth > 100 {
		return nil, errors.New("nested too deep")
	}
	switch v := token.(type) {
	case nil:
		return &tree{kind: nullTree}, nil
	case string:
		return &tree{kind: scalarTree, scalar: v}, nil
	case json.Delim:
		return readJSONMembers(d, v, depth+1)
	}
	return nil, fmt.Errorf("%v is no text", token)
}

func readJSONMembers(d *json.Decoder, open json.Delim, depth int) (*tree, error) {
	t := &tree{kind: listTree}
	if open == '{' {
		t.kind = mapTree
	}
	for d.More() {
		e := entry{}
		if t.kind == mapTree {
			token, err := d.Token()
			if err != nil {
				return nil, err
			}
			e.key, _ = token.(string)
		}
		val, err := readJSONValue(d, depth)
		if err != nil {
			return nil, err
		}
		if e.val = val; t.kind == mapTree {
			t.entries = append(t.entries, e)
		} else {
			t.items = append(t.items, val)
		}
	}
	_, err := d.Token()
	return t, err
}
