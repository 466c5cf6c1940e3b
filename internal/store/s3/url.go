package s3

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/millrace/millrace/internal/store"
)

// Scheme begins the address of a place in a bucket.
const Scheme = "s3://"

// maxPrefixBytes leaves room for names below a prefix: a key has at most 1,024 bytes.
const maxPrefixBytes = 512

var bucketName = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)

// ParseURL splits s3://bucket/prefix. The prefix comes without slashes at its ends and may be empty.
func ParseURL(url string) (bucket, prefix string, err error) {
	rest, ok := strings.CutPrefix(url, Scheme)
	if !ok {
		return "", "", fmt.Errorf("%s is not an address in S3: write s3://BUCKET/PREFIX", url)
	}
	bucket, prefix, _ = strings.Cut(rest, "/")
	prefix = strings.TrimSuffix(prefix, "/")
	switch {
	case !bucketName.MatchString(bucket):
		return "", "", fmt.Errorf("%q is not the name of a bucket: 3 to 63 lower-case letters, digits, - and .", bucket)
	case prefix != "" && store.CheckName(prefix) != nil:
		return "", "", fmt.Errorf(`%q is not a prefix of keys: slash-separated parts, none of them empty, "." or ".."`, prefix)
	case len(prefix) > maxPrefixBytes:
		return "", "", fmt.Errorf("the prefix has %d bytes, at most %d are possible", len(prefix), maxPrefixBytes)
	}
	return bucket, prefix, nil
}
