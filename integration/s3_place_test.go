package integration

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/millrace/millrace/integration/s3test"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/store/s3"
)

// TestS3Parts creates objects that need several requests, also when the answer to the last one is lost.
func TestS3Parts(t *testing.T) {
	g := s3test.Start(t)
	proxy := g.Proxy(t)
	b := s3Client(t, proxy.URL, s3.Options{MaxBackoff: time.Millisecond}).Bucket(g.Bucket(t), "p")
	if err := store.PutBytes(t.Context(), b, "owner", []byte("{}")); err != nil {
		t.Fatal(err)
	}
	if err := b.Probe(t.Context(), "owner"); err != nil {
		t.Fatalf("probe: %v", err)
	}
	data := bytes.Repeat([]byte("0123456789abcde\n"), 35<<16) // 35 MiB: three parts
	lost := 1
	proxy.Set(func(r *http.Request) s3test.Fault {
		if r.Method == http.MethodPost && r.URL.Query().Has("uploadId") && strings.HasSuffix(r.URL.Path, "/large") && lost > 0 {
			lost--
			return s3test.DoneThen500
		}
		return s3test.None
	})
	if err := store.PutBytes(t.Context(), b, "large", data); err != nil || lost != 0 {
		t.Fatalf("create: %v, %d answers were not lost", err, lost)
	}
	proxy.Set(nil)
	if got, err := b.Get(t.Context(), "large"); err != nil || !bytes.Equal(got, data) {
		t.Errorf("got %d bytes, %v", len(got), err)
	}
	if err := store.PutBytes(t.Context(), b, "large", data[1:]); !errors.Is(err, store.ErrExists) {
		t.Errorf("created again: %v", err)
	}
	broken := errors.New("broken")
	err := b.PutIfAbsent(t.Context(), "half", func(w io.Writer) error {
		if _, err := w.Write(data); err != nil {
			return err
		}
		return broken
	})
	if err != broken {
		t.Errorf("write's own error came as %v", err)
	}
	if n, err := b.AbortUploads(t.Context(), nil); n != 0 || err != nil {
		t.Errorf("%d uploads were left over, %v", n, err)
	}
}

// TestS3Orphans leaves an upload half done, as a process does that is killed, and another one beside the place.
func TestS3Orphans(t *testing.T) {
	g := s3test.Start(t)
	bucket := g.Bucket(t)
	for _, key := range []string{"mine/x", "others/x"} {
		if _, err := g.Client().CreateMultipartUpload(t.Context(), &awss3.CreateMultipartUploadInput{Bucket: aws.String(bucket), Key: aws.String(key)}); err != nil {
			t.Fatal(err)
		}
	}
	client := s3Client(t, g.URL, s3.Options{})
	for _, want := range []int{1, 0} {
		if n, err := client.Bucket(bucket, "mine").AbortUploads(t.Context(), nil); n != want || err != nil {
			t.Errorf("%d uploads aborted, %v, want %d", n, err, want)
		}
	}
	if n, err := client.Bucket(bucket, "others").AbortUploads(t.Context(), nil); n != 1 || err != nil {
		t.Errorf("%d uploads of others, %v, want 1", n, err)
	}
}

// TestS3Refusals: one clear error for each, at the first attempt.
func TestS3Refusals(t *testing.T) {
	g := s3test.Start(t)
	for _, test := range []struct {
		status             int
		code, header, want string
	}{
		{403, "AccessDenied", "", "access denied: the credentials do not allow this"},
		{403, "ExpiredToken", "", "the credentials have expired"},
		{403, "InvalidAccessKeyId", "", "does not know the access key"},
		{403, "RequestTimeTooSkewed", "", "clock differs"},
		{301, "PermanentRedirect", "eu-central-1", "the bucket is in another region: set s3.region to eu-central-1"},
		{400, "AuthorizationHeaderMalformed", "", "the bucket is in another region: set s3.region"},
		{404, "NoSuchBucket", "", "bucket lake does not exist"},
	} {
		requests := 0
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			requests++
			_, _ = io.Copy(io.Discard, r.Body)
			if test.header != "" {
				w.Header().Set("X-Amz-Bucket-Region", test.header)
			}
			w.WriteHeader(test.status)
			_, _ = io.WriteString(w, "<Error><Code>"+test.code+"</Code><Message>No.</Message></Error>")
		}))
		b := s3Client(t, server.URL, s3.Options{}).Bucket("lake", "cp")
		put := store.PutBytes(t.Context(), b, "x", nil)
		_, get := b.Get(t.Context(), "x")
		_, list := b.List(t.Context(), "")
		server.Close()
		for what, err := range map[string]error{"create s3://lake/cp/x": put, "read s3://lake/cp/x": get, "list s3://lake/cp": list} {
			if err == nil || !strings.Contains(err.Error(), test.want) || !strings.HasPrefix(err.Error(), what) || errors.Is(err, store.ErrNotExist) {
				t.Errorf("%s: %v, want %q", test.code, err, what+": "+test.want)
			}
		}
		if requests > 4 {
			t.Errorf("%s: %d requests for three operations", test.code, requests)
		}
	}
	err := store.PutBytes(t.Context(), s3Client(t, g.URL, s3.Options{}).Bucket("nobody-made-this", ""), "x", nil)
	var missing *store.MissingPlaceError
	if !errors.As(err, &missing) {
		t.Errorf("a bucket that is not there: %v", err)
	}
}
