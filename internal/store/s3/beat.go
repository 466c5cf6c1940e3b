package s3

import (
	"bytes"
	"context"
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/millrace/millrace/internal/store"
)

// Beat implements [store.Objects]: one attempt, because a late heartbeat is worth no more than the next one.
func (b *Bucket) Beat(ctx context.Context, name string, data []byte) error {
	if err := errors.Join(ctx.Err(), store.CheckName(name)); err != nil {
		return b.fault("write heartbeat", name, err)
	}
	in := &awss3.PutObjectInput{Bucket: aws.String(b.bucket), Key: b.key(name), Body: bytes.NewReader(data)}
	in.ServerSideEncryption, in.SSEKMSKeyId, in.BucketKeyEnabled = b.opts.sse()
	_, err := b.api.PutObject(ctx, in, func(o *awss3.Options) { o.RetryMaxAttempts = 1 })
	if err != nil {
		return b.fault("write heartbeat", name, err)
	}
	return nil
}

// LastBeat implements [store.Objects]. The age goes by the store's clock alone.
func (b *Bucket) LastBeat(ctx context.Context, name string) (data []byte, age time.Duration, err error) {
	data, age, err = b.get(ctx, name)
	if err != nil {
		return nil, 0, b.fault("read heartbeat", name, err)
	}
	return data, age, nil
}
