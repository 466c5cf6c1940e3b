package cgroup

import (
	"io/fs"
	"math"
	"path"
	"strconv"
	"strings"
)

// unlimited is from where on a limit is none: version 1 writes the greatest number of pages, in bytes.
const unlimited = math.MaxInt64 / 2

// MemoryLimit returns the least memory limit, in bytes, of the group that this process is in and of those around it. It
// is false where there is none. root is the file system of this process.
func MemoryLimit(root fs.FS) (int64, bool) {
	groups, err := fs.ReadFile(root, "proc/self/cgroup")
	if err != nil {
		return 0, false
	}
	least := int64(unlimited)
	for line := range strings.Lines(string(groups)) {
		id, rest, _ := strings.Cut(strings.TrimSpace(line), ":")
		controllers, group, _ := strings.Cut(rest, ":")
		switch {
		case id == "0" && controllers == "":
			least = min(least, leastUpwards(root, "sys/fs/cgroup", group, "memory.max"), leastUpwards(root, "sys/fs/cgroup/unified", group, "memory.max"))
		case has(controllers, "memory"):
			least = min(least, leastUpwards(root, "sys/fs/cgroup/memory", group, "memory.limit_in_bytes"))
		}
	}
	return least, least < unlimited
}

func has(controllers, name string) bool {
	for c := range strings.SplitSeq(controllers, ",") {
		if c == name {
			return true
		}
	}
	return false
}

// leastUpwards is the least limit from a group up to its hierarchy's root. In a container, groups may be named as the host
// sees them while the own one stands at the root: those that are not there limit nothing.
func leastUpwards(root fs.FS, hierarchy, group, file string) int64 {
	least := int64(unlimited)
	for group = path.Clean("/" + group); ; group = path.Dir(group) {
		least = min(least, limitIn(root, path.Join(hierarchy, group, file)))
		if group == "/" {
			return least
		}
	}
}

// limitIn reads a limit; a file that is not there, or says max, has none.
func limitIn(root fs.FS, name string) int64 {
	text, err := fs.ReadFile(root, name)
	if err != nil {
		return unlimited
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	if err != nil || n <= 0 {
		return unlimited
	}
	return n
}
