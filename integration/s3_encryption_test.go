package integration

import (
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/millrace/millrace/integration/s3test"
	"github.com/millrace/millrace/internal/prooftest"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/store/s3"
)

// kindOfRequest names what a request does to objects.
func kindOfRequest(r *http.Request) string {
	q := r.URL.Query()
	switch {
	case r.Header.Get("X-Amz-Copy-Source") != "":
		return "copy"
	case r.Method == http.MethodPut && q.Has("partNumber"):
		return "part"
	case r.Method == http.MethodPut && strings.Contains(r.URL.Path, "/beats/"):
		return "heartbeat"
	case r.Method == http.MethodDelete && q.Has("uploadId"):
		return "abort parts"
	case r.Method == http.MethodPost && q.Has("uploads"):
		return "begin parts"
	case r.Method == http.MethodPost && q.Has("uploadId"):
		return "complete parts"
	case r.Method == http.MethodGet && q.Has("list-type"):
		return "list"
	case r.Method == http.MethodGet && q.Has("uploads"):
		return "list uploads"
	}
	return strings.ToLower(r.Method)
}

// creating are the kinds of requests that must say how the object is to be encrypted. The others must not: S3 refuses them then.
var creating = []string{"put", "heartbeat", "begin parts"}

// encryptionNotes are what requests of each kind have said.
type encryptionNotes struct {
	mu   sync.Mutex
	seen map[string]map[string]int // by kind: what was said, and how often
}

func (n *encryptionNotes) note(r *http.Request) s3test.Fault {
	said := map[string]string{}
	for name, values := range r.Header {
		if strings.Contains(name, "Server-Side-Encryption") {
			said[name] = strings.Join(values, " ")
		}
	}
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(said)) {
		parts = append(parts, strings.TrimPrefix(name, "X-Amz-Server-Side-Encryption")+"="+said[name])
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	kind := kindOfRequest(r)
	if n.seen[kind] == nil {
		n.seen[kind] = map[string]int{}
	}
	n.seen[kind][strings.Join(parts, " ")]++
	return s3test.None
}

// TestS3Encryption runs, verifies and replays a job, with a table that needs an upload in parts, under each kind of encryption, and looks at what
// every request says of it. Entity tags are those of encrypted objects, which are no digests.
func TestS3Encryption(t *testing.T) {
	const key = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
	requests := 0
	for _, test := range []struct {
		name, set, want string
		table           int // its size in MiB
	}{
		{"as the bucket says", "region: us-east-1", "", 1},
		{"SSE-S3", "encryption: SSE-S3", "=AES256", 1},
		{"SSE-KMS", "encryption: SSE-KMS", "=aws:kms", 1},
		{"SSE-KMS with a key", `encryption: SSE-KMS, bucket_key: true, kms_key: "` + key + `"`, "=aws:kms -Aws-Kms-Key-Id=" + key + " -Bucket-Key-Enabled=true", 17},
	} {
		t.Run(test.name, func(t *testing.T) {
			x := inBucket(t, placeJob)
			x.fill(60)
			table, err := os.ReadFile(largeTable(t, test.table))
			if err != nil {
				t.Fatal(err)
			}
			x.put("names.csv", string(table))
			g := s3test.Start(t)
			proxy := g.Proxy(t)
			proxy.OpaqueTags()
			notes := &encryptionNotes{seen: map[string]map[string]int{}}
			proxy.Set(notes.note)
			x.options = append(s3Set(proxy.URL, test.set), "--set", "tables={names: {csv: "+x.address+"/names.csv, columns: {id: bigint}}}",
				"--set", "queries.rows=SELECT e.id, e.k, e.at FROM events e LEFT JOIN names n ON e.id = n.id")
			x.must(x.args("run")...)
			x.fill(20)
			x.must(x.args("run")...) // the table is looked at again
			x.must(x.args("verify")...)
			x.must(x.args("replay", "--into", s3.Scheme+g.Bucket(t)+"/again")...)
			if n := len(x.rowIDs()); n != 80 {
				t.Errorf("%d rows, want 80", n)
			}
			for kind, said := range notes.seen {
				want := ""
				if slices.Contains(creating, kind) {
					want = test.want
				}
				if len(said) != 1 || said[want] == 0 {
					t.Errorf("%s: said %v, want %q", kind, said, want)
				}
				requests += said[want]
			}
			kinds := slices.Sorted(maps.Keys(notes.seen))
			if want := []string{"abort parts", "begin parts", "complete parts", "get", "head", "heartbeat", "list", "list uploads", "part", "put"}; test.table > 16 && !slices.Equal(kinds, want) {
				t.Errorf("kinds of requests: %q, want %q", kinds, want)
			}
		})
	}
	prooftest.Figure(t, "S3 encryption: SSE-S3, SSE-KMS, key, bucket key", "%d requests of 10 kinds looked at, no copies; opaque entity tags", requests)
}

// TestS3DeleteAll removes more objects than there are requests at a time, some of them not there; and tells of the first that cannot be.
func TestS3DeleteAll(t *testing.T) {
	g := s3test.Start(t)
	proxy := g.Proxy(t)
	bucket := g.Bucket(t)
	b := s3Client(t, proxy.URL, s3.Options{}).Bucket(bucket, "p")
	var names []string
	for i := range 150 {
		name := "d/" + string(rune('a'+i%15)) + "/" + string(rune('a'+i/15))
		names = append(names, name)
		if i%3 == 0 {
			continue // it is not there
		}
		if err := store.PutBytes(t.Context(), b, name, []byte(name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := store.PutBytes(t.Context(), b, "e", nil); err != nil {
		t.Fatal(err)
	}
	slices.Sort(names)
	proxy.Set(func(r *http.Request) s3test.Fault {
		if strings.HasSuffix(r.URL.Path, names[40]) || strings.HasSuffix(r.URL.Path, names[90]) {
			return s3test.Denied
		}
		return s3test.None
	})
	err := store.DeleteAll(t.Context(), b, names)
	if err == nil || !strings.HasPrefix(err.Error(), "delete s3://"+bucket+"/p/"+names[40]+": access denied") {
		t.Errorf("two that cannot be deleted: %v", err)
	}
	proxy.Set(nil)
	for range 2 {
		if err := store.DeleteAll(t.Context(), b, names); err != nil {
			t.Errorf("delete all: %v", err)
		}
		if left, err := b.List(t.Context(), ""); err != nil || !slices.Equal(left, []string{"e"}) {
			t.Errorf("left are %q, %v", left, err)
		}
	}
	if err := store.DeleteAll(t.Context(), b, nil); err != nil {
		t.Errorf("delete nothing: %v", err)
	}
}
