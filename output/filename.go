package output

import (
	"fmt"
	"path"
	"regexp"
	"strconv"
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

// fileName is the name of one file inside its directory, with rows of the batches from first to that of info. part 0 stands
// for the only file of its directory and shard.
func fileName(info BatchInfo, first int64, shard, part int) string {
	batches, parts := fmt.Sprintf("%012d", info.Batch), ""
	if first < info.Batch {
		batches = fmt.Sprintf("%012d-%s", first, batches)
	}
	if part > 0 {
		parts = fmt.Sprintf("-%03d", part)
	}
	return fmt.Sprintf("%s-b%s-s%03d%s-%.*s.parquet", escapeJob(info.Job), batches, shard, parts, hashDigits, info.JobHash)
}

// behindJob is what follows the job and "-b" in the names of files, whatever their shards, parts and job hash. It has no
// room for a second "-b": behind the beginning of another job's longer name, it does not match.
var behindJob = regexp.MustCompile(`^(?:([0-9]{12,18})-)?([0-9]{12,18})-s[0-9]{3,}(?:-[0-9]{3,})?-[^-]*\.parquet$`)

// BatchesOf are the first and the last batch of which a file of the job has rows, as its name says. The last one has put it into
// its place. ok is false for names that are not of such files.
func BatchesOf(name, job string) (first, last int64, ok bool) {
	rest, ok := strings.CutPrefix(path.Base(name), escapeJob(job)+"-b")
	m := behindJob.FindStringSubmatch(rest)
	if !ok || m == nil {
		return 0, 0, false
	}
	last, err := strconv.ParseInt(m[2], 10, 64) // 18 digits at most: it fits
	if first = last; m[1] != "" && err == nil {
		first, err = strconv.ParseInt(m[1], 10, 64)
	}
	return first, last, err == nil
}

// batchOf is the batch that put a file into its place.
func batchOf(name, job string) (batch int64, ok bool) {
	_, batch, ok = BatchesOf(name, job)
	return batch, ok
}

// isOfBatch reports whether a file of that name, without directories, is one that the batch has put into its place.
func isOfBatch(name string, info BatchInfo) bool {
	batch, ok := batchOf(name, info.Job)
	return ok && batch == info.Batch
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
