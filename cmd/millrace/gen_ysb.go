package main

import (
	"bufio"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"

	"github.com/urfave/cli/v2"
)

func genYSBCommand() *cli.Command {
	return &cli.Command{
		Name:  "ysb",
		Usage: "events of the Yahoo Streaming Benchmark, seeded; record texts as its generator writes them",
		Flags: append(targetFlags("ad-events"),
			&cli.IntFlag{Name: "records", Value: 1_000_000, Usage: "events, without the sentinels"},
			&cli.Uint64Flag{Name: "seed", Value: 1, Usage: "same seed, same events"},
			&cli.Int64Flag{Name: "start", Value: 1_700_000_000_000, Usage: "event time of the first event, epoch `ms`"},
			&cli.IntFlag{Name: "per-ms", Value: 100, Usage: "events per ms of event time"},
			&cli.BoolFlag{Name: "sentinel", Value: true, Usage: "end each partition with an event an hour later that joins to no ad, so that every window closes"},
			&cli.StringFlag{Name: "ads", Usage: "write the ads of the events to this CSV `file`: ad_id,campaign_id"},
			&cli.StringFlag{Name: "expected", Usage: "write the true counts of views to this CSV `file`: campaign_id,w,n with w = window start in ms"},
		),
		Action: genYSB,
	}
}

const (
	ysbAds         = 1000
	ysbPerCampaign = 10
	ysbWindowMs    = 10_000
)

var (
	ysbAdTypes    = []string{"banner", "modal", "sponsored-search", "mail", "mobile"}
	ysbEventTypes = []string{"view", "click", "purchase"}
)

// ysb generates events. Everything follows from the seed.
type ysb struct {
	r                            *rand.Rand
	ads, campaigns, users, pages []string
	counts                       map[ysbKey]int64
}

type ysbKey struct {
	campaign int
	window   int64 // start, ms
}

func newYSB(seed uint64) *ysb {
	g := &ysb{r: rand.New(rand.NewPCG(seed, 0x79736221)), counts: map[ysbKey]int64{}}
	g.ads = uuids(g.r, ysbAds)
	g.campaigns = uuids(g.r, ysbAds/ysbPerCampaign)
	g.users, g.pages = uuids(g.r, 100), uuids(g.r, 100)
	return g
}

func uuids(r *rand.Rand, n int) []string {
	out := make([]string, n)
	for i := range out {
		a, b := r.Uint64(), r.Uint64()
		out[i] = fmt.Sprintf("%08x-%04x-%04x-%04x-%012x", uint32(a>>32), uint16(a>>16), uint16(a), uint16(b>>48), b&0xffff_ffff_ffff)
	}
	return out
}

// event makes the next event and counts it if it is a view.
func (g *ysb) event(ms int64) []byte {
	x := g.r.Uint64()
	ad, kind := int(x%ysbAds), int(x>>20%3)
	if kind == 0 {
		g.counts[ysbKey{ad / ysbPerCampaign, ms / ysbWindowMs * ysbWindowMs}]++
	}
	return ysbRecord(g.users[x>>40%100], g.pages[x>>50%100], g.ads[ad], ysbAdTypes[x>>32%5], ysbEventTypes[kind], ms)
}

func ysbRecord(user, page, ad, adType, eventType string, ms int64) []byte {
	b := make([]byte, 0, 288)
	for _, f := range [...]struct{ name, value string }{
		{`{"user_id": "`, user}, {`", "page_id": "`, page}, {`", "ad_id": "`, ad}, {`", "ad_type": "`, adType},
		{`", "event_type": "`, eventType}, {`", "event_time": "`, ""},
	} {
		b = append(append(b, f.name...), f.value...)
	}
	b = strconv.AppendInt(b, ms, 10)
	return append(b, `", "ip_address": "1.2.3.4"}`...)
}

func genYSB(c *cli.Context) error {
	records, perMs := c.Int("records"), int64(c.Int("per-ms"))
	if records < 0 || perMs < 1 {
		return usage("--records must be at least 0 and --per-ms at least 1")
	}
	g := newYSB(c.Uint64("seed"))
	if err := writeLines(c.String("ads"), "ad_id,campaign_id", g.adLines()); err != nil {
		return err
	}
	p, err := newProducer(c.Context, c)
	if err != nil {
		return err
	}
	start := c.Int64("start")
	for i := range records {
		p.send(c.Context, int32(i)%p.partitions, g.event(start+int64(i)/perMs))
	}
	if c.Bool("sentinel") {
		for i := range p.partitions {
			p.send(c.Context, i, ysbRecord(g.users[0], g.pages[0], "sentinel", "mail", "view", start+int64(records)/perMs+3_600_000))
		}
	}
	if err := p.finish(c.Context, c); err != nil {
		return err
	}
	return writeLines(c.String("expected"), "campaign_id,w,n", g.countLines())
}

func (g *ysb) adLines() []string {
	var out []string
	for i, ad := range g.ads {
		out = append(out, ad+","+g.campaigns[i/ysbPerCampaign])
	}
	return out
}

func (g *ysb) countLines() []string {
	keys := slices.SortedFunc(maps.Keys(g.counts), func(a, b ysbKey) int {
		if a.window != b.window {
			return int(a.window - b.window)
		}
		return a.campaign - b.campaign
	})
	var out []string
	for _, k := range keys {
		out = append(out, fmt.Sprintf("%s,%d,%d", g.campaigns[k.campaign], k.window, g.counts[k]))
	}
	return out
}

// writeLines writes a header and lines to a file; no name, no file.
func writeLines(name, header string, lines []string) error {
	if name == "" {
		return nil
	}
	f, err := os.Create(name)
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	w := bufio.NewWriter(f)
	fmt.Fprintln(w, header)
	for _, l := range lines {
		fmt.Fprintln(w, l)
	}
	if err := w.Flush(); err != nil {
		f.Close()
		return fmt.Errorf("write %s: %w", name, err)
	}
	return f.Close()
}
