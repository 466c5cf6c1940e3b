package columnar

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// timeFormatFunctions write and read times by patterns. The pattern is a literal; a third argument of the functions that
// read names its dialect, because PostgreSQL's and Java's cannot always be told apart.
func timeFormatFunctions() []*function {
	writes := func(name, dialect, doc string) *function {
		return &function{Function: about(name, name+"(time, pattern) → string", doc), takes: "a time and a pattern in quotes",
			resolve: func(fn *function, args []*Expr) (*Expr, error) { return resolveWrite(fn, args, dialect) }, kernel: writeKernel(dialect), zoneAt: 3}
	}
	reads := func(name, out, doc string, kernel func(e *Expr) kernel, resolve func(fn *function, args []*Expr) (*Expr, error)) *function {
		return &function{Function: about(name, name+"(string, pattern [, dialect]) → "+out, doc), takes: "a string and a pattern in quotes", resolve: resolve, kernel: kernel, fails: true, zoneAt: 4}
	}
	const dialects = " The pattern is Java's (yyyy-MM-dd HH:mm:ss) or PostgreSQL's (YYYY-MM-DD HH24:MI:SS); one that means different things is refused unless the dialect 'java' or 'postgresql' is given."
	return []*function{
		writes("date_format", "java", "The time written by a pattern of Java, as in Spark and Flink: yyyy-MM-dd HH:mm:ss."),
		writes("strftime", "c", "The time written by a pattern of C: %Y-%m-%d %H:%M:%S."),
		{Function: about("to_char", "to_char(time, pattern) → string, to_char(number, pattern) → string", "The time or number written by a pattern of PostgreSQL: YYYY-MM-DD HH24:MI:SS, or FM999,990.00. HH is the hour of twelve, MM and mm are the month, MI is the minute."),
			takes: "a time or number and a pattern in quotes", resolve: resolveToChar, kernel: toCharKernel, fails: true, zoneAt: 3},
		reads("to_timestamp", "timestamp", "The time that a text says, in the session's time zone unless it has an offset; without a pattern as by CAST, and of a number the instant so many seconds after 1970."+dialects, readInstantKernel(false), resolveToTimestamp),
		reads("try_to_timestamp", "timestamp", "As to_timestamp, but NULL for a text that does not fit.", readInstantKernel(true), resolveToTimestamp),
		reads("to_date", "date", "The day that a text says; without a pattern as by CAST."+dialects, readDayKernel(false), resolveToDate),
		reads("try_to_date", "date", "As to_date, but NULL for a text that does not fit.", readDayKernel(true), resolveToDate),
		{Function: about("strptime", "strptime(string, pattern) → timestamp", "As to_timestamp, with a pattern of C: %Y-%m-%d %H:%M:%S."), takes: "a string and a pattern in quotes", kernel: always(nil), resolve: resolveStrptime("to_timestamp")},
		{Function: about("try_strptime", "try_strptime(string, pattern) → timestamp", "As strptime, but NULL for a text that does not fit."), takes: "a string and a pattern in quotes", kernel: always(nil), resolve: resolveStrptime("try_to_timestamp")},
		{Function: about("from_unixtime", "from_unixtime(seconds [, pattern]) → string", "The instant so many seconds after 1970-01-01 00:00 UTC, written by a pattern of Java, by default yyyy-MM-dd HH:mm:ss."),
			takes: "a number of seconds and a pattern in quotes", resolve: resolveFromUnixtime, kernel: always(nil)},
		{Function: about("unix_timestamp", "unix_timestamp([time]) → bigint, unix_timestamp(string [, pattern]) → bigint", "The seconds since 1970-01-01 00:00 UTC of a time, by default now(); a text is read by a pattern of Java, by default yyyy-MM-dd HH:mm:ss."),
			takes: "a time, or a string and a pattern in quotes", resolve: resolveUnixTimestamp, kernel: always(nil)},
	}
}

// patternArgument is the literal pattern at args[1].
func patternArgument(fn *function, args []*Expr) (string, error) {
	p, ok := literal(args[1])
	if !ok || p.Value.Null || p.Type.Kind != String {
		return "", fmt.Errorf("%s takes its pattern as a literal in quotes", fn.Name)
	}
	return p.Value.S, nil
}

// timeArgument takes a time to write; texts are read as by CAST, as in Flink.
func timeArgument(fn *function, e *Expr) (*Expr, error) {
	switch e.Type.Kind {
	case Null, String:
		return fn.session.coerce(e, Type{Kind: Timestamp})
	}
	return e, nil
}

func resolveWrite(fn *function, args []*Expr, dialect string) (*Expr, error) {
	if len(args) != 2 || !isTime(args[0].Type.Kind) && args[0].Type.Kind != String {
		return nil, noSuchFunction(fn, args)
	}
	pattern, err := patternArgument(fn, args)
	if err != nil {
		return nil, err
	}
	at, err := timeArgument(fn, args[0])
	if err != nil {
		return nil, err
	}
	p, err := compileTimePattern(dialect, pattern)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", fn.Name, err)
	}
	if p.needsZone() && at.Type.Kind != Timestamp {
		return nil, fmt.Errorf("%s: pattern %q: a %s has no offset from UTC", fn.Name, pattern, at.Type)
	}
	out := []*Expr{at, textLiteral(pattern)}
	if at.Type.Kind == Timestamp {
		out = fn.session.withZone(out)
	}
	return &Expr{Op: fn.Name, Type: Type{Kind: String}, Args: out}, nil
}

func writeKernel(dialect string) func(e *Expr) kernel {
	return func(e *Expr) kernel {
		p, err := compileTimePattern(dialect, e.Args[1].valueText())
		if err != nil || e.Args[1].Op != "const" || !isTime(e.Args[0].Type.Kind) {
			return nil
		}
		var w wallTime
		var c zoneCursor
		return zoned(2, func(n *node, rows rowSet, z *Zone) error {
			w.zone = "UTC"
			if z != nil {
				c.set(z)
				w.zone = z.Name()
			}
			v, out := n.in[0], n.outStrings()
			defer out.done()
			return n.each(rows, func(r int32) verdict {
				t := v.wallMicros(r)
				if z != nil {
					offset := c.offsetAt(t)
					t, w.offset = t+offset, offset/microsPerSecond
				}
				w.set(t)
				out.row(r)
				out.v.Data = p.append(out.v.Data, &w)
				return fine
			})
		})
	}
}

// wallMicros is a time, or the midnight of a date.
func (v *Vector) wallMicros(r int32) int64 {
	if v.Type.Kind == Date {
		return int64(v.I32[r]) * microsPerDay
	}
	return v.I64[r]
}

// readDialect finds out what a pattern to read with means.
func readDialect(fn *function, args []*Expr) (pattern, dialect string, err error) {
	if pattern, err = patternArgument(fn, args); err != nil {
		return "", "", err
	}
	if len(args) == 3 {
		d, _ := literal(args[2])
		dialect = strings.ToLower(d.valueText())
		if patternDialects[dialect] == nil {
			return "", "", fmt.Errorf("%s knows the dialects 'java', 'postgresql' and 'c'", fn.Name)
		}
	} else if dialect, err = guessDialect(pattern); err != nil {
		return "", "", fmt.Errorf("%s: %w", fn.Name, err)
	}
	if _, err := readingPattern(dialect, pattern); err != nil {
		return "", "", fmt.Errorf("%s: %w", fn.Name, err)
	}
	return pattern, dialect, nil
}

// guessDialect takes the one dialect in which a pattern can read times, or any when all mean the same.
func guessDialect(pattern string) (string, error) {
	if strings.Contains(pattern, "%") {
		return "", fmt.Errorf("pattern %q: fields with %% are those of strptime", pattern)
	}
	java, notJava := readingPattern("java", pattern)
	postgres, notPostgres := readingPattern("postgresql", pattern)
	switch {
	case notJava != nil && notPostgres != nil:
		return "", fmt.Errorf("%w; as a pattern of PostgreSQL: %w", notJava, errors.Unwrap(notPostgres))
	case notJava != nil:
		return "postgresql", nil
	case notPostgres != nil || slices.EqualFunc(java.merged(), postgres.merged(), readsAlike):
		return "java", nil
	}
	return "", fmt.Errorf("pattern %q means one thing to Java, Spark and Flink (HH is the hour of the day, mm the minute) and another to PostgreSQL (HH is the hour of twelve, mm the month); add 'java' or 'postgresql' as a third argument", pattern)
}

func resolveToTimestamp(fn *function, args []*Expr) (*Expr, error) {
	if len(args) == 1 {
		return resolveInstant(fn, args)
	}
	if len(args) < 2 || len(args) > 3 || implicitCost(args[0].Type.Kind, String) < 0 {
		return nil, noSuchFunction(fn, args)
	}
	return resolveRead(fn, args, Timestamp)
}

// resolveInstant is to_timestamp without a pattern.
func resolveInstant(fn *function, args []*Expr) (*Expr, error) {
	switch k := args[0].Type; {
	case k.Numeric():
		return delegated(fn, args, "timestamp_seconds")
	case k.Kind == String && fn.Name == "try_to_timestamp":
		return nil, errors.New("try_to_timestamp takes a pattern; without one write TRY_CAST(text AS timestamp)")
	case k.Kind == String, isTime(k.Kind):
		return fn.session.instant(args[0])
	}
	return nil, noSuchFunction(fn, args)
}

func resolveToDate(fn *function, args []*Expr) (*Expr, error) {
	if len(args) == 1 && fn.Name == "to_date" {
		return delegated(fn, args, "date")
	}
	if len(args) < 2 || len(args) > 3 || implicitCost(args[0].Type.Kind, String) < 0 {
		return nil, noSuchFunction(fn, args)
	}
	return resolveRead(fn, args, Date)
}

// resolveRead gives the dialect as third argument, and for instants the zone as fourth.
func resolveRead(fn *function, args []*Expr, out Kind) (*Expr, error) {
	pattern, dialect, err := readDialect(fn, args)
	if err != nil {
		return nil, err
	}
	s, err := fn.session.coerce(args[0], Type{Kind: String})
	if err != nil {
		return nil, err
	}
	typed := []*Expr{s, textLiteral(pattern), textLiteral(dialect)}
	if out == Timestamp {
		typed = fn.session.withZone(typed)
	}
	return &Expr{Op: fn.Name, Type: Type{Kind: out}, Args: typed}, nil
}

// kernelPattern is the pattern of a bound function that reads; nil when the expression is none that resolve made.
func kernelPattern(e *Expr) timePattern {
	if len(e.Args) < 3 || patternDialects[e.Args[2].valueText()] == nil {
		return nil
	}
	p, err := readingPattern(e.Args[2].valueText(), e.Args[1].valueText())
	if err != nil {
		return nil
	}
	return p
}

// misfit is the verdict for a text that a pattern cannot read.
func misfit(try bool, text []byte, e *Expr) verdict {
	if try {
		return noValue
	}
	return verdict(fmt.Sprintf("%q does not fit the pattern %q", shortened(text), e.Args[1].Value.S))
}

func readInstantKernel(try bool) func(e *Expr) kernel {
	return func(e *Expr) kernel {
		p := kernelPattern(e)
		if p == nil {
			return nil
		}
		var c zoneCursor
		return zoned(3, func(n *node, rows rowSet, z *Zone) error {
			if z != nil {
				c.set(z)
			}
			dst, v := n.outI64(), n.in[0]
			return n.each(rows, func(r int32) verdict {
				s := v.Str(int(r))
				local, offset, hasOffset, ok := p.read(s)
				switch {
				case !ok:
					return misfit(try, s, e)
				case z == nil || hasOffset:
					dst[r] = local - offset
				default:
					dst[r] = c.instant(local)
				}
				return fine
			})
		})
	}
}

func readDayKernel(try bool) func(e *Expr) kernel {
	return func(e *Expr) kernel {
		p := kernelPattern(e)
		if p == nil {
			return nil
		}
		return smallRows(func(in []*Vector, r int32) (int32, verdict) {
			s := in[0].Str(int(r))
			local, _, _, ok := p.read(s)
			if !ok {
				return 0, misfit(try, s, e)
			}
			return int32(floorDiv(local, microsPerDay)), fine
		})
	}
}

func resolveStrptime(as string) func(fn *function, args []*Expr) (*Expr, error) {
	return func(fn *function, args []*Expr) (*Expr, error) {
		if len(args) != 2 || implicitCost(args[0].Type.Kind, String) < 0 {
			return nil, noSuchFunction(fn, args)
		}
		return fn.session.Call(as, args[0], args[1], textLiteral("c"))
	}
}

const unixPattern = "yyyy-MM-dd HH:mm:ss"

func resolveFromUnixtime(fn *function, args []*Expr) (*Expr, error) {
	if len(args) == 1 {
		args = append(args[:1:1], textLiteral(unixPattern))
	}
	if len(args) != 2 {
		return nil, noSuchFunction(fn, args)
	}
	at, err := fn.session.Call("timestamp_seconds", args[0])
	if err != nil {
		return nil, noSuchFunction(fn, args)
	}
	return fn.session.Call("date_format", at, args[1])
}

func resolveUnixTimestamp(fn *function, args []*Expr) (*Expr, error) {
	switch {
	case len(args) == 0:
		now, err := fn.session.Call("now")
		if err != nil {
			return nil, err
		}
		args = []*Expr{now}
	case len(args) > 2:
		return nil, noSuchFunction(fn, args)
	case args[0].Type.Kind == String:
		if len(args) == 1 {
			args = append(args[:1:1], textLiteral(unixPattern))
		}
		at, err := fn.session.Call("to_timestamp", args[0], args[1], textLiteral("java"))
		if err != nil {
			return nil, err
		}
		args = []*Expr{at}
	}
	if len(args) != 1 || !isTime(args[0].Type.Kind) {
		return nil, noSuchFunction(fn, args)
	}
	at, err := fn.session.instant(args[0])
	if err != nil {
		return nil, err
	}
	return fn.session.Call("unix_seconds", at)
}
