package s3

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// Defaults of [Options].
const (
	DefaultAttempts        = 8
	DefaultResponseTimeout = 30 * time.Second
	DefaultMaxBackoff      = 5 * time.Second
)

const (
	// requestTimeout bounds a whole request, so that a connection on which nothing moves is given up.
	requestTimeout = 5 * time.Minute
	// defaultRegion is what stores other than AWS's are signed for when nobody names a region; most do not look at it.
	defaultRegion = "us-east-1"
)

// Encryption is how the server encrypts objects at rest.
type Encryption string

// The encryptions.
const (
	BucketDefault Encryption = ""        // as the bucket says
	SSES3         Encryption = "AES256"  // with keys of S3
	SSEKMS        Encryption = "aws:kms" // with a key of the key management service
)

// Options say how a store is reached. The zero value works on AWS with a region in the environment.
type Options struct {
	Endpoint   string // URL of a store that is not AWS's; "": AWS, or as the environment says
	Region     string // "": as the environment or the profile says
	PathStyle  bool   // the bucket's name goes into the path, not into the host's name
	Encryption Encryption
	KMSKey     string // id or ARN of the key for [SSEKMS]; "": the account's default key
	BucketKey  bool   // with [SSEKMS]: objects' keys come from one of the bucket; false: as the bucket says

	// Attempts is how often a request is sent at most, with growing and jittered pauses; 0 means
	// DefaultAttempts. Many requests that fail at a time use up a budget that they share, and are then sent fewer times.
	Attempts int
	// MaxBackoff bounds the pause between two attempts; 0 means DefaultMaxBackoff.
	MaxBackoff time.Duration
	// ResponseTimeout is how long an attempt waits for an answer to begin; 0 means DefaultResponseTimeout.
	ResponseTimeout time.Duration
}

// Client reaches a store. It is safe for concurrent use.
type Client struct {
	api  *awss3.Client
	opts Options
}

// Connect finds credentials and region by the default chain: environment, shared files, web identity, container and
// machine roles. It makes no request to the store. Credentials that cannot be had show with the first request.
func Connect(ctx context.Context, o Options) (*Client, error) {
	if o.Attempts == 0 {
		o.Attempts = DefaultAttempts
	}
	if o.MaxBackoff == 0 {
		o.MaxBackoff = DefaultMaxBackoff
	}
	if o.ResponseTimeout == 0 {
		o.ResponseTimeout = DefaultResponseTimeout
	}
	if u, err := url.Parse(o.Endpoint); o.Endpoint != "" && (err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https") {
		return nil, &AccessError{Msg: "the endpoint " + o.Endpoint + " is not a URL such as https://minio:9000"}
	}
	cfg, err := config.LoadDefaultConfig(ctx, config.WithRegion(o.Region), config.WithHTTPClient(httpClient(o.ResponseTimeout)),
		config.WithRetryer(func() aws.Retryer { return retryer(o) }))
	if err != nil {
		return nil, &AccessError{Msg: "the configuration of the AWS SDK cannot be read", Err: err}
	}
	if cfg.Region == "" {
		if o.Endpoint == "" && cfg.BaseEndpoint == nil {
			return nil, &AccessError{Msg: "no region: set s3.region in the job file, or AWS_REGION"}
		}
		cfg.Region = defaultRegion
	}
	api := awss3.NewFromConfig(cfg, func(s *awss3.Options) {
		s.UsePathStyle = o.PathStyle
		s.DisableLogOutputChecksumValidationSkipped = true
		if o.Endpoint != "" {
			s.BaseEndpoint = aws.String(o.Endpoint)
			// Stores that are not AWS's often do not know the newer checksums; the signature covers the payload.
			s.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenRequired
			s.ResponseChecksumValidation = aws.ResponseChecksumValidationWhenRequired
		}
	})
	return &Client{api: api, opts: o}, nil
}

// retryer is the SDK's standard one, with more attempts, and with conflicts of conditional writes among what is tried
// again: S3 answers so while another write to the same key is under way.
func retryer(o Options) aws.Retryer {
	standard := retry.NewStandard(func(s *retry.StandardOptions) {
		s.MaxAttempts = o.Attempts
		s.MaxBackoff = o.MaxBackoff
	})
	return retry.AddWithErrorCodes(standard, "ConditionalRequestConflict", "OperationAborted")
}

func httpClient(response time.Duration) *awshttp.BuildableClient {
	return awshttp.NewBuildableClient().WithTimeout(requestTimeout).WithTransportOptions(func(t *http.Transport) {
		t.ResponseHeaderTimeout = response
	})
}

// Bucket returns the objects under a prefix. It makes no request.
func (c *Client) Bucket(bucket, prefix string) *Bucket {
	if prefix != "" {
		prefix += "/"
	}
	return &Bucket{api: c.api, opts: c.opts, bucket: bucket, prefix: prefix}
}

// Open is [Client.Bucket] for an address s3://bucket/prefix.
func (c *Client) Open(url string) (*Bucket, error) {
	bucket, prefix, err := ParseURL(url)
	if err != nil {
		return nil, err
	}
	return c.Bucket(bucket, prefix), nil
}

// sse is what a request that creates an object says about encryption.
func (o Options) sse() (algorithm types.ServerSideEncryption, key *string, bucketKey *bool) {
	if o.Encryption == SSEKMS && o.KMSKey != "" {
		key = aws.String(o.KMSKey)
	}
	if o.Encryption == SSEKMS && o.BucketKey {
		bucketKey = aws.Bool(true)
	}
	return types.ServerSideEncryption(o.Encryption), key, bucketKey
}

// is reports whether an answer of the store has one of the codes.
func is(err error, codes ...string) bool {
	var api interface{ ErrorCode() string }
	if !errors.As(err, &api) {
		return false
	}
	for _, c := range codes {
		if api.ErrorCode() == c {
			return true
		}
	}
	return false
}

// status is the HTTP status of an answer; 0: there was none.
func status(err error) int {
	var response *awshttp.ResponseError
	if errors.As(err, &response) && response.Response != nil {
		return response.HTTPStatusCode()
	}
	return 0
}
