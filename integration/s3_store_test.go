package integration

import (
	"strings"
	"testing"

	"github.com/millrace/millrace/integration/s3test"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/store/s3"
	"github.com/millrace/millrace/internal/store/storetest"
)

// s3Client reaches a gateway or a proxy before it by the default credential chain.
func s3Client(t testing.TB, endpoint string, o s3.Options) *s3.Client {
	t.Helper()
	o.Endpoint, o.PathStyle = endpoint, true
	c, err := s3.Connect(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestS3Store(t *testing.T) {
	g := s3test.Start(t)
	client := s3Client(t, g.URL, s3.Options{})
	for _, prefix := range []string{"", "a/b"} {
		t.Run("prefix "+prefix, func(t *testing.T) {
			storetest.TestStore(t, func(t *testing.T) store.Store { return client.Bucket(g.Bucket(t), prefix) })
		})
	}
}

func setEnv(t testing.TB, env []string) {
	t.Helper()
	for _, e := range env {
		name, value, _ := strings.Cut(e, "=")
		t.Setenv(name, value)
	}
}
