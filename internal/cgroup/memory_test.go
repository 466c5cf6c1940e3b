package cgroup

import (
	"os"
	"testing"
	"testing/fstest"
)

func TestMemoryLimit(t *testing.T) {
	const none = -1
	for _, c := range []struct {
		name  string
		files map[string]string
		want  int64
	}{
		{"no /proc", nil, none},
		{"version 2", map[string]string{"proc/self/cgroup": "0::/jobs/a\n", "sys/fs/cgroup/jobs/a/memory.max": "536870912\n"}, 512 << 20},
		{"version 2, the group around it has less", map[string]string{"proc/self/cgroup": "0::/jobs/a\n",
			"sys/fs/cgroup/jobs/a/memory.max": "max\n", "sys/fs/cgroup/jobs/memory.max": "1073741824\n", "sys/fs/cgroup/memory.max": "4294967296\n"}, 1 << 30},
		{"version 2, no limit", map[string]string{"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "max\n"}, none},
		{"version 2, a container with a name of the host", map[string]string{"proc/self/cgroup": "0::/docker/0123\n", "sys/fs/cgroup/memory.max": "268435456\n"}, 256 << 20},
		{"version 1", map[string]string{"proc/self/cgroup": "9:name=systemd:/\n4:memory:/jobs\n0::/\n", "sys/fs/cgroup/memory/jobs/memory.limit_in_bytes": "268435456\n"}, 256 << 20},
		{"version 1, several controllers", map[string]string{"proc/self/cgroup": "4:cpu,memory:/a\n", "sys/fs/cgroup/memory/a/memory.limit_in_bytes": "1048576\n"}, 1 << 20},
		{"version 1, no limit", map[string]string{"proc/self/cgroup": "4:memory:/\n", "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n"}, none},
		{"both versions", map[string]string{"proc/self/cgroup": "4:memory:/a\n0::/a\n", "sys/fs/cgroup/memory/a/memory.limit_in_bytes": "2097152\n",
			"sys/fs/cgroup/unified/a/memory.max": "1048576\n"}, 1 << 20},
		{"nonsense", map[string]string{"proc/self/cgroup": "::\n4:memory\nx\n4:memory:/../..\n", "sys/fs/cgroup/memory/memory.limit_in_bytes": "lots\n"}, none},
	} {
		t.Run(c.name, func(t *testing.T) {
			root := fstest.MapFS{}
			for name, text := range c.files {
				root[name] = &fstest.MapFile{Data: []byte(text)}
			}
			got, limited := MemoryLimit(root)
			if limited != (c.want != none) || limited && got != c.want {
				t.Errorf("%d, %t, want %d", got, limited, c.want)
			}
		})
	}
}

// TestMemoryLimitHere must not fail wherever the test runs.
func TestMemoryLimitHere(t *testing.T) {
	n, limited := MemoryLimit(os.DirFS("/"))
	if limited && n <= 0 {
		t.Errorf("a limit of %d bytes", n)
	}
	t.Logf("limit here: %d bytes, %t", n, limited)
}
