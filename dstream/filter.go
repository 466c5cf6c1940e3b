package dstream

// Filter keeps the rows for which pred is true. Directly behind an aggregation it may use aggregates, like HAVING.
func (s *Stream) Filter(pred Expr) *Stream {
	return s.step(func(n *Stream, pos Pos) *Error {
		b := s.binder(pos, "WHERE")
		if s.group != nil {
			b.clause = "HAVING"
		}
		b.window = s.window
		e, err := b.predicate(pred)
		if err != nil {
			return err
		}
		n.node = s.node.next(node{filter: e})
		return nil
	})
}

func (s *Stream) binder(pos Pos, clause string) *binder {
	return &binder{graph: s.graph, scope: s.scope, group: s.group, pos: pos, clause: clause, changes: s.node.changelog() != nil}
}
