package output

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/millrace/millrace/columnar"
)

// hiveDefault is the directory name of NULL and of the empty string, as Hive has it. The string of that text has it
// too.
const hiveDefault = "__HIVE_DEFAULT_PARTITION__"

// escapeHive percent-encodes a column name or value for a directory name. The characters are those of Hive's
// FileUtils.escapePathName; bytes that are no UTF-8 are encoded too, so that every name is valid text.
func escapeHive(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		if hiveSpecial(s[i]) || r == utf8.RuneError && n == 1 {
			percent(&b, s[i])
		} else {
			b.WriteString(s[i : i+n])
		}
		i += n
	}
	return b.String()
}

func hiveSpecial(c byte) bool {
	return c < 0x20 || c == 0x7f || strings.IndexByte(`"#%'*/:=?[\]^{`, c) >= 0
}

func percent(b *strings.Builder, c byte) {
	const hex = "0123456789ABCDEF"
	b.WriteByte('%')
	b.WriteByte(hex[c>>4])
	b.WriteByte(hex[c&15])
}

// intText is the directory text of a value whose vector holds it as an integer, before encoding.
func intText(k columnar.Kind, v int64) string {
	switch k {
	case columnar.Bool:
		return strconv.FormatBool(v != 0)
	case columnar.Date:
		return time.Unix(v*86400, 0).UTC().Format(time.DateOnly)
	case columnar.Timestamp, columnar.LocalTimestamp:
		return time.UnixMicro(v).UTC().Format("2006-01-02 15:04:05.999999")
	}
	return strconv.FormatInt(v, 10)
}

// dirName is one level of directories; value is the text before encoding.
func dirName(sink, column, value string) (string, error) {
	if value == "" {
		value = hiveDefault
	} else {
		value = escapeHive(value)
	}
	name := escapeHive(column) + "=" + value
	if len(name) > nameBytes {
		return "", &PartitionValueError{Sink: sink, Column: column, Value: clip(value, 60), Bytes: len(name)}
	}
	return name, nil
}

// clip keeps at most n bytes of s, and no part of a character.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}

// PartitionValueError says that a value is too long for a directory name. The data alone decides it, before anything
// of the batch is visible.
type PartitionValueError struct {
	Sink   string
	Column string
	Value  string // its beginning, percent-encoded
	Bytes  int    // length of the directory name, encoded
}

func (e *PartitionValueError) Error() string {
	return fmt.Sprintf("sink %s: partition column %q: value %s makes a directory name of %d bytes, the most is %d; partition by something shorter",
		e.Sink, e.Column, e.Value, e.Bytes, nameBytes)
}
