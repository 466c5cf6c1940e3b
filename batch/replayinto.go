package batch

import (
	"path/filepath"
	"strings"
)

// below is a place inside another one.
func below(place, name string) string {
	if IsRemote(place) {
		return place + "/" + name
	}
	return filepath.Join(place, name)
}

// checkApart keeps a replay out of what the job that a batch was planned with wrote to, which the job at hand may have left since.
func checkApart(job *Job, into string) error {
	for _, k := range job.Sinks {
		if into != "" && k.Place != "" && k.Topic == "" && Overlap(into, k.Place) {
			return refuse("%s overlaps with %s, which sink %s of the job wrote to then: replay into another place", into, k.Place, k.Name)
		}
	}
	return nil
}

// Overlap reports whether one of two places, directories or addresses, lies in the other.
func Overlap(a, b string) bool {
	inside := func(a, b string) bool { return a == b || strings.HasPrefix(a, strings.TrimSuffix(b, "/")+"/") }
	return inside(a, b) || inside(b, a)
}
