package jobspec

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/millrace/millrace/batch"
	"github.com/millrace/millrace/dstream"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/store/s3"
	"github.com/millrace/millrace/output"
)

// S3 says how paths that begin with s3:// are reached. Credentials are not among it: they come from the environment, from
// AWS's own files or from a role.
type S3 struct {
	Pos        dstream.Pos
	Endpoint   string `key:"endpoint" doc:"URL of a store that is not AWS's: https://minio:9000. Default: AWS, or AWS_ENDPOINT_URL."`
	Region     string `key:"region" doc:"Default: AWS_REGION, or that of the profile."`
	PathStyle  bool   `key:"path_style" doc:"true: the bucket is part of the path, not of the host's name; many stores that are not AWS's need it."`
	Encryption string `key:"encryption" words:"SSE-S3 SSE-KMS" doc:"How the store encrypts what the job writes: SSE-S3 with keys of its own, SSE-KMS with a key of the key management service. Default: as the bucket says."`
	KMSKey     string `key:"kms_key" doc:"Id or ARN of the key for SSE-KMS. Default: the account's own."`
	BucketKey  bool   `key:"bucket_key" doc:"true: with SSE-KMS the store derives the objects' keys from one of the bucket, so that it asks the key management service less often, which costs less. Default: as the bucket says."`
}

// isS3 reports whether a path is an address in S3.
func isS3(path string) bool { return strings.HasPrefix(path, s3.Scheme) }

// check looks at what can be known without the store.
func (o *S3) check(t *tree) error {
	if o == nil {
		return nil
	}
	at := func(key string) dstream.Pos { return t.get("s3").get(key).pos }
	if u, err := url.Parse(o.Endpoint); o.Endpoint != "" {
		switch {
		case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
			return fail(at("endpoint"), "write https://HOST:PORT", "s3.endpoint is not a URL")
		case u.User != nil:
			return fail(at("endpoint"), "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY", "s3.endpoint: keys do not belong into the job file")
		case u.Path != "" && u.Path != "/" || u.RawQuery != "":
			return fail(at("endpoint"), "write https://HOST:PORT", "s3.endpoint has more than a host")
		}
	}
	if o.KMSKey != "" && o.Encryption != "SSE-KMS" {
		return fail(at("kms_key"), "write encryption: SSE-KMS", "s3.kms_key: the encryption does not use it")
	}
	if o.BucketKey && o.Encryption != "SSE-KMS" {
		return fail(at("bucket_key"), "write encryption: SSE-KMS", "s3.bucket_key: the encryption does not use it")
	}
	return nil
}

// options are those of the store's client.
func (o *S3) options() s3.Options {
	if o == nil {
		return s3.Options{}
	}
	return s3.Options{Endpoint: o.Endpoint, Region: o.Region, PathStyle: o.PathStyle, KMSKey: o.KMSKey, BucketKey: o.BucketKey,
		Encryption: map[string]s3.Encryption{"": s3.BucketDefault, "SSE-S3": s3.SSES3, "SSE-KMS": s3.SSEKMS}[o.Encryption]}
}

// stores opens places in S3, all by one client, which is made when the first is asked for.
type stores struct {
	options s3.Options
	mu      sync.Mutex
	client  *s3.Client
}

func (s *stores) bucket(ctx context.Context, address string) (*s3.Bucket, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.client == nil {
		client, err := s3.Connect(ctx, s.options)
		if err != nil {
			return nil, err
		}
		s.client = client
	}
	return s.client.Open(address)
}

// Env is env with what the job's checkpoint in S3 is opened by.
func (s *Spec) Env(env batch.Env) batch.Env {
	env.Objects = func(ctx context.Context, path string) (store.Objects, error) {
		b, err := s.stores.bucket(ctx, path)
		if err != nil {
			return nil, err
		}
		return b, nil
	}
	return env
}

// directory is the store of a directory of files, local or in S3.
func (s *Spec) directory(ctx context.Context, path string) (store.Store, error) {
	if !isS3(path) {
		return output.Dir(path), nil
	}
	b, err := s.stores.bucket(ctx, path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return b, nil
}

// above are the directories that one lies in, the nearest first; in S3 up to the bucket.
func (s *Spec) above(ctx context.Context, dir string) ([]output.Place, error) {
	var out []output.Place
	for up := parent(dir); up != ""; up = parent(up) {
		st, err := s.directory(ctx, up)
		if err != nil {
			return nil, err
		}
		out = append(out, output.Place{Root: up, Store: st})
	}
	return out, nil
}

// parent is the directory that one lies in, "" for the outermost.
func parent(dir string) string {
	if !isS3(dir) {
		if up := filepath.Dir(dir); up != dir {
			return up
		}
		return ""
	}
	name := strings.TrimRight(strings.TrimPrefix(dir, s3.Scheme), "/")
	if i := strings.LastIndexByte(name, '/'); i > 0 {
		return s3.Scheme + strings.TrimRight(name[:i], "/")
	}
	return ""
}

// file is the place and the name of an object. Its address was checked when the job file was read.
func (s *stores) file(ctx context.Context, address string) (*s3.Bucket, string, error) {
	dir, name := path.Split(address)
	b, err := s.bucket(ctx, dir)
	return b, name, err
}

// read returns the content of a static table's file.
func (s *stores) read(address string) ([]byte, error) {
	if !isS3(address) {
		return os.ReadFile(address)
	}
	ctx := context.Background()
	b, name, err := s.file(ctx, address)
	if err != nil {
		return nil, err
	}
	return b.Get(ctx, name)
}

// version changes when the content of a static table's file may have changed.
func (s *stores) version(address string) (string, error) {
	if !isS3(address) {
		info, err := os.Stat(address)
		if err != nil {
			return "", err
		}
		return fmt.Sprintf("%d %s", info.Size(), info.ModTime().Format(time.RFC3339Nano)), nil
	}
	ctx := context.Background()
	b, name, err := s.file(ctx, address)
	if err != nil {
		return "", err
	}
	return b.Version(ctx, name)
}
