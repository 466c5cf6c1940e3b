package dstream

// Distinct keeps one of all rows that are equal: it groups by all columns. So one of them must be a column of the window,
// or the job must be bounded.
func (s *Stream) Distinct() *Stream {
	return s.step(func(n *Stream, pos Pos) *Error {
		if err := s.takesBack(pos, "DISTINCT", onceHint); err != nil {
			return err
		}
		if s.window == nil && !s.graph.bounded {
			return endless(pos, "DISTINCT", "add WITHIN INTERVAL '1' HOUR (Dedup in Go), or cut the stream into windows (TUMBLE in SQL, Window in Go) and select window_start too")
		}
		out := &Grouped{}
		keys := s.scope.visible()
		b := &binder{graph: s.graph, scope: s.scope, pos: pos, clause: "DISTINCT"}
		n.scope, n.window, n.group = keys, nil, nil
		return s.groupByColumns(n, out, b, keys)
	})
}
