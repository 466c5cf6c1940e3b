package jobspec

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/millrace/millrace/batch"
	"github.com/millrace/millrace/dstream"
)

// Options change how a job file is read.
type Options struct {
	Env Lookup   // nil: the environment of the process
	Set []string // path=value, applied in order, after variables are replaced
}

// Load reads a job file. A mistake in it is a [dstream.Error].
func Load(path string, o Options) (*Spec, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, &dstream.Error{Msg: fmt.Sprintf("read job file: %v", err)}
	}
	return parse(path, text, o)
}

func parse(path string, text []byte, o Options) (*Spec, error) {
	if o.Env == nil {
		o.Env = os.LookupEnv
	}
	dir, err := filepath.Abs(filepath.Dir(path))
	if err != nil {
		return nil, fmt.Errorf("find directory of %s: %w", path, err)
	}
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	t, err := parseTree(path, text)
	if err != nil {
		return nil, err
	}
	if t.kind != mapTree {
		return nil, fail(t.pos, "", "the job file is %s, want a mapping", t.kind)
	}
	t.dropExtensions()
	v := variables{env: o.Env, dir: dir}
	if err := v.expand(t); err != nil {
		return nil, err
	}
	for _, s := range o.Set {
		if err := set(t, s); err != nil {
			return nil, err
		}
	}
	d := &decoder{file: path, dir: dir, text: text}
	return d.spec(t)
}

// dropExtensions leaves out the keys that are there for their anchors only, before their variables are looked at.
func (t *tree) dropExtensions() {
	t.entries = slices.DeleteFunc(t.entries, func(e entry) bool { return strings.HasPrefix(e.key, "x-") })
}

// Record is what a checkpoint keeps of the job: everything that decides what is computed and written. How the job is
// reached is not in it.
func (s *Spec) Record() ([]byte, error) {
	kept := *s
	kept.Source.Brokers = nil
	data, err := json.Marshal(&kept)
	if err != nil {
		return nil, fmt.Errorf("record job: %w", err)
	}
	return data, nil
}

// Resolve builds a job from what [Spec.Record] wrote. How it is reached (brokers) comes from the file at hand, s.
func (s *Spec) Resolve(recorded []byte) (*batch.Job, error) {
	var old Spec
	if err := json.Unmarshal(recorded, &old); err != nil {
		return nil, fmt.Errorf("read recorded job: %w", err)
	}
	old.Source.Brokers = s.Source.Brokers
	job, _, err := old.Job()
	if err != nil {
		return nil, err
	}
	job.Recorded = recorded
	return job, nil
}
