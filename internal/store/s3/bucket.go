package s3

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/millrace/millrace/internal/failpoint"
	"github.com/millrace/millrace/internal/store"
)

// tokenKey is the metadata in which an object carries the token of the call that created it.
const tokenKey = "millrace-put"

// readAttempts bounds how often an object is asked for whose bytes break off on the way.
const readAttempts = 4

// lookTimeout bounds the look after a request whose outcome is not known.
const lookTimeout = 30 * time.Second

// Bucket is a [store.Store] and a [store.Objects]. It is safe for concurrent use.
type Bucket struct {
	api    *awss3.Client
	opts   Options
	bucket string
	prefix string // with a slash at its end, or empty

	mu     sync.Mutex
	probed string // the object of [Bucket.Probe]
	parts  bool   // uploads in parts are known to be safe
}

// String is the address of the place.
func (b *Bucket) String() string {
	return strings.TrimSuffix(Scheme+b.bucket+"/"+b.prefix, "/")
}

// PutIfAbsent implements [store.Store]. Up to 16 MiB are one request, more are a multipart upload. What write writes is
// held back until then, a part at a time.
func (b *Bucket) PutIfAbsent(ctx context.Context, name string, write func(io.Writer) error) error {
	if err := errors.Join(ctx.Err(), store.CheckName(name)); err != nil {
		return b.fault("create", name, err)
	}
	u := &upload{ctx: ctx, b: b, name: name, token: newToken()}
	err := write(u)
	if err != nil && u.err == nil {
		u.abort()
		return err
	}
	if u.err == nil {
		u.err = u.finish()
	}
	if u.err != nil {
		u.abort()
		return b.fault("create", name, u.err)
	}
	return nil
}

// newToken is unlike any other: it tells the attempts of one call from all others.
func newToken() string {
	var token [16]byte
	rand.Read(token[:]) // never fails, see crypto/rand
	return hex.EncodeToString(token[:])
}

// put creates an object in one request.
func (b *Bucket) put(ctx context.Context, name, token string, data []byte) error {
	if err := failpoint.Hit(failpoint.S3Put); err != nil {
		return err
	}
	in := &awss3.PutObjectInput{
		Bucket: aws.String(b.bucket), Key: b.key(name), IfNoneMatch: aws.String("*"),
		Body: bytes.NewReader(data), Metadata: map[string]string{tokenKey: token},
	}
	in.ServerSideEncryption, in.SSEKMSKeyId, in.BucketKeyEnabled = b.opts.sse()
	_, err := b.api.PutObject(ctx, in)
	if err := b.settle(ctx, name, token, err); err != nil {
		return err
	}
	return failpoint.Hit(failpoint.S3Created)
}

// settle finds out what became of a conditional write. A name that is taken may be taken by an earlier attempt of the
// same call, whose answer was lost; and a call that ends without an answer may have done its work.
func (b *Bucket) settle(ctx context.Context, name, token string, err error) error {
	if err == nil || denied(err) {
		return err
	}
	look, cancel := context.WithTimeout(context.WithoutCancel(ctx), lookTimeout)
	defer cancel()
	head, lookErr := b.api.HeadObject(look, &awss3.HeadObjectInput{Bucket: aws.String(b.bucket), Key: b.key(name)})
	switch {
	case lookErr == nil && head.Metadata[tokenKey] == token:
		return nil
	case lookErr == nil, taken(err):
		return store.ErrExists
	}
	return err
}

// taken reports whether the answer says that the name of a conditional write is taken.
func taken(err error) bool { return is(err, "PreconditionFailed") || status(err) == 412 }

// Get implements [store.Store].
func (b *Bucket) Get(ctx context.Context, name string) ([]byte, error) {
	data, _, err := b.get(ctx, name)
	if err != nil {
		return nil, b.fault("read", name, err)
	}
	return data, nil
}

// get also returns how long ago the object was written, by the store's clock.
func (b *Bucket) get(ctx context.Context, name string) (data []byte, age time.Duration, err error) {
	if err := errors.Join(ctx.Err(), store.CheckName(name)); err != nil {
		return nil, 0, err
	}
	if err := failpoint.Hit(failpoint.S3Get); err != nil {
		return nil, 0, err
	}
	var broken error
	for range readAttempts {
		out, err := b.api.GetObject(ctx, &awss3.GetObjectInput{Bucket: aws.String(b.bucket), Key: b.key(name)})
		if missing(err) {
			return nil, 0, store.ErrNotExist
		}
		if err != nil {
			return nil, 0, err
		}
		if data, broken = readBody(out); broken == nil {
			if now, ok := awsmiddleware.GetServerTime(out.ResultMetadata); ok && out.LastModified != nil {
				age = now.Sub(*out.LastModified)
			}
			return data, age, nil
		}
		if err := ctx.Err(); err != nil {
			return nil, 0, err
		}
	}
	return nil, 0, fmt.Errorf("the object's bytes break off: %w", broken)
}

// missing reports whether an answer says that there is no such object. A status 404 alone does not: it comes with other codes too, for a
// bucket or an access key that there is not.
func missing(err error) bool { return is(err, "NoSuchKey", "NotFound") }

// maxFirstAllocation bounds what is allocated on the word of a header alone.
const maxFirstAllocation = 64 << 20

func readBody(out *awss3.GetObjectOutput) ([]byte, error) {
	defer out.Body.Close()
	var buf bytes.Buffer
	if n := aws.ToInt64(out.ContentLength); n > 0 {
		buf.Grow(int(min(n, maxFirstAllocation)) + bytes.MinRead)
	}
	if _, err := buf.ReadFrom(out.Body); err != nil {
		return nil, err
	}
	if n := out.ContentLength; n != nil && *n != int64(buf.Len()) {
		return nil, io.ErrUnexpectedEOF
	}
	return buf.Bytes(), nil
}

// List implements [store.Store].
func (b *Bucket) List(ctx context.Context, prefix string) ([]string, error) {
	names, err := b.list(ctx, prefix, "", 0)
	if err != nil {
		return nil, b.fault("list", prefix, err)
	}
	return names, nil
}

// ListAfter implements [store.Objects].
func (b *Bucket) ListAfter(ctx context.Context, prefix, after string, limit int) ([]string, error) {
	names, err := b.list(ctx, prefix, after, limit)
	if err != nil {
		return nil, b.fault("list", prefix, err)
	}
	return names, nil
}

// pageKeys is the most keys that one request can ask for.
const pageKeys = 1000

// errHalfList is a list of which nobody can read the rest.
var errHalfList = errors.New("the store says that its list goes on, but not how to read on")

// list returns the names behind one, of those at most limit; 0: all.
func (b *Bucket) list(ctx context.Context, prefix, after string, limit int) ([]string, error) {
	if err := failpoint.Hit(failpoint.S3List); err != nil {
		return nil, err
	}
	in := &awss3.ListObjectsV2Input{Bucket: aws.String(b.bucket), Prefix: b.key(prefix)}
	if after != "" {
		in.StartAfter = b.key(after)
	}
	if limit > 0 {
		in.MaxKeys = aws.Int32(int32(min(limit, pageKeys)))
	}
	var names []string
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		page, err := b.api.ListObjectsV2(ctx, in)
		if err != nil {
			return nil, err
		}
		names = b.names(names, page, limit)
		if limit > 0 && len(names) == limit || !aws.ToBool(page.IsTruncated) {
			slices.Sort(names)
			return names, nil
		}
		if next := aws.ToString(page.NextContinuationToken); next == "" || next == aws.ToString(in.ContinuationToken) {
			return nil, errHalfList // what is left out here would count as not there
		}
		in.ContinuationToken = page.NextContinuationToken
	}
}

// names appends the names of a page. Keys that end with a slash are the folders that consoles make.
func (b *Bucket) names(names []string, page *awss3.ListObjectsV2Output, limit int) []string {
	for _, o := range page.Contents {
		name, ok := strings.CutPrefix(aws.ToString(o.Key), b.prefix)
		if ok && name != "" && !strings.HasSuffix(name, "/") && (limit == 0 || len(names) < limit) {
			names = append(names, name)
		}
	}
	return names
}

// Delete implements [store.Store].
func (b *Bucket) Delete(ctx context.Context, name string) error {
	err := errors.Join(ctx.Err(), store.CheckName(name))
	if err == nil {
		_, err = b.api.DeleteObject(ctx, &awss3.DeleteObjectInput{Bucket: aws.String(b.bucket), Key: b.key(name)})
	}
	if err != nil && !missing(err) {
		return b.fault("delete", name, err)
	}
	return nil
}

func (b *Bucket) key(name string) *string { return aws.String(b.prefix + name) }
