package jobspec

import "testing"

// TestMemoryShares: what the file says, else the default, which never is a share of the host.
func TestMemoryShares(t *testing.T) {
	for _, c := range []struct {
		memory    Size
		container int64
		want      int64
	}{
		{0, 0, 1 << 30},
		{0, 4 << 30, 1 << 30},
		{0, 1000 << 20, 700 << 20},
		{512 << 20, 1000 << 20, 512 << 20},
		{2 << 30, 1000 << 20, 2 << 30}, // whoever says so has his reasons
	} {
		s := &Spec{Memory: c.memory, container: c.container}
		m := s.MemoryShares()
		if m.Total/(1<<20) != c.want/(1<<20) || m.Fetch+m.Decode+m.State+m.Output >= m.Total {
			t.Errorf("memory %d in a container of %d: %+v, want %d", c.memory, c.container, m, c.want)
		}
	}
}
