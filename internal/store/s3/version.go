package s3

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/millrace/millrace/internal/store"
)

// Version is a token that changes when the content of an object does: its entity tag. It says nothing else: the tag of an object that was
// uploaded in parts, or is encrypted with a key of the key management service, is no digest of its content.
func (b *Bucket) Version(ctx context.Context, name string) (string, error) {
	if err := errors.Join(ctx.Err(), store.CheckName(name)); err != nil {
		return "", b.fault("look at", name, err)
	}
	head, err := b.api.HeadObject(ctx, &awss3.HeadObjectInput{Bucket: aws.String(b.bucket), Key: b.key(name)})
	if missing(err) {
		err = store.ErrNotExist
	}
	if err != nil {
		return "", b.fault("look at", name, err)
	}
	return aws.ToString(head.ETag), nil
}
