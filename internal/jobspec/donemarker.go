package jobspec

import (
	"github.com/millrace/millrace/dstream"
)

// checkDoneMarkers refuses done markers where nothing can tell when a directory is complete.
func (s *Spec) checkDoneMarkers(plan *dstream.Plan) error {
	for i := range s.Sinks {
		k := &s.Sinks[i]
		if _, err := k.done(plan); err != nil {
			return fail(k.Parquet.DoneMarkerPos, "", "sinks.%s: done_marker: %v", k.Name, err)
		}
	}
	return nil
}

// done says when the directories of the sink are complete; nil for one without done markers.
func (k *Sink) done(plan *dstream.Plan) (*dstream.Done, error) {
	if k.Parquet == nil || !k.Parquet.DoneMarker {
		return nil, nil
	}
	return plan.Done(k.Name)
}
