package columnar

import (
	"fmt"
	"math"
	"slices"
)

// zoneCursor is a zone with the run of its rules that the last time lay in, so that times close to each other cost an
// addition each.
type zoneCursor struct {
	zone                *Zone
	offset, from, until int64 // the offset from UTC from an instant to an instant; none when equal
}

// set moves to another zone, or to other rules of it.
func (c *zoneCursor) set(z *Zone) {
	if c.zone != z {
		*c = zoneCursor{zone: z}
	}
}

func (c *zoneCursor) offsetAt(instant int64) int64 {
	if instant < c.from || instant >= c.until {
		c.offset, c.from, c.until = c.zone.OffsetAt(instant)
	}
	return c.offset
}

// zoneMargin is more than the largest change of an offset: a local time so far inside of a run of rules belongs to it.
const zoneMargin = 30 * microsPerHour

// instant is [Zone.Instant].
func (c *zoneCursor) instant(local int64) int64 {
	t := local - c.offset
	if t-zoneMargin >= c.from && t+zoneMargin < c.until && t < math.MaxInt64-zoneMargin && t > math.MinInt64+zoneMargin {
		return t
	}
	t = c.zone.Instant(local)
	c.offsetAt(t)
	return t
}

// first is the first instant at which clocks show a local time, or what [Zone.Instant] gives for one that they skip.
func (z *Zone) first(local int64) int64 {
	before, _, change := z.OffsetAt(local - microsPerDay)
	if t := local - before; t < change {
		return t
	}
	return z.Instant(local)
}

// Zones are the names of the time zones, without UTC, whose rules the expression needs while rows are computed.
func (e *Expr) Zones() []string {
	var out []string
	if fn, ok := registry[e.Op]; ok && fn.zoneAt > 0 && len(e.Args) >= fn.zoneAt {
		if z := e.Args[fn.zoneAt-1]; z.Op == "const" && !z.Value.Null && z.Value.S != "UTC" {
			out = append(out, z.Value.S)
		}
	}
	for _, a := range e.Args {
		out = append(out, a.Zones()...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// zoneIsLiteral reports whether the zone that binding appended to the arguments is the literal that it has to be.
func (fn *function) zoneIsLiteral(e *Expr) bool {
	if fn.zoneAt < 2 || len(e.Args) < fn.zoneAt {
		return true
	}
	z := e.Args[fn.zoneAt-1]
	return z.Op == "const" && !z.Value.Null && z.Type.Kind == String
}

func zoneFunctions() []*function {
	return []*function{
		{Function: about("timezone", "timezone(zone, timestamp) → timestamp_ntz, timezone(zone, timestamp_ntz) → timestamp", "t AT TIME ZONE zone: what clocks in the zone show at an instant, or the instant at which they show a time. Of a time that they show twice it is the second; one that they skip is read with the offset before."),
			takes: "the name of a time zone and a time", resolve: resolveTimezone, kernel: timezoneKernel, fails: true, zoneAt: 1},
		{Function: about("convert_timezone", "convert_timezone([from,] to, timestamp_ntz) → timestamp_ntz", "What clocks in one zone show when those in another, by default in that of the session, show a time."),
			takes: "names of time zones and a timestamp_ntz", resolve: resolveConvert, kernel: always(nil)},
		{Function: about("utc_offset", "utc_offset(timestamp) → bigint", "How many seconds clocks in the session's time zone are ahead of UTC."), takes: "a timestamp",
			resolve: resolveOffset, kernel: offsetKernel, zoneAt: 2},
	}
}

func resolveTimezone(fn *function, args []*Expr) (*Expr, error) {
	e, err := overloaded(sig(LocalTimestamp, String, Timestamp), sig(Timestamp, String, LocalTimestamp))(fn, args)
	if err != nil {
		return nil, err
	}
	name, ok := literal(e.Args[0])
	if !ok || name.Value.Null {
		return e, nil
	}
	if _, err := LoadZone(name.Value.S); err != nil {
		return nil, fmt.Errorf("%w; zones have names such as Europe/Berlin, or UTC", err)
	}
	e.Args[0] = name
	return e, nil
}

func resolveConvert(fn *function, args []*Expr) (*Expr, error) {
	if len(args) == 2 {
		args = []*Expr{textLiteral(fn.session.zoneName()), args[0], args[1]}
	}
	e, err := overloaded(sig(LocalTimestamp, String, String, LocalTimestamp))(fn, args)
	if err != nil {
		return nil, err
	}
	at, err := fn.session.Call("timezone", e.Args[0], e.Args[2])
	if err != nil {
		return nil, err
	}
	return fn.session.Call("timezone", e.Args[1], at)
}

// timezoneKernel takes a constant zone from the plan, others from a cache.
func timezoneKernel(e *Expr) kernel {
	shift := (*zoneCursor).toInstant
	if e.Type.Kind == LocalTimestamp {
		shift = (*zoneCursor).toLocal
	}
	if e.Args[0].Op == "const" {
		var c zoneCursor
		return func(n *node, f *frame, rows rowSet) error {
			if n.expr.Args[0].Value.Null {
				return allNull(n, f, rows)
			}
			z, err := n.zone(f, 0)
			if err != nil {
				return err
			}
			c.set(z)
			return intRows(func(in []*Vector, r int32) (int64, verdict) { return shift(&c, in[1].I64[r]) })(n, f, rows)
		}
	}
	return func(n *node, f *frame, rows rowSet) error {
		var zones zoneCache
		return intRows(func(in []*Vector, r int32) (int64, verdict) {
			c, v := zones.get(f, in[0].Str(int(r)))
			if v != fine {
				return 0, v
			}
			return shift(c, in[1].I64[r])
		})(n, f, rows)
	}
}

// allNull is the kernel of a function with a NULL among its constants.
func allNull(n *node, _ *frame, _ rowSet) error {
	n.outFixed()
	n.out.Valid = make([]byte, bitmapBytes(n.out.N))
	return nil
}

func (c *zoneCursor) toLocal(instant int64) (int64, verdict) {
	offset := c.offsetAt(instant)
	local := instant + offset
	if (instant^local)&(offset^local) < 0 {
		return 0, tsOutOfRange
	}
	return local, fine
}

func (c *zoneCursor) toInstant(local int64) (int64, verdict) {
	if local > math.MaxInt64-zoneMargin || local < math.MinInt64+zoneMargin {
		return 0, tsOutOfRange
	}
	return c.instant(local), fine
}

// zoneCache holds the zones of a column of names for one batch.
type zoneCache map[string]*zoneCursor

func (z *zoneCache) get(f *frame, name []byte) (*zoneCursor, verdict) {
	if c, ok := (*z)[string(name)]; ok {
		return c, fine
	}
	zone, err := f.zone(string(name))
	if err != nil {
		return nil, verdict(err.Error())
	}
	if *z == nil {
		*z = zoneCache{}
	}
	c := &zoneCursor{zone: zone}
	(*z)[string(name)] = c
	return c, fine
}

func resolveOffset(fn *function, args []*Expr) (*Expr, error) {
	e, err := overloaded(sig(Int64, Timestamp))(fn, args)
	if err != nil {
		return nil, err
	}
	e.Args = fn.session.withZone(e.Args)
	return e, nil
}

func offsetKernel(e *Expr) kernel {
	var c zoneCursor
	return zoned(1, func(n *node, rows rowSet, z *Zone) error {
		dst, src := n.outI64(), n.in[0].I64
		if z == nil {
			clear(dst)
			return nil
		}
		c.set(z)
		return n.each(rows, func(r int32) verdict {
			dst[r] = c.offsetAt(src[r]) / microsPerSecond
			return fine
		})
	})
}

// wall makes a time of any type one of clocks: an instant is seen in the session's zone. In UTC an instant stays what it
// is, which is the same number.
func (s Session) wall(e *Expr) (*Expr, error) {
	switch {
	case e.Type.Kind == LocalTimestamp, e.Type.Kind == Timestamp && s.isUTC():
		return e, nil
	case e.Type.Kind == Null, e.Type.Kind == Date && s.isUTC():
		return s.coerce(e, Type{Kind: Timestamp})
	case e.Type.Kind == Date:
		return s.coerce(e, Type{Kind: LocalTimestamp})
	}
	out, err := s.Call("timezone", textLiteral(s.Zone), e)
	if err == nil {
		out.Text = e.describe()
	}
	return out, err
}

// instant makes a time of any type, or a text, an instant: clocks are those of the session's zone.
func (s Session) instant(e *Expr) (*Expr, error) {
	if e.Type.Kind != LocalTimestamp {
		return s.coerce(e, Type{Kind: Timestamp})
	}
	out, err := s.Call("timezone", textLiteral(s.zoneName()), e)
	if err == nil {
		out.Text = e.describe()
	}
	return out, err
}

// zoneName is the session's zone, also when that is UTC.
func (s Session) zoneName() string {
	if s.isUTC() {
		return "UTC"
	}
	return s.Zone
}

// isTime reports whether wall takes the type.
func isTime(k Kind) bool { return k == Timestamp || k == LocalTimestamp || k == Date || k == Null }
