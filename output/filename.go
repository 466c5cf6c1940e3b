package output

import (
	"fmt"
	"strings"
)

// Constants of the directory format, version 1 (docs/formats/output.md). They must not change.
const (
	formatVersion  = 1
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
	return fmt.Sprintf("%s-b%012d-s%03d%s-%.*s.parquet",
		escapeJob(info.Job), info.Batch, shard, parts, hashDigits, info.JobHash)
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
