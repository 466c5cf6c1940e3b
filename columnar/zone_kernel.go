package columnar

// zoned is a strict kernel of a function that takes the name of the session's time zone as its last argument, at position
// at, or nothing there for UTC, when body gets nil.
func zoned(at int, body func(n *node, rows rowSet, z *Zone) error) kernel {
	return func(n *node, f *frame, rows rowSet) error {
		z, err := n.zone(f, at)
		if err != nil {
			return err
		}
		if err := n.evalArgs(f, rows); err != nil {
			return err
		}
		n.mergeValid()
		return body(n, rows, z)
	}
}

// zoneIsConst reports whether the time zone at argument at, if there is one, is a literal, as zoned needs it.
func zoneIsConst(e *Expr, at int) bool { return len(e.Args) <= at || e.Args[at].Op == "const" }

// zone is the time zone that argument at names, by the rules that the batch was planned with. It is nil for UTC.
func (n *node) zone(f *frame, at int) (*Zone, error) {
	if len(n.args) <= at {
		return nil, nil
	}
	return f.zone(n.args[at].expr.Value.S)
}

// withZone appends the name of the session's time zone to the arguments of a function, unless it is UTC.
func (s Session) withZone(args []*Expr) []*Expr {
	if s.isUTC() {
		return args
	}
	return append(args[:len(args):len(args)], Const(Type{Kind: String}, Value{S: s.Zone}))
}

func (s Session) isUTC() bool { return s.Zone == "" || s.Zone == "UTC" }

// local is what clocks in the zone show at an instant; nil is UTC. It wraps around where that is no timestamp.
func (z *Zone) local(instant int64) int64 {
	if z == nil {
		return instant
	}
	offset, _, _ := z.OffsetAt(instant)
	return instant + offset
}

// instant is [Zone.Instant]; nil is UTC.
func (z *Zone) instant(local int64) int64 {
	if z == nil {
		return local
	}
	return z.Instant(local)
}
