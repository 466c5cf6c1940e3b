package s3

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// pages serves the pages of a list, one a request, and the last one for ever.
func pages(t *testing.T, bodies ...string) *Bucket {
	t.Helper()
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"} {
		t.Setenv(name, "test")
	}
	asked := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if asked++; asked > 20 {
			t.Error("the list is asked for again and again")
			w.WriteHeader(http.StatusForbidden)
			return
		}
		fmt.Fprint(w, bodies[min(asked, len(bodies))-1])
	}))
	t.Cleanup(server.Close)
	client, err := Connect(t.Context(), Options{Endpoint: server.URL, PathStyle: true, Attempts: 1})
	if err != nil {
		t.Fatal(err)
	}
	return client.Bucket("bucket", "ck")
}

func page(key, rest string) string {
	return `<ListBucketResult><Name>bucket</Name><Contents><Key>ck/` + key + `</Key></Contents>` + rest + `</ListBucketResult>`
}

// TestHalfList: a list that breaks off is no list. What it leaves out would count as not there: epochs, records of the log, files.
func TestHalfList(t *testing.T) {
	const more = `<IsTruncated>true</IsTruncated>`
	token := func(s string) string { return more + `<NextContinuationToken>` + s + `</NextContinuationToken>` }
	for what, bodies := range map[string][]string{
		"no token":                {page("a", more)},
		"an empty token":          {page("a", token(""))},
		"none behind page two":    {page("a", token("x")), page("b", more)},
		"the same token for ever": {page("a", token("x"))},
	} {
		b := pages(t, bodies...)
		if names, err := b.List(t.Context(), ""); !errors.Is(err, errHalfList) || !strings.Contains(err.Error(), "s3://bucket/ck") {
			t.Errorf("%s: %v, %v", what, names, err)
		}
	}
	b := pages(t, page("a", token("x")), page("b", ""))
	if names, err := b.List(t.Context(), ""); err != nil || strings.Join(names, " ") != "a b" {
		t.Errorf("two pages: %v, %v", names, err)
	}
	b = pages(t, page("a", more))
	if names, err := b.ListAfter(t.Context(), "", "", 1); err != nil || len(names) != 1 {
		t.Errorf("the first name of many: %v, %v", names, err)
	}
}

// TestHalfUploads: unfinished uploads are not listed from the start again and again.
func TestHalfUploads(t *testing.T) {
	upload := func(rest string) string {
		return `<ListMultipartUploadsResult><Upload><Key>ck/a</Key><UploadId>1</UploadId></Upload><IsTruncated>true</IsTruncated>` + rest + `</ListMultipartUploadsResult>`
	}
	next := `<NextKeyMarker>ck/a</NextKeyMarker><NextUploadIdMarker>1</NextUploadIdMarker>`
	for what, bodies := range map[string][]string{
		"no marker":                {upload("")},
		"none behind page two":     {upload(next), upload(""), "<ListMultipartUploadsResult/>"},
		"the same marker for ever": {upload(next)},
	} {
		if n, err := pages(t, bodies...).AbortUploads(t.Context(), nil); !errors.Is(err, errHalfList) {
			t.Errorf("%s: %d given up, %v", what, n, err)
		}
	}
}
