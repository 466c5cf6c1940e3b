package batch

import (
	"context"
	"maps"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/millrace/millrace/output"
	"github.com/millrace/millrace/output/outputtest"
)

// verify verifies a job of the world.
func (w *world) verify(job *Job, deep bool) *Verified {
	w.t.Helper()
	v, err := Verify(context.Background(), VerifyOptions{Job: job, Resolve: w.resolve, Deep: deep, Cores: 2, Env: Env{Clock: w.clock, FS: w.disk}})
	if err != nil {
		w.t.Fatalf("verify: %v", err)
	}
	return v
}

// wantVerified checks that nothing is found.
func (w *world) wantVerified(what string, job *Job, deep bool) {
	w.t.Helper()
	if v := w.verify(job, deep); len(v.Findings) > 0 {
		w.t.Errorf("%s: verify finds %s", what, v.Findings)
	}
}

// damages are what can happen to an output; each returns the finding that must be told.
var damages = []struct {
	name string
	kind output.FindingKind
	do   func(w *world, name string) (finding string)
}{
	{"a file is gone", output.Missing, func(w *world, name string) string {
		w.check(w.disk.Remove(path.Join(simOutput, name)))
		return name
	}},
	{"a bit is changed", output.Changed, func(w *world, name string) string {
		w.change(name, func(data []byte) []byte {
			data[w.rng.IntN(len(data))] ^= 1 << w.rng.IntN(8)
			return data
		})
		return name
	}},
	{"a file is cut", output.Changed, func(w *world, name string) string {
		w.change(name, func(data []byte) []byte { return data[:w.rng.IntN(len(data))] })
		return name
	}},
	{"a file once more under the name of another batch", output.Doubled, func(w *world, name string) string {
		other := strings.Replace(name, "-b0000", "-b0009", 1)
		w.copyFile(name, other)
		return other
	}},
	{"a file once more under the name of another shard", output.Doubled, func(w *world, name string) string {
		other := strings.Replace(name, "-s00", "-s05", 1)
		w.copyFile(name, other)
		return other
	}},
	{"a file once more under a name of no batch", output.Doubled, func(w *world, name string) string {
		other := path.Join(path.Dir(name), "part-0.parquet")
		w.copyFile(name, other)
		return other
	}},
	{"a file of another batch with other rows", output.Foreign, func(w *world, name string) string {
		other := strings.Replace(name, "-b0000", "-b0009", 1)
		w.put(other, []byte("rows of somebody"))
		return other
	}},
	{"a stranger's file", output.Foreign, func(w *world, name string) string {
		other := path.Join(path.Dir(name), "part-0.parquet")
		w.put(other, []byte("rows of somebody"))
		return other
	}},
	{"a manifest is gone", output.Missing, func(w *world, name string) string {
		manifest := "_millrace/manifest/000000000001.json"
		w.check(w.disk.Remove(path.Join(simOutput, manifest)))
		return manifest
	}},
	{"a manifest lists other rows", output.Changed, func(w *world, name string) string {
		manifest := "_millrace/manifest/000000000001.json"
		w.change(manifest, func(data []byte) []byte { return []byte(strings.Replace(string(data), `"rows":`, `"rows":1`, 1)) })
		return manifest
	}},
	{"the owner is another", output.Foreign, func(w *world, name string) string {
		w.change("_millrace/owner", func(data []byte) []byte { return []byte(strings.Replace(string(data), `"sim"`, `"sin"`, 1)) })
		return "_millrace/owner"
	}},
}

func (w *world) check(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) change(name string, f func([]byte) []byte) {
	w.t.Helper()
	data, err := w.disk.ReadFile(path.Join(simOutput, name))
	w.check(err)
	w.check(w.disk.Remove(path.Join(simOutput, name)))
	w.put(name, f(slices.Clone(data)))
}

func (w *world) copyFile(from, to string) {
	w.t.Helper()
	data, err := w.disk.ReadFile(path.Join(simOutput, from))
	w.check(err)
	w.put(to, data)
}

func (w *world) put(name string, data []byte) {
	w.t.Helper()
	f, err := w.disk.Create(path.Join(simOutput, name))
	w.check(err)
	_, err = f.Write(data)
	w.check(err)
	w.check(f.Close())
}

// TestVerifyFinds: whatever happens to a file of the output is found, by its name, and nothing else is.
func TestVerifyFinds(t *testing.T) {
	seed := simSeed(t)
	for i := range simLong(60) {
		w := newWorld(t, seed+uint64(i))
		w.mergeRun = 0
		w.fill(windowed, 200)
		w.mustRun(w.job(windowed, flushing, rowsMax(60)))
		w.wantVerified("before", w.job(windowed), false)
		names := slices.Sorted(maps.Keys(w.files()))
		d := damages[i%len(damages)]
		what := d.do(w, names[w.rng.IntN(len(names))])
		got := w.verify(w.job(windowed), false).Findings
		if d.name == "the owner is another" { // whom manifests belong to, too
			got = slices.DeleteFunc(got, func(f output.Finding) bool { return strings.HasPrefix(f.Path, "_millrace/manifest/") })
		}
		if len(got) != 1 || got[0].Kind != d.kind || got[0].Path != what || got[0].Sink != "lake" {
			t.Errorf("seed %d: %s, %s: found %s", seed+uint64(i), d.name, what, got)
		}
	}
}

// topicDamages are what can happen to the records of a topic; each changes them, and says what of it must be told without running
// the batches again.
var topicDamages = []struct {
	name string
	do   func(all []outputtest.KafkaRecord, i, j int) []outputtest.KafkaRecord // i and j are of one batch
	want []output.FindingKind
}{
	{"a record is gone", func(all []outputtest.KafkaRecord, i, _ int) []outputtest.KafkaRecord {
		return slices.Delete(all, i, i+1)
	}, []output.FindingKind{output.Missing}},
	{"a record is there twice", func(all []outputtest.KafkaRecord, i, _ int) []outputtest.KafkaRecord {
		return append(all, all[i])
	}, []output.FindingKind{output.Doubled}},
	{"one is there twice, another is gone", func(all []outputtest.KafkaRecord, i, j int) []outputtest.KafkaRecord {
		all[j] = all[i]
		return all
	}, []output.FindingKind{output.Changed}},
	{"a value is another", func(all []outputtest.KafkaRecord, i, _ int) []outputtest.KafkaRecord {
		other := strings.Replace(*all[i].Value, ":", ": ", 1)
		all[i].Value = &other
		return all
	}, []output.FindingKind{output.Changed}},
	{"a value is gone", func(all []outputtest.KafkaRecord, i, _ int) []outputtest.KafkaRecord {
		all[i].Value = nil
		return all
	}, []output.FindingKind{output.Changed}},
	{"a key is gone", func(all []outputtest.KafkaRecord, i, _ int) []outputtest.KafkaRecord {
		all[i].Key = nil
		return all
	}, []output.FindingKind{output.Changed}},
	{"a record in another partition", func(all []outputtest.KafkaRecord, i, _ int) []outputtest.KafkaRecord {
		all[i].Partition = (all[i].Partition + 1) % 3
		return all
	}, nil},
}

// TestVerifyFindsInTopics: records that are gone, doubled or not those that were written are found, also where their number is right,
// with and without --deep.
func TestVerifyFindsInTopics(t *testing.T) {
	w := newWorld(t, simSeed(t))
	w.publish()
	w.fill(published, 400)
	w.mustRun(w.job(published, flushing, rowsMax(100)))
	w.wantVerified("before", w.job(published), true)
	for _, d := range topicDamages {
		w.changeRecords = func(topic string, all []outputtest.KafkaRecord) []outputtest.KafkaRecord {
			if topic != "copies" {
				return all
			}
			i, j := twoOfOneBatch(t, all)
			return d.do(all, i, j)
		}
		kinds := func(v *Verified) (out []output.FindingKind) {
			for _, f := range v.Findings {
				if f.Sink != "copies" || f.Batch == 0 || f.Path != "copies" {
					t.Errorf("%s: found %s", d.name, f)
				}
				out = append(out, f.Kind)
			}
			return out
		}
		for _, deep := range []bool{false, true} {
			if got := kinds(w.verify(w.job(published), deep)); !slices.Equal(got, d.want) {
				t.Errorf("%s: deep %v: found %q, want %q", d.name, deep, got, d.want)
			}
		}
	}
}

// twoOfOneBatch finds two different records of one batch.
func twoOfOneBatch(t *testing.T, all []outputtest.KafkaRecord) (i, j int) {
	t.Helper()
	for i := range all {
		for j := i + 1; j < len(all); j++ {
			if all[i].Headers == all[j].Headers && *all[i].Value != *all[j].Value {
				return i, j
			}
		}
	}
	t.Fatal("no batch has two records")
	return 0, 0
}

// TestVerifyAccounts: a log whose accounts do not add up is told so.
func TestVerifyAccounts(t *testing.T) {
	w := newWorld(t, simSeed(t))
	w.fill(windowed, 300)
	w.mustRun(w.job(windowed, flushing, rowsMax(60)))
	in, err := w.inspect()
	w.check(err)
	for _, test := range []struct {
		what string
		do   func(c *Committed, p *Planned)
		says string
	}{
		{"a row vanishes in an operator", func(c *Committed, _ *Planned) { c.Edges[1].Out-- }, "row accounting"},
		{"a record is not decoded", func(c *Committed, _ *Planned) { c.Records++ }, "records decoded"},
		{"rows held appear", func(c *Committed, _ *Planned) { addHeld(c, 1) }, "begins with"},
		{"a file has other rows", func(c *Committed, _ *Planned) { c.Files["lake"][0].Rows++ }, "its files have"},
		{"a sink has other rows", func(c *Committed, _ *Planned) { c.SinkRows["lake"]++ }, `rows for sink "lake"`},
		{"a range begins late", func(c *Committed, p *Planned) { p.Ranges[0].From++; c.RangeHash = RangeHash(p) }, "the batch before ended at"},
		{"the plan is another", func(_ *Committed, p *Planned) { p.Step++ }, "range hash"},
	} {
		entries := make([]Entry, len(in.Entries)) // a copy in depth
		for i, e := range in.Entries {
			payload, err := Encode(e.Record)
			w.check(err)
			r, err := Decode(payload)
			w.check(err)
			entries[i] = Entry{e.At, r}
		}
		b := committedBatches(entries)[2]
		test.do(b.commit, b.plan)
		v := &verification{o: VerifyOptions{Job: w.job(windowed)}, in: &Inspection{Entries: entries}, jobs: map[string]*Job{}, out: &Verified{}, batches: committedBatches(entries)}
		w.check(v.accounts(context.Background()))
		var told []string
		for _, f := range v.out.Findings {
			told = append(told, f.String())
		}
		if text := strings.Join(told, "\n"); !strings.Contains(text, test.says) {
			t.Errorf("%s: found %q, want it to say %q", test.what, text, test.says)
		}
	}
}

// addHeld makes operators hold more rows, before the batch and after it.
func addHeld(c *Committed, n int64) {
	for i := range c.Edges {
		if e := &c.Edges[i]; e.HeldAfter > 0 {
			e.HeldBefore, e.HeldAfter = e.HeldBefore+n, e.HeldAfter+n
		}
	}
}
