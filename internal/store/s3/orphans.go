package s3

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// AbortUploads implements [store.Prober]: it gives up all multipart uploads below the prefix that were begun and not completed. Those of
// a driver that was taken over are among them, and fail; those of a driver that takes over meanwhile are not.
func (b *Bucket) AbortUploads(ctx context.Context, lead func() error) (int, error) {
	uploads, err := b.uploads(ctx)
	if err != nil {
		return 0, b.fault("list unfinished uploads of", "", err)
	}
	if len(uploads) > 0 && lead != nil {
		if err := lead(); err != nil {
			return 0, err
		}
	}
	for i, up := range uploads {
		if err := b.abortUpload(ctx, aws.ToString(up.Key), up.UploadId); err != nil {
			return i, b.fault("abort unfinished upload of", "", err)
		}
	}
	return len(uploads), nil
}

// uploads are those that were begun below the prefix and not completed.
func (b *Bucket) uploads(ctx context.Context) (all []types.MultipartUpload, err error) {
	in := &awss3.ListMultipartUploadsInput{Bucket: aws.String(b.bucket), Prefix: b.key("")}
	for {
		page, err := b.api.ListMultipartUploads(ctx, in)
		if is(err, "NotImplemented") {
			return all, nil // then there is nothing that could be left over
		}
		if err != nil {
			return nil, err
		}
		all = append(all, page.Uploads...)
		if !aws.ToBool(page.IsTruncated) {
			return all, nil
		}
		if aws.ToString(page.NextKeyMarker) == "" || aws.ToString(page.NextKeyMarker) == aws.ToString(in.KeyMarker) && aws.ToString(page.NextUploadIdMarker) == aws.ToString(in.UploadIdMarker) {
			return nil, errHalfList
		}
		in.KeyMarker, in.UploadIdMarker = page.NextKeyMarker, page.NextUploadIdMarker
	}
}
