package output

import (
	"fmt"
	"regexp"
	"strings"
)

// Constants of the directory format, version 1 (docs/formats/output.md). They must not change.
const (
	formatVersion  = 1
	hiddenPrefix   = "_millrace/"
	ownerName      = "_millrace/owner"
	manifestPrefix = "_millrace/manifest/"
	hashDigits     = 8   // of the job hash, in file names
	nameBytes      = 255 // the longest name that file systems take
)

// fileName is the name of one file inside its directory. part 0 stands for the only file of its directory and shard.
func fileName(info BatchInfo, shard, part int) string {
	parts := ""
	if part > 0 {
		parts = fmt.Sprintf("-%03d", part)
	}
	return fmt.Sprintf("%ss%03d%s-%.*s.parquet", batchPrefix(info), shard, parts, hashDigits, info.JobHash)
}

// batchPrefix begins the name of every file of the batch. Names of other jobs may begin with it too.
func batchPrefix(info BatchInfo) string {
	return fmt.Sprintf("%s-b%012d-", escapeJob(info.Job), info.Batch)
}

// behindBatch is what follows batchPrefix in the names of a batch, whatever its shards, parts and job hash. It has no
// room for a second "-b": behind the prefix of another job's longer name, it does not match.
var behindBatch = regexp.MustCompile(`^s[0-9]{3,}(-[0-9]{3,})?-[^-]*\.parquet$`)

// isOfBatch reports whether a file of that name, without directories, is one of the batch.
func isOfBatch(name string, info BatchInfo) bool {
	rest, ok := strings.CutPrefix(name, batchPrefix(info))
	return ok && behindBatch.MatchString(rest)
}

func manifestName(batch int64) string { return fmt.Sprintf("%s%012d.json", manifestPrefix, batch) }

// escapeJob percent-encodes what a file name, a URL or a glob pattern could misread. Readers skip names that begin
// with a dot or an underscore, so those two are encoded in front.
func escapeJob(job string) string {
	var b strings.Builder
	for i := range len(job) {
		if c := job[i]; plainInJob(c) && (i > 0 || c != '.' && c != '_') {
			b.WriteByte(c)
		} else {
			percent(&b, c)
		}
	}
	return b.String()
}

func plainInJob(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '.' || c == '-' || c == '_'
}
