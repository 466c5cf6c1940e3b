package jobspec

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

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
	t, err := parseTree(path, text)
	if err != nil {
		return nil, err
	}
	if err := expand(t, o.Env); err != nil {
		return nil, err
	}
	for _, s := range o.Set {
		if err := set(t, s); err != nil {
			return nil, err
		}
	}
	dir, err := filepath.Abs(filepath.Dir(path))
	if err != nil {
		return nil, fmt.Errorf("find directory of %s: %w", path, err)
	}
	d := &decoder{file: path, dir: dir, text: text}
	return d.spec(t)
}

// Record is what a checkpoint keeps of the job: everything that decides what is computed and written.
func (s *Spec) Record() ([]byte, error) {
	data, err := json.Marshal(s)
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
	job, err := old.Job()
	if err != nil {
		return nil, err
	}
	job.Recorded = recorded
	return job, nil
}
