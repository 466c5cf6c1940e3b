package jobspec

import (
	"fmt"

	"github.com/millrace/millrace/batch"
	"github.com/millrace/millrace/internal/sql"
)

const (
	// memoryDefault is what a run may use where nobody says: never a share of the host, which others use too.
	memoryDefault = 1 << 30
	// memoryLeast is the least that a job file may say: one record batch of each partition under way has to fit in.
	memoryLeast = 64 << 20
)

// MemoryShares is how much memory a run of the job may use, and how that is divided.
func (s *Spec) MemoryShares() batch.Memory {
	total := int64(s.Memory)
	if total == 0 {
		total = memoryDefault
		if s.container > 0 {
			total = min(total, s.container/10*7)
		}
	}
	return batch.DivideMemory(total)
}

// MemoryWarnings are about more memory than the container has: the kernel may end such a run, where one that stays within its bound stops
// by itself, with figures.
func (s *Spec) MemoryWarnings() []sql.Warning {
	if s.container <= 0 || int64(s.Memory) <= s.container {
		return nil
	}
	within := &Spec{container: s.container}
	return []sql.Warning{{Pos: s.MemoryPos, Msg: fmt.Sprintf("memory: %d MiB is more than the %d MiB that the container (cgroup) may use: the kernel may kill the run; without memory: it takes %d MiB",
		int64(s.Memory)>>20, s.container>>20, within.MemoryShares().Total>>20)}}
}

func (s *Spec) checkMemory(t *tree) error {
	if s.Memory > 0 && s.Memory < memoryLeast {
		return fail(t.get("memory").pos, "", "memory: %s is less than %s", t.get("memory").shown(), sizeText(memoryLeast))
	}
	return nil
}

// memory says what a run may use.
func (d *description) memory() {
	if d.spec.Cores > 0 {
		d.line("cores", "%d tasks at a time", d.spec.Cores)
	}
	if d.spec.Memory == 0 {
		d.line("memory", "at most 1 GiB, or 70 %% of what the container may use")
		return
	}
	m := d.spec.MemoryShares()
	d.line("memory", "at most %s: %s of fetched bytes, %s of rows under way, %s of state, %s of output", sizeText(m.Total), sizeText(m.Fetch), sizeText(m.Decode), sizeText(m.State), sizeText(m.Output))
}
