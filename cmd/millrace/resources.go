package main

import (
	"io/fs"
	"os"
	"runtime"
	"runtime/debug"

	"github.com/urfave/cli/v2"

	"github.com/millrace/millrace/batch"
	"github.com/millrace/millrace/internal/cgroup"
	"github.com/millrace/millrace/internal/jobspec"
)

// host is the file system that tells of the control group; tests have another one.
var host fs.FS = os.DirFS("/")

// container is how much memory the control group of this process may use; 0 where nothing bounds it.
func container() int64 {
	n, limited := cgroup.MemoryLimit(host)
	if !limited {
		return 0
	}
	return n
}

// useResources bounds this process by what the job may use: the flag says how many cores, else the file. The runtime
// collects garbage more often as the memory gets near its bound; an eighth of it is left for what the runtime does not
// count, such as the program itself. GOMEMLIMIT in the environment wins.
func useResources(c *cli.Context, spec *jobspec.Spec) (cores int, memory batch.Memory) {
	if cores = spec.Cores; c.IsSet("cores") {
		cores = c.Int("cores")
	}
	if cores > 0 {
		runtime.GOMAXPROCS(min(cores, runtime.GOMAXPROCS(0)))
	}
	memory = spec.MemoryShares()
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memory.Total / 8 * 7)
	}
	return cores, memory
}
