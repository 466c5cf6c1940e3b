package s3

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/millrace/millrace/internal/failpoint"
	"github.com/millrace/millrace/internal/store"
)

// partBytes is the size of all parts of an upload but the last, and the size up to which an object is one request. With
// 10,000 parts, the most that S3 takes, an object can have 156 GiB.
const partBytes = 16 << 20

// maxParts is the most parts that an upload can have.
const maxParts = 10_000

// upload is one object under way: what is written gathers in buf; when that is full, it becomes a part.
type upload struct {
	ctx   context.Context
	b     *Bucket
	name  string
	token string
	buf   bytes.Buffer
	id    *string // of the multipart upload; nil: the object is still small
	parts []types.CompletedPart
	done  bool
	err   error // the first error that is not one of the function that writes
}

// Write implements io.Writer.
func (u *upload) Write(p []byte) (int, error) {
	if u.err == nil {
		u.err = u.ctx.Err()
	}
	n := 0
	for u.err == nil && len(p) > 0 {
		if u.buf.Len() == partBytes {
			u.err = u.sendPart()
			continue
		}
		k := min(len(p), partBytes-u.buf.Len())
		u.buf.Write(p[:k])
		p, n = p[k:], n+k
	}
	return n, u.err
}

// finish makes what was written the object.
func (u *upload) finish() error {
	if err := u.ctx.Err(); err != nil {
		return err
	}
	if u.id == nil {
		return u.b.put(u.ctx, u.name, u.token, u.buf.Bytes())
	}
	if err := u.sendPart(); err != nil {
		return err
	}
	return u.complete()
}

// sendPart sends what has gathered as the next part.
func (u *upload) sendPart() error {
	if u.id == nil {
		if err := u.begin(); err != nil {
			return err
		}
	}
	if len(u.parts) == maxParts {
		return fmt.Errorf("the object is larger than %d parts of %d bytes", maxParts, partBytes)
	}
	if err := failpoint.Hit(failpoint.S3Part); err != nil {
		return err
	}
	number := aws.Int32(int32(len(u.parts) + 1))
	out, err := u.b.api.UploadPart(u.ctx, &awss3.UploadPartInput{
		Bucket: aws.String(u.b.bucket), Key: u.b.key(u.name), UploadId: u.id, PartNumber: number, Body: bytes.NewReader(u.buf.Bytes()),
	})
	if err != nil {
		return err
	}
	u.parts = append(u.parts, types.CompletedPart{PartNumber: number, ETag: out.ETag, ChecksumCRC32: out.ChecksumCRC32})
	u.buf.Reset()
	return nil
}

func (u *upload) begin() error {
	if err := u.b.probeParts(u.ctx); err != nil {
		return err
	}
	id, err := u.b.beginUpload(u.ctx, u.name, u.token)
	u.id = id
	return err
}

func (b *Bucket) beginUpload(ctx context.Context, name, token string) (*string, error) {
	in := &awss3.CreateMultipartUploadInput{Bucket: aws.String(b.bucket), Key: b.key(name), Metadata: map[string]string{tokenKey: token}}
	in.ServerSideEncryption, in.SSEKMSKeyId, in.BucketKeyEnabled = b.opts.sse()
	out, err := b.api.CreateMultipartUpload(ctx, in)
	if err != nil {
		return nil, err
	}
	return out.UploadId, nil
}

// complete makes the parts the object, unless the name is taken. A second attempt of a call that was done is told that
// there is no such upload; settle finds out.
func (u *upload) complete() error {
	if err := failpoint.Hit(failpoint.S3Complete); err != nil {
		return err
	}
	_, err := u.b.api.CompleteMultipartUpload(u.ctx, &awss3.CompleteMultipartUploadInput{
		Bucket: aws.String(u.b.bucket), Key: u.b.key(u.name), UploadId: u.id, IfNoneMatch: aws.String("*"),
		MultipartUpload: &types.CompletedMultipartUpload{Parts: u.parts},
	})
	err = u.b.settle(u.ctx, u.name, u.token, err)
	if u.done = err == nil; u.done {
		err = failpoint.Hit(failpoint.S3Created)
	}
	return err
}

// abort gives up the parts that were sent, as well as it can: what is left is found at the next start.
func (u *upload) abort() {
	if u.id == nil || u.done {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(u.ctx), lookTimeout)
	defer cancel()
	_ = u.b.abortUpload(ctx, *u.b.key(u.name), u.id)
}

func (b *Bucket) abortUpload(ctx context.Context, key string, id *string) error {
	_, err := b.api.AbortMultipartUpload(ctx, &awss3.AbortMultipartUploadInput{Bucket: aws.String(b.bucket), Key: aws.String(key), UploadId: id})
	if is(err, "NoSuchUpload") {
		return nil
	}
	return err
}

// errNotHonoured says that a conditional write went through although the name was taken.
var errNotHonoured = errors.New("the store overwrites objects that are there, although it was told not to (If-None-Match)")

// Probe finds out whether the store honours conditional writes, by creating an object again that is there, with the
// same bytes. A store that does not is a [store.UnsafeError].
func (b *Bucket) Probe(ctx context.Context, name string) error {
	data, err := b.Get(ctx, name)
	if err != nil {
		return err
	}
	err = b.put(ctx, name, newToken(), data)
	b.mu.Lock()
	b.probed = name
	b.mu.Unlock()
	return b.judgeProbe(name, err)
}

func (b *Bucket) judgeProbe(name string, err error) error {
	switch {
	case errors.Is(err, store.ErrExists):
		return nil
	case err == nil:
		return &store.UnsafeError{Place: b.String(), Err: errNotHonoured}
	case is(err, "NotImplemented"), status(err) == 501:
		return &store.UnsafeError{Place: b.String(), Err: errors.New("the store does not know conditional writes (If-None-Match)")}
	}
	return b.fault("probe conditional writes with", name, err)
}

// probeParts does the same for multipart uploads, before the first one: there are stores that honour the condition in
// one request only.
func (b *Bucket) probeParts(ctx context.Context) error {
	b.mu.Lock()
	name, known := b.probed, b.parts
	b.mu.Unlock()
	if name == "" || known {
		return nil
	}
	data, err := b.Get(ctx, name)
	if err != nil {
		return err
	}
	u := &upload{ctx: ctx, b: b, name: name, token: newToken()}
	defer u.abort()
	u.buf.Write(data)
	if u.id, err = b.beginUpload(ctx, name, u.token); err != nil {
		return err
	}
	if err := u.sendPart(); err != nil {
		return err
	}
	if err := b.judgeProbe(name, u.complete()); err != nil {
		return err
	}
	b.mu.Lock()
	b.parts = true
	b.mu.Unlock()
	return nil
}
