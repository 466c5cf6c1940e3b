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
	for ms := int64(1_700_000_000_000); e.Bytes < bytes; {
		run := offsets.Records{Topic: "ad-events", Buf: make([]byte, 0, runBytes+1024)}
		for len(run.Buf) < runBytes && e.Bytes < bytes {
			n := len(run.Buf)
			run.Buf = g.record(run.Buf, e, ms+int64(e.Records)/100, int64(e.Records))
			run.Rows = append(run.Rows, g.row)
			e.Records++
			e.Bytes += int64(len(run.Buf) - n - g.head)
		}
		run.Buf = append(run.Buf, make([]byte, offsets.Slack)...)[:len(run.Buf)]
		e.Runs = append(e.Runs, run)
	}
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

	row  offsets.Record // the last one made
	head int            // the bytes in front of and behind its value
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

// record appends a record, with as many bytes around its value as Kafka's format has there, and counts it.
func (g *generator) record(b []byte, e *Events, ms, offset int64) []byte {
	x := g.r.Uint64()
	ad, kind := g.ads[x%1000], kinds[x>>20%3]
	if kind == "view" {
		e.Views[Group{ad.Campaign, ms / windowMs * windowMs}]++
	}
	b = append(b, "record, "...) // length, attributes, timestamp, offset, no key, length of the value
	from := len(b)
	for _, f := range [...][2]string{{`{"user_id": "`, g.users[x>>40%100]}, {`", "page_id": "`, g.pages[x>>50%100]}, {`", "ad_id": "`, ad.ID},
		{`", "ad_type": "`, adTypes[x>>32%5]}, {`", "event_type": "`, kind}, {`", "event_time": "`, ""}} {
		b = append(append(b, f[0]...), f[1]...)
	}
	b = append(strconv.AppendInt(b, ms, 10), `", "ip_address": "1.2.3.4"}`...)
	to := len(b)
	b = append(b, 0) // no headers
	g.head = 9
	g.row = offsets.Record{
		Offset: offset, Timestamp: ms, Key: offsets.Span{Len: -1},
		Value:   offsets.Span{Start: int32(from), Len: int32(to - from)},
		Headers: offsets.Span{Start: int32(to), Len: 1},
	}
	return b
}
