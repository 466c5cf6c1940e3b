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

// TestMemoryWarnings: a job that asks for more than its container has is told so, with its place and both figures.
func TestMemoryWarnings(t *testing.T) {
	for _, c := range []struct {
		set       []string
		container int64
		want      string
	}{
		{nil, 100 << 20, ""},
		{[]string{"memory=1000MiB"}, 0, ""},
		{[]string{"memory=1000MiB"}, 1000 << 20, ""},
		{[]string{"memory=2GiB"}, 1000 << 20, "--set memory=2GiB: warning: memory: 2048 MiB is more than the 1000 MiB that the container (cgroup) may use: the kernel may kill the run; without memory: it takes 700 MiB"},
	} {
		s, err := Load("../../examples/flights/job.yaml", Options{Set: c.set, Container: c.container})
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, w := range s.MemoryWarnings() {
			got += w.String()
		}
		if got != c.want {
			t.Errorf("%v in a container of %d: %q, want %q", c.set, c.container, got, c.want)
		}
	}
}
