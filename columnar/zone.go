package columnar

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sort"
	"time"
	_ "time/tzdata" // so that zones are known on machines without a zone database
)

// Zone is the rules of one time zone as a table: from which instant on which offset from UTC holds. It is a value of its
// own, and not a time.Location, because the rules of a zone change with the zone database: a batch that runs again must
// use those that it was planned with, so they are written down by [Zone.Encode].
type Zone struct {
	name    string
	starts  []int64 // µs since the epoch, ascending; starts[0] = math.MinInt64
	offsets []int64 // µs east of UTC from starts[i] on
}

// The table covers these years; before and behind them the first and the last offset hold.
const (
	zoneFirstYear = 1880
	zoneLastYear  = 2500
)

var bundledZones intern[*Zone] // by name

// LoadZone returns the rules that the binary knows for a zone of the IANA database such as Europe/Berlin, or for UTC.
func LoadZone(name string) (*Zone, error) {
	if z, ok := bundledZones.get(name); ok {
		return z, nil
	}
	if name == "" || name == "Local" {
		return nil, fmt.Errorf("unknown time zone %q", name)
	}
	loc, err := time.LoadLocation(name)
	if err != nil {
		return nil, fmt.Errorf("unknown time zone %q", name)
	}
	return bundledZones.keep(name, tabulate(name, loc)), nil
}

// tabulate asks a location for all changes of its offset.
func tabulate(name string, loc *time.Location) *Zone {
	z := &Zone{name: name}
	at := time.Date(zoneFirstYear, 1, 1, 0, 0, 0, 0, time.UTC).In(loc)
	for last := time.Date(zoneLastYear, 1, 1, 0, 0, 0, 0, time.UTC); ; {
		_, offset := at.Zone()
		z.add(at.UnixMicro(), int64(offset)*microsPerSecond)
		_, end := at.ZoneBounds()
		if end.IsZero() || end.After(last) {
			break
		}
		if !end.After(at) { // package time gives the last day of a leap year as a period of no length
			end = at.Add(time.Hour)
		}
		at = end
	}
	z.starts[0] = -1 << 63
	return z
}

// add appends a change; one that keeps the offset, as when only the name of the zone changes, is none.
func (z *Zone) add(start, offset int64) {
	if n := len(z.offsets); n == 0 || z.offsets[n-1] != offset {
		z.starts, z.offsets = append(z.starts, start), append(z.offsets, offset)
	}
}

// Name is the name that the zone was loaded by.
func (z *Zone) Name() string { return z.name }

// OffsetAt is how many µs wall clocks in the zone are ahead of UTC at an instant, and the instants, from inclusive to
// exclusive, between which that is so.
func (z *Zone) OffsetAt(instant int64) (offset, from, until int64) {
	i := sort.Search(len(z.starts), func(i int) bool { return z.starts[i] > instant }) - 1
	until = 1<<63 - 1
	if i+1 < len(z.starts) {
		until = z.starts[i+1]
	}
	return z.offsets[i], z.starts[i], until
}

// Instant is when wall clocks in the zone show a local time. Of a time that they show twice it is the second; one that
// they skip is read with the offset before the gap, so 02:30 becomes 03:30. Both are as in PostgreSQL and DuckDB.
func (z *Zone) Instant(local int64) int64 {
	before, _, change := z.OffsetAt(local - microsPerDay)
	if change == 1<<63-1 {
		return local - before
	}
	after, _, _ := z.OffsetAt(change)
	if t := local - after; t >= change {
		return t
	}
	return local - before
}

// zoneVersion is the first byte of an encoded zone.
const zoneVersion = 1

// Encode writes the zone down: version, then for each change its instant and its offset, eight bytes each, little-endian.
// Equal rules have equal bytes.
func (z *Zone) Encode() []byte {
	out := []byte{zoneVersion}
	for i := range z.starts {
		out = binary.LittleEndian.AppendUint64(out, uint64(z.starts[i]))
		out = binary.LittleEndian.AppendUint64(out, uint64(z.offsets[i]))
	}
	return out
}

// DecodeZone is the inverse of [Zone.Encode].
func DecodeZone(name string, data []byte) (*Zone, error) {
	if len(data) < 17 || data[0] != zoneVersion || len(data)%16 != 1 {
		return nil, fmt.Errorf("rules of time zone %q: %d bytes that are no zone of version %d", name, len(data), zoneVersion)
	}
	z := &Zone{name: name}
	for p := data[1:]; len(p) > 0; p = p[16:] {
		z.starts = append(z.starts, int64(binary.LittleEndian.Uint64(p)))
		z.offsets = append(z.offsets, int64(binary.LittleEndian.Uint64(p[8:])))
	}
	if z.starts[0] != -1<<63 || !sort.SliceIsSorted(z.starts, func(i, j int) bool { return z.starts[i] < z.starts[j] }) {
		return nil, errors.New("rules of time zone " + name + ": not in order")
	}
	return z, nil
}

// Zone is the zone by name: the recorded rules, or else those of the binary.
func (e *Env) Zone(name string) (*Zone, error) {
	if e != nil {
		if z, ok := e.Zones[name]; ok {
			return z, nil
		}
	}
	return LoadZone(name)
}
