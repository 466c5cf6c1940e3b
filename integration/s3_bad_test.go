package integration

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/millrace/millrace/integration/s3test"
	"github.com/millrace/millrace/internal/prooftest"
)

// request is a kind of request of the job's, for the table below.
type request func(*http.Request) bool

func method(m, part string) request {
	return func(r *http.Request) bool { return r.Method == m && strings.Contains(r.URL.Path, part) }
}

func query(key string) request { return func(r *http.Request) bool { return r.URL.Query().Has(key) } }

// TestBadBuckets reaches for a bucket without rights, with wrong keys, in another region, that is gone: one clear error each, through the
// program, at once and without another attempt, and nothing is changed. Put right, the job goes on.
func TestBadBuckets(t *testing.T) {
	g := s3test.Start(t)
	x := inBucket(t, placeJob)
	x.fill(50)
	x.must(x.args("run")...)
	proxy := g.Proxy(t)
	tests := []struct {
		name   string
		denied request // what is answered with 403
		env    string
		set    []string
		code   int
		want   []string
		writes bool // it is found out only when batches have been written
	}{
		{name: "no right to read", denied: method("GET", "/cp/millrace.json"), code: 1, want: []string{"read PLACE/cp/millrace.json: access denied", "s3:GetObject"}},
		{name: "no right to list", denied: query("list-type"), code: 1, want: []string{"list PLACE/cp", "access denied", "s3:ListBucket"}},
		{name: "no right to list uploads", denied: query("uploads"), code: 1, want: []string{"list unfinished uploads of PLACE/cp: access denied", "s3:ListBucketMultipartUploads"}},
		{name: "no right to write", denied: method("PUT", ""), code: 1, want: []string{"PLACE/cp/", "access denied", "s3:PutObject"}},
		{name: "no right to write the log", denied: method("PUT", "/cp/wal/"), code: 1, want: []string{"write log: ", "create PLACE/cp/wal/", "access denied"}},
		{name: "no right to write the output", denied: method("PUT", "/rows/places-"), code: 1, writes: true, want: []string{"publish batch 3: sink rows: create PLACE/rows/places-", "access denied"}},
		{name: "wrong secret key", env: "AWS_SECRET_ACCESS_KEY=wrong", code: 1, want: []string{"PLACE/cp/millrace.json: the store does not accept the signature: check the secret key"}},
		{name: "wrong access key", env: "AWS_ACCESS_KEY_ID=nobody", code: 1, want: []string{"the store does not know the access key: check the credentials"}},
		{name: "no keys", env: "AWS_ACCESS_KEY_ID=", code: 1, want: []string{"no credentials for S3: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"}},
		{name: "wrong region", env: "AWS_REGION=eu-central-1", code: 1, want: []string{"PLACE/cp/millrace.json: the bucket is in another region: set s3.region"}},
		{name: "no bucket", set: []string{"--set", "checkpoint=s3://nobody-made-this/cp"}, code: 3, want: []string{"bucket nobody-made-this does not exist: create it, or correct its name"}},
		{name: "no bucket for the output", set: []string{"--set", "checkpoint=PLACE/cp2", "--set", "sinks.rows.parquet.path=s3://nobody-made-this/rows"}, code: 3,
			want: []string{"sink rows: claim s3://nobody-made-this/rows", "bucket nobody-made-this does not exist"}},
	}
	env := x.env
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			x.t, x.program.t = t, t
			x.fill(10)
			before := x.objects("")
			denied := 0
			proxy.Set(func(r *http.Request) s3test.Fault {
				if test.denied == nil || !test.denied(r) {
					return s3test.None
				}
				if r.Method != http.MethodPut || !strings.Contains(r.URL.Path, "/beats/") { // heartbeats come when they come
					denied++
				}
				return s3test.Denied
			})
			x.env = slices.Concat(env, []string{test.env})
			args := slices.Concat([]string{"run", x.job}, s3Set(proxy.URL), test.set)
			for i := range args {
				args[i] = strings.ReplaceAll(args[i], "PLACE", x.address)
			}
			code, stderr := x.fails(args...)
			t.Log(strings.TrimSpace(stderr))
			for _, part := range test.want {
				wantExit(t, code, stderr, test.code, strings.ReplaceAll(part, "PLACE", x.address))
			}
			if strings.Count(stderr, "\n") != 1 || test.denied != nil && (denied < 1 || denied > 2) {
				t.Errorf("not one error, or %d requests that were denied: %s", denied, stderr)
			}
			x.remove("cp2/")
			if !test.writes {
				x.wantUntouched(before)
			}
			x.env = env
		})
	}
	x.t, x.program.t = t, t
	x.must(x.args("run")...)
	t.Log(lastLine(x.must(x.args("verify", "--deep")...)))
	x.gone(t, g)
	prooftest.Figure(t, "bad buckets: rights, keys, region, gone", "%d, each one clear error, 0 objects changed", len(tests)+1)
}

// gone takes away the bucket of a job, between two runs.
func (x *placed) gone(t *testing.T, g *s3test.Gateway) {
	t.Helper()
	x.remove("")
	if _, err := g.Client().DeleteBucket(t.Context(), &awss3.DeleteBucketInput{Bucket: aws.String(strings.TrimPrefix(x.address, "s3://"))}); err != nil {
		t.Fatal(err)
	}
	for _, command := range []string{"run", "inspect", "verify", "replay", "status"} {
		code, stderr := x.fails(x.args(command)...)
		wantExit(t, code, stderr, 3, "bucket "+strings.TrimPrefix(x.address, "s3://")+" does not exist: create it, or correct its name")
	}
}

// TestS3Unsafe gives the program a store that takes every write, whatever it is told: it is refused before anything is overwritten, or
// written that must not be.
func TestS3Unsafe(t *testing.T) {
	careless := s3test.StartCareless(t)
	x := newPlaced(t, placeJob, "s3://lake", nil, s3test.Env()...)
	x.options = s3Set(careless.URL)
	x.fill(10)
	for range 2 {
		code, stderr := x.fails(x.args("run")...)
		wantExit(t, code, stderr, 3, "s3://lake/cp cannot be written to safely: the store overwrites objects that are there", "If-None-Match", "nothing was changed")
	}
	if paths, changed := careless.Objects(); !slices.Equal(paths, []string{"/lake/cp/millrace.json"}) || changed > 0 {
		t.Errorf("the store has %q, %d were changed", paths, changed)
	}
}
