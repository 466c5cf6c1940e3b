package dstream

// SetTimeZone sets the time zone of the job: calendar functions and texts without a zone of their own follow it. It must
// come before the first stream. The error, an *[Error], is about the name.
func (g *Graph) SetTimeZone(name string) error {
	if name != "" && name != "UTC" {
		return unsupported(Pos{}, "a time zone")
	}
	return nil
}

// SetBounded says that the input of the job ends: groups without a window are allowed and come out at the end.
func (g *Graph) SetBounded() { g.bounded = true }

// AddView makes s known as name: [Graph.From] goes on with it, and its columns have name as their qualifier. The error,
// an *[Error], is about the name, or the mistake in s.
func (g *Graph) AddView(name string, s *Stream, pos Pos) error {
	return unsupported(pos, "a named query")
}

// Union appends the rows of o, by position: UNION ALL. The columns have the names of s and types that both agree on.
func (s *Stream) Union(o *Stream) *Stream {
	return s.step(func(n *Stream, pos Pos) *Error { return unsupported(pos, "UNION ALL") })
}

// Distinct keeps one of all rows that are equal.
func (s *Stream) Distinct() *Stream {
	return s.step(func(n *Stream, pos Pos) *Error { return unsupported(pos, "DISTINCT") })
}

// UnnestSpec says how [Stream.Unnest] takes a list apart.
type UnnestSpec struct {
	Expr       Expr     // an array or a map
	Alias      string   // qualifier of the new columns
	Columns    []string // their names; may be empty
	Ordinality bool     // the last of them is the position, counted from 1
	Left       bool     // rows without elements stay, with NULLs
	Pos        Pos
}

// Unnest makes one row of every element of an array, or of every entry of a map.
func (s *Stream) Unnest(u UnnestSpec) *Stream {
	return s.step(func(n *Stream, pos Pos) *Error { return unsupported(pos, "UNNEST") })
}

func unsupported(pos Pos, what string) *Error {
	return &Error{Pos: pos, Msg: what + " is not supported yet"}
}
