package s3test

import (
	"bytes"
	"encoding/xml"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
)

// Careless is a store that does what it is asked for without looking at conditions: it overwrites what is there. It knows buckets in
// paths, and objects of one request.
type Careless struct {
	URL string

	mu      sync.Mutex
	objects map[string][]byte // by path
	changed int
}

// StartCareless starts one that ends with the test.
func StartCareless(t testing.TB) *Careless {
	c := &Careless{objects: map[string][]byte{}}
	server := httptest.NewServer(http.HandlerFunc(c.serve))
	t.Cleanup(server.Close)
	c.URL = server.URL
	return c
}

// Objects are the paths of what it holds, and how many of them were overwritten with something else.
func (c *Careless) Objects() (paths []string, changed int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Sorted(maps.Keys(c.objects)), c.changed
}

func (c *Careless) serve(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	data, there := c.objects[r.URL.Path]
	switch {
	case r.Method == http.MethodPut:
		body, err := io.ReadAll(r.Body)
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		if there && !bytes.Equal(body, data) {
			c.changed++
		}
		c.objects[r.URL.Path] = body
	case r.URL.Query().Has("list-type"):
		c.list(w, r)
	case !there:
		w.WriteHeader(http.StatusNotFound)
		if r.Method == http.MethodGet {
			_, _ = io.WriteString(w, "<Error><Code>NoSuchKey</Code></Error>")
		}
	case r.Method == http.MethodGet:
		_, _ = w.Write(data)
	}
}

func (c *Careless) list(w http.ResponseWriter, r *http.Request) {
	type entry struct{ Key string }
	var answer struct {
		XMLName  xml.Name `xml:"ListBucketResult"`
		Contents []entry
	}
	bucket := strings.TrimSuffix(r.URL.Path, "/") + "/"
	for _, path := range slices.Sorted(maps.Keys(c.objects)) {
		if key, ok := strings.CutPrefix(path, bucket); ok && strings.HasPrefix(key, r.URL.Query().Get("prefix")) {
			answer.Contents = append(answer.Contents, entry{key})
		}
	}
	_ = xml.NewEncoder(w).Encode(answer)
}
