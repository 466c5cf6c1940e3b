package columnar

import "sync"

// intern is a set of immutable values that all goroutines of the process share: the first value for a key stays.
type intern[V any] struct{ values sync.Map }

// get returns the value for the key, if there is one.
func (s *intern[V]) get(key string) (V, bool) {
	v, ok := s.values.Load(key)
	if !ok {
		var none V
		return none, false
	}
	return v.(V), true
}

// keep stores a value unless there is one for the key, and returns the one that stays.
func (s *intern[V]) keep(key string, v V) V {
	kept, _ := s.values.LoadOrStore(key, v)
	return kept.(V)
}
