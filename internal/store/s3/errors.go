package s3

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"

	"github.com/millrace/millrace/internal/store"
)

// AccessError says why a store cannot be reached or used as the job file says: what is wrong and what to do.
type AccessError struct {
	Msg string
	Err error // the store's own answer; nil: none was asked for
}

// Error puts what to do before the store's own words.
func (e *AccessError) Error() string {
	if e.Err == nil {
		return e.Msg
	}
	return fmt.Sprintf("%s (%s)", e.Msg, plain(e.Err))
}

// Unwrap returns the store's answer.
func (e *AccessError) Unwrap() error { return e.Err }

// refusals are the answers that no further attempt changes, by code.
var refusals = map[string]string{
	"AccessDenied":                       "access denied: the credentials do not allow this; the policy must allow s3:GetObject, s3:PutObject, s3:DeleteObject, s3:ListBucket, s3:AbortMultipartUpload and s3:ListBucketMultipartUploads here",
	"AllAccessDisabled":                  "access denied: all access to this bucket is disabled",
	"InvalidAccessKeyId":                 "the store does not know the access key: check the credentials",
	"XAdminUserNotFound":                 "the store does not know the access key: check the credentials",
	"SignatureDoesNotMatch":              "the store does not accept the signature: check the secret key, and s3.region",
	"ExpiredToken":                       "the credentials have expired: get new ones",
	"ExpiredTokenException":              "the credentials have expired: get new ones",
	"TokenRefreshRequired":               "the credentials have expired: get new ones",
	"InvalidToken":                       "the store does not accept the session token: get new credentials",
	"RequestTimeTooSkewed":               "this machine's clock differs from the store's by more than 15 minutes: set it",
	"AuthorizationHeaderMalformed":       "the bucket is in another region: set s3.region",
	"IllegalLocationConstraintException": "the bucket is in another region: set s3.region",
	"PermanentRedirect":                  "the bucket is in another region: set s3.region",
	"KMS.DisabledException":              "the encryption key is disabled",
	"KMS.NotFoundException":              "there is no such encryption key: check s3.kms_key",
	"InvalidBucketName":                  "not the name of a bucket",
	"MovedPermanently":                   "the bucket is in another region: set s3.region",
}

// denied reports whether an answer refuses the request whatever the object.
func denied(err error) bool {
	var api interface{ ErrorCode() string }
	if errors.As(err, &api) {
		if _, ok := refusals[api.ErrorCode()]; ok {
			return true
		}
	}
	s := status(err)
	return is(err, "NoSuchBucket") || s == http.StatusForbidden || s == http.StatusUnauthorized || s == http.StatusMovedPermanently
}

// fault says what could not be done to which object, and why in plain words where there are some. The package's own
// errors of a store are kept for errors.Is.
func (b *Bucket) fault(op, name string, err error) error {
	var unsafe *store.UnsafeError
	if errors.As(err, &unsafe) {
		return unsafe
	}
	return &store.OpError{Op: op, Name: strings.TrimSuffix(Scheme+b.bucket+"/"+b.prefix+name, "/"), Err: b.explain(err)}
}

func (b *Bucket) explain(err error) error {
	var api interface {
		ErrorCode() string
		ErrorMessage() string
	}
	switch {
	case errors.Is(err, store.ErrExists), errors.Is(err, store.ErrNotExist), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case is(err, "NoSuchBucket"):
		return &store.MissingPlaceError{Msg: fmt.Sprintf("bucket %s does not exist: create it, or correct its name", b.bucket)}
	case errors.As(err, &api) && refusals[api.ErrorCode()] != "":
		return &AccessError{Msg: refusals[api.ErrorCode()] + region(err), Err: err}
	case status(err) == http.StatusMovedPermanently:
		return &AccessError{Msg: refusals["PermanentRedirect"] + region(err), Err: err}
	case status(err) == http.StatusForbidden, status(err) == http.StatusUnauthorized:
		return &AccessError{Msg: refusals["AccessDenied"], Err: err}
	case strings.Contains(err.Error(), "get credentials"), strings.Contains(err.Error(), "retrieve credentials"), strings.Contains(err.Error(), "refresh cached credentials"):
		return &AccessError{Msg: "no credentials for S3: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE, or run where a role gives them", Err: err}
	}
	return &plainError{err}
}

// region is the one that the store says the bucket is in, to write into the job file.
func region(err error) string {
	var response *awshttp.ResponseError
	if errors.As(err, &response) && response.Response != nil {
		if r := response.Response.Header.Get("X-Amz-Bucket-Region"); r != "" {
			return " to " + r
		}
	}
	return ""
}

// plainError is an answer of the store in one line, without the SDK's own.
type plainError struct{ err error }

// Error implements error.
func (e *plainError) Error() string { return plain(e.err) }

// Unwrap returns the SDK's error.
func (e *plainError) Unwrap() error { return e.err }

// plain is what an error of the SDK says, without the layers that it went through.
func plain(err error) string {
	var api interface {
		ErrorCode() string
		ErrorMessage() string
	}
	if !errors.As(err, &api) {
		return strings.Join(strings.Fields(err.Error()), " ")
	}
	text := api.ErrorCode()
	if m := strings.TrimSpace(api.ErrorMessage()); m != "" && m != text {
		text += ": " + m
	}
	if s := status(err); s != 0 {
		text += fmt.Sprintf(", HTTP status %d", s)
	}
	var response *awshttp.ResponseError
	if errors.As(err, &response) && response.ServiceRequestID() != "" {
		text += ", request " + response.ServiceRequestID()
	}
	return text
}
