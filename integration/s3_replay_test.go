package integration

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/millrace/millrace/integration/s3test"
	"github.com/millrace/millrace/internal/prooftest"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/store/s3"
)

// wantSameObjects compares what two places have below prefixes, byte for byte.
func wantSameObjects(t *testing.T, want, got map[string]string) {
	t.Helper()
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if got[name] != want[name] {
			t.Errorf("%s: %d bytes, want %d others", name, len(got[name]), len(want[name]))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(got)) {
		if _, ok := want[name]; !ok {
			t.Errorf("%s is too much", name)
		}
	}
	if len(want) < 10 {
		t.Errorf("%d objects only", len(want))
	}
}

// outputs are what the job's sinks have written, data files and all that is beside them.
func (x *placed) outputs() map[string]string {
	all := x.objects("rows/")
	maps.Copy(all, x.objects("totals/"))
	return all
}

// TestReplayIntoS3 replays jobs, one with its place in a directory and one in a bucket, into another bucket: to the same objects byte by
// byte, once more to nothing new, also after it was interrupted, and never over what is there. The job's own place stays as it is.
func TestReplayIntoS3(t *testing.T) {
	g := s3test.Start(t)
	for name, place := range map[string]func(*testing.T, string) *placed{"from a directory": inDirectory, "from a bucket": inBucket} {
		t.Run(name, func(t *testing.T) {
			x := place(t, placeJob)
			x.options = s3Set(g.URL)
			x.env = append(x.env, s3test.Env()...)
			x.fill(150)
			x.must(x.args("run", "--flush-windows")...)
			x.fill(50)
			before := x.objects("")
			want := x.outputs()
			bucket := g.Bucket(t)
			into := &placed{t: t, store: s3Client(t, g.URL, s3.Options{}).Bucket(bucket, "again"), address: s3.Scheme + bucket + "/again"}
			x.options = x.interruptedAfter(t, g, 9)
			code, stderr := x.fails(x.args("replay", "--into", into.address)...)
			wantExit(t, code, stderr, 1, "create "+into.address, "access denied")
			if n := len(into.objects("")); n == 0 || n >= len(want) {
				t.Errorf("%d objects of %d after an interrupted replay", n, len(want))
			}
			x.options = s3Set(g.URL)
			for range 2 {
				out := x.must(x.args("replay", "--quiet", "--into", into.address+"/")...)
				if !strings.HasSuffix(out, "written below "+into.address+"\n") || !strings.Contains(out, "all as published") {
					t.Error(out)
				}
				wantSameObjects(t, want, into.outputs())
			}
			x.refusesInto(t, into)
			if after := x.objects(""); !maps.Equal(before, after) {
				t.Error("a replay has changed the job's place")
			}
			prooftest.Figure(t, "replay --into s3://, "+name, "%d objects the same byte for byte, 0 overwritten", len(want))
		})
	}
}

// interruptedAfter is how a store is reached that takes so many writes and no more.
func (x *placed) interruptedAfter(t *testing.T, g *s3test.Gateway, n int) []string {
	p := g.Proxy(t)
	p.Set(func(r *http.Request) s3test.Fault {
		if r.Method != http.MethodPut {
			return s3test.None
		}
		if n--; n < 0 {
			return s3test.Denied
		}
		return s3test.None
	})
	return s3Set(p.URL)
}

// refusesInto gives places that a replay must not write to; into holds a whole one.
func (x *placed) refusesInto(t *testing.T, into *placed) {
	t.Helper()
	g := s3test.Start(t)
	foreign := g.Bucket(t)
	other := s3Client(t, g.URL, s3.Options{}).Bucket(foreign, "x/rows")
	if err := store.PutBytes(t.Context(), other, "part-1.parquet", []byte("somebody's")); err != nil {
		t.Fatal(err)
	}
	names := slices.DeleteFunc(slices.Sorted(maps.Keys(into.objects("rows/"))), func(name string) bool { return !strings.HasSuffix(name, ".parquet") })
	into.put(names[0], into.objects(names[1])[names[1]])
	before := into.objects("")
	for _, test := range []struct {
		into string
		code int
		want []string
	}{
		{x.address, 2, []string{"overlaps with", "of the job", "choose another directory"}},
		{x.address + "/rows/again", 2, []string{"overlaps with sink rows of the job"}},
		{x.address + "/cp", 2, []string{"overlaps with the checkpoint of the job"}},
		{"s3://Lake/x", 2, []string{`--into "Lake" is not the name of a bucket`}},
		{"s3://lake/" + strings.Repeat("x", 510), 2, []string{"the prefix has", "at most 512 are possible"}},
		{"gs://lake/x", 2, []string{"gs://lake/x is not supported yet in this version", "s3://BUCKET/PREFIX"}},
		{"s3://nobody-made-this/x", 3, []string{"bucket nobody-made-this does not exist"}},
		{s3.Scheme + foreign + "/x", 3, []string{s3.Scheme + foreign + "/x/rows/part-1.parquet", "is in the way"}},
		{into.address, 3, []string{into.address + "/" + names[0], "was there before with other rows", "nothing is overwritten"}},
	} {
		code, stderr := x.fails(x.args("replay", "--quiet", "--into", test.into)...)
		wantExit(t, code, stderr, test.code, test.want...)
		if strings.Count(stderr, "\n") != 1 {
			t.Errorf("--into %s: more than one line: %s", test.into, stderr)
		}
	}
	if after := into.objects(""); !maps.Equal(before, after) {
		t.Error("a refused replay has changed what was there")
	}
	if names, err := other.List(t.Context(), ""); err != nil || len(names) != 1 {
		t.Errorf("in a foreign place: %q, %v", names, err)
	}
}
