package limit

import (
	"fmt"
	"math/rand/v2"
	"strconv"

	"github.com/millrace/millrace/offsets"
)

// Ad is a row of the table that events are joined with.
type Ad struct{ ID, Campaign string }

// Group is a window of a campaign.
type Group struct {
	Campaign string
	StartMs  int64
}

// Events are events of the Yahoo Streaming Benchmark in memory, about 253 bytes of JSON each, uncompressed.
type Events struct {
	Runs    []offsets.Records // of one partition, in their order; each about a fetched record batch
	Records int
	Bytes   int64 // of the values
	Ads     []Ad
	Views   map[Group]int64 // the true counts
}

// runBytes is how large the runs of [Events] are: a producer's record batch, decompressed.
const runBytes = 128 << 10

// NewEvents returns seeded events of at least so many bytes.
func NewEvents(seed uint64, bytes int64) *Events {
	g := newGenerator(seed)
	e := &Events{Ads: g.ads, Views: map[Group]int64{}}
	e.fill(bytes, func(b []byte) []byte { return g.record(b, e, 1_700_000_000_000+int64(e.Records)/100) })
	return e
}

// Each gives the values of all records to do, one after the other.
func (e *Events) Each(do func(value []byte)) {
	for i := range e.Runs {
		run := &e.Runs[i]
		for k := range run.Rows {
			v := run.Rows[k].Value
			do(run.Buf[v.Start : v.Start+v.Len])
		}
	}
}

type generator struct {
	r            *rand.Rand
	ads          []Ad
	users, pages []string
}

func newGenerator(seed uint64) *generator {
	g := &generator{r: rand.New(rand.NewPCG(seed, 0x6c696d6974))}
	var campaigns []string
	for range 100 {
		campaigns = append(campaigns, g.uuid())
		g.users, g.pages = append(g.users, g.uuid()), append(g.pages, g.uuid())
	}
	for i := range 1000 {
		g.ads = append(g.ads, Ad{g.uuid(), campaigns[i/10]})
	}
	return g
}

func (g *generator) uuid() string {
	a, b := g.r.Uint64(), g.r.Uint64()
	return fmt.Sprintf("%08x-%04x-%04x-%04x-%012x", uint32(a>>32), uint16(a>>16), uint16(a), uint16(b>>48), b&0xffff_ffff_ffff)
}

var (
	adTypes = [...]string{"banner", "modal", "sponsored-search", "mail", "mobile"}
	kinds   = [...]string{"view", "click", "purchase"}
)

// record appends an event and counts it.
func (g *generator) record(b []byte, e *Events, ms int64) []byte {
	x := g.r.Uint64()
	ad, kind := g.ads[x%1000], kinds[x>>20%3]
	if kind == "view" {
		e.Views[Group{ad.Campaign, ms / windowMs * windowMs}]++
	}
	for _, f := range [...][2]string{{`{"user_id": "`, g.users[x>>40%100]}, {`", "page_id": "`, g.pages[x>>50%100]}, {`", "ad_id": "`, ad.ID},
		{`", "ad_type": "`, adTypes[x>>32%5]}, {`", "event_type": "`, kind}, {`", "event_time": "`, ""}} {
		b = append(append(b, f[0]...), f[1]...)
	}
	return append(strconv.AppendInt(b, ms, 10), `", "ip_address": "1.2.3.4"}`...)
}

// fill lays out records until they have so many bytes. record appends one.
func (e *Events) fill(bytes int64, record func(b []byte) []byte) {
	for e.Bytes < bytes {
		run := offsets.Records{Topic: "ad-events", Buf: make([]byte, 0, runBytes+1024)}
		for len(run.Buf) < runBytes && e.Bytes < bytes {
			run.Buf = append(run.Buf, "record, "...) // length, attributes, timestamp, offset, no key, length of the value
			from := len(run.Buf)
			run.Buf = record(run.Buf)
			to := len(run.Buf)
			run.Buf = append(run.Buf, 0) // no headers
			run.Rows = append(run.Rows, offsets.Record{
				Offset: int64(e.Records), Timestamp: 1_700_000_000_000 + int64(e.Records)/100, Key: offsets.Span{Len: -1},
				Value: offsets.Span{Start: int32(from), Len: int32(to - from)}, Headers: offsets.Span{Start: int32(to), Len: 1},
			})
			e.Records++
			e.Bytes += int64(to - from)
		}
		run.Buf = append(run.Buf, make([]byte, offsets.Slack)...)[:len(run.Buf)]
		e.Runs = append(e.Runs, run)
	}
}
