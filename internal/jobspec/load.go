package jobspec

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/millrace/millrace/dstream"
)

// Options change how a job file is read.
type Options struct {
	Env      Lookup                // nil: the environment of the process
	EnvFiles []string              // see [EnvFile]; what Env has wins, then the last file
	Set      []string              // path=value, applied in order, after variables are replaced
	Secret   func(values []string) // told what must not be shown, before anything else can go wrong; may be nil
	// Container is how much memory the container may use, in bytes; 0 where nothing bounds it.
	Container int64
	// Recorded says that batches are only looked at, or run again: with the tables that the checkpoint has copies of. Those in the
	// job file need not be there, unless their columns have to be read from them.
	Recorded bool
}

// Load reads a job file. A mistake in it is a [dstream.Error].
func Load(path string, o Options) (*Spec, error) {
	text, err := readText(path)
	if err != nil {
		return nil, &dstream.Error{Msg: fmt.Sprintf("read job file: %v", err)}
	}
	return parse(path, text, o)
}

// readText reads a file that is not too long to be a text of the user's own. It may be a pipe.
func readText(path string) ([]byte, error) {
	const most = 2 << 20
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && len(text) > most {
		err = fmt.Errorf("%s is longer than %d bytes", path, most)
	}
	return text, err
}

func parse(path string, text []byte, o Options) (*Spec, error) {
	r, err := readTree("the job file", path, text, o)
	if err != nil {
		return nil, err
	}
	s, err := r.decoder.spec(r.tree)
	if err != nil {
		return nil, err
	}
	s.env, s.secrets, s.tell, s.container = r.env, r.secrets, r.tell, o.Container
	if err := s.lookAtTables(o.Recorded); err != nil {
		return nil, err
	}
	return s, s.readColumns()
}

// expanded is the tree of a file, without variables and with what was set.
type expanded struct {
	tree    *tree
	decoder *decoder
	env     Lookup
	secrets []string
	tell    func(secrets []string)
}

// readTree reads the YAML of a file, which messages call what.
func readTree(what, path string, text []byte, o Options) (*expanded, error) {
	if o.Env == nil {
		o.Env = os.LookupEnv
	}
	env, err := withFiles(o.Env, o.EnvFiles)
	if err != nil {
		return nil, err
	}
	dir, err := filepath.Abs(filepath.Dir(path))
	if err != nil {
		return nil, fmt.Errorf("find directory of %s: %w", path, err)
	}
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	if o.Secret == nil {
		o.Secret = func([]string) {}
	}
	o.Secret(setPasswords(o.Set))
	t, err := parseTree(path, text)
	if err != nil {
		o.Secret(passwordsIn(string(text)))
		return nil, err
	}
	o.Secret(passwords(t))
	switch t.kind {
	case mapTree:
	case nullTree:
		return nil, fail(dstream.Pos{File: path}, "", "%s is empty", what)
	default:
		return nil, fail(t.pos, "", "%s is %s, want a mapping", what, t.kind)
	}
	t = t.withoutExtensions()
	v := &variables{env: env, dir: dir}
	if err := v.expand(t); err != nil {
		return nil, err
	}
	secrets := append(v.secrets, passwords(t)...)
	o.Secret(secrets)
	for _, s := range o.Set {
		if t, err = set(t, s); err != nil {
			return nil, err
		}
	}
	return &expanded{tree: t, decoder: &decoder{file: path, dir: dir, text: text}, env: env, secrets: secrets, tell: o.Secret}, nil
}

// withoutExtensions leaves out the keys that are there for their anchors only, before their variables are looked at.
func (t *tree) withoutExtensions() *tree {
	kept := slices.DeleteFunc(slices.Clone(t.entries), func(e entry) bool { return strings.HasPrefix(e.key, "x-") })
	return &tree{kind: mapTree, pos: t.pos, entries: kept}
}

// spec reads the tree of a whole file, and checks what can be checked without opening anything.
func (d *decoder) spec(t *tree) (*Spec, error) {
	s := &Spec{}
	normal, err := d.structure(t, reflect.ValueOf(s).Elem(), &field{}, top)
	if err != nil {
		return nil, err
	}
	s.normal, s.stores = normal, &stores{options: s.S3.options()}
	return s, s.check(t)
}
