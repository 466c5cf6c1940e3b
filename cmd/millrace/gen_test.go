package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// The record's text is the benchmark's, byte for byte in its order and blanks.
func TestYSBRecord(t *testing.T) {
	got := string(ysbRecord("u", "p", "a", "mail", "view", 1_700_000_000_000))
	want := `{"user_id": "u", "page_id": "p", "ad_id": "a", "ad_type": "mail", "event_type": "view", "event_time": "1700000000000", "ip_address": "1.2.3.4"}`
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// The counts are those of the events themselves, joined with the ads; one seed gives the same events always.
func TestYSBCounts(t *testing.T) {
	g, again, other := newYSB(7), newYSB(7), newYSB(8)
	campaign := map[string]string{}
	for _, line := range g.adLines() {
		ad, c, _ := strings.Cut(line, ",")
		campaign[ad] = c
	}
	counts, differ := map[string]int{}, false
	for i := range 30_000 {
		ms := 1_700_000_000_000 + int64(i)
		event := g.event(ms)
		if string(again.event(ms)) != string(event) {
			t.Fatalf("event %d differs for one seed", i)
		}
		differ = differ || string(other.event(ms)) != string(event)
		var e struct {
			Ad   string `json:"ad_id"`
			Type string `json:"event_type"`
			Time string `json:"event_time"`
		}
		check(t, json.Unmarshal(event, &e))
		at, err := strconv.ParseInt(e.Time, 10, 64)
		check(t, err)
		if e.Type == "view" {
			counts[campaign[e.Ad]+","+strconv.FormatInt(at-at%10_000, 10)]++
		}
	}
	if !differ {
		t.Error("another seed gives the same events")
	}
	lines := g.countLines()
	for _, line := range lines {
		i := strings.LastIndexByte(line, ',')
		if n, _ := strconv.Atoi(line[i+1:]); counts[line[:i]] != n {
			t.Errorf("%s, but %d in the events", line, counts[line[:i]])
		}
	}
	if len(lines) != len(counts) || len(campaign) != ysbAds {
		t.Errorf("%d counts for %d groups, %d ads", len(lines), len(counts), len(campaign))
	}
}

// The flights that are kept with the example go into the topic, and the counts beside it are theirs.
func TestGenFlights(t *testing.T) {
	file, err := filepath.Abs("../../examples/flights/flights.parquet")
	check(t, err)
	s := newScript(t)
	addr := s.broker.ListenAddrs()[0]
	out := s.run("gen flights --records 1000 --partitions 4 --expected expected.csv --file " + file + " --brokers " + addr)
	if !strings.HasPrefix(out, "1000 records to flights (4 partitions)") || !strings.HasSuffix(out, "exit 0\n") {
		t.Fatal(out)
	}
	text, err := os.ReadFile("expected.csv")
	check(t, err)
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	sum := 0
	for _, line := range lines[1:] {
		n, err := strconv.Atoi(line[strings.LastIndexByte(line, ',')+1:])
		check(t, err)
		sum += n
	}
	if lines[0] != "origin,hour,n" || sum != 1000 {
		t.Errorf("header %q, %d flights", lines[0], sum)
	}
	for p := range int32(4) {
		if info := s.broker.PartitionInfo("flights", p); info.HighWatermark != 250 {
			t.Errorf("partition %d holds %d records", p, info.HighWatermark)
		}
	}
	if out := s.run("gen flights --file nowhere.parquet --brokers " + addr); !strings.Contains(out, "open flights: open nowhere.parquet: no such file or directory\nexit 1\n") {
		t.Error(out)
	}
}
