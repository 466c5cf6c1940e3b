package kafka

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// realAnswers are bodies of answers that Apache Kafka 4.2 gave, by kind: name of the request and its version.
func realAnswers(t testing.TB) map[string][][]byte {
	t.Helper()
	names, err := filepath.Glob("testdata/answers/*")
	if err != nil || len(names) < 12 {
		t.Fatalf("%d answers, %v", len(names), err)
	}
	out := map[string][][]byte{}
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		kind := strings.TrimSuffix(filepath.Base(name), filepath.Ext(name))
		if kind != "apiversions-0" {
			data = data[4:] // the throttle time
		}
		out[kind] = append(out[kind], data)
	}
	return out
}

// parsed parses an answer as the request of that kind does, and says how much there is in it.
func parsed(t testing.TB, kind string, body []byte) int {
	t.Helper()
	a := &answer{b: body, flexible: strings.HasPrefix(kind, "fetch") || strings.HasPrefix(kind, "metadata") || strings.HasPrefix(kind, "producers")}
	n, err := 0, error(nil)
	switch kind {
	case "fetch-13":
		var res *FetchAnswer
		if res, err = parseFetch(a); res != nil {
			n = len(res.Records)
		}
	case "metadata-12":
		n, err = len(parseMetadata(a, 12)), a.err
	case "listoffsets-5":
		var found map[partitionKey]listedOffset
		found, err = parseListOffsets(a)
		n = len(found)
	case "epochends-3":
		var found map[partitionKey]listedOffset
		found, err = parseEpochEnds(a)
		n = len(found)
	case "producers-0":
		var found []ActiveProducer
		found, err = parseProducers(a)
		n = len(found)
	case "apiversions-0":
		versions, versionsErr := parseAPIVersions(body)
		n, err = len(versions), versionsErr
	default:
		t.Fatalf("no parser of %s", kind)
	}
	if err != nil {
		return -1
	}
	return n
}

// TestRealAnswers parses what a real broker said, whole and cut short at every byte: only whole answers make sense.
func TestRealAnswers(t *testing.T) {
	kinds := 0
	for kind, bodies := range realAnswers(t) {
		kinds++
		for _, body := range bodies {
			if n := parsed(t, kind, body); n < 1 {
				t.Errorf("%s: an answer of %d bytes holds %d", kind, len(body), n)
			}
			for cut := range len(body) - 2 {
				parsed(t, kind, body[:cut])
			}
			if kind != "fetch-13" { // whose last batch may be cut
				continue
			}
			res, err := parseFetch(&answer{b: body, flexible: true})
			if err != nil {
				t.Fatal(err)
			}
			if next, _, err := Walk(res.Records, 0); err != nil || next == 0 {
				t.Errorf("%s: the batches walk to %d, %v", kind, next, err)
			}
		}
	}
	if kinds != 6 {
		t.Errorf("%d kinds of answers, want 6", kinds)
	}
}

// TestOldRecordFormats: what brokers before Kafka 0.11 wrote is refused by name.
func TestOldRecordFormats(t *testing.T) {
	for magic := range byte(2) {
		p := make([]byte, 40) // an entry of a message set: offset, size, checksum, magic
		p[11], p[batchMagicAt] = 28, magic
		want := "record format " + string('0'+rune(magic)) + ", want 2"
		var b RecordBatch
		if _, err := NextBatch(p, &b); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
		if _, _, err := Walk(p, 0); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("walk: error %v, want %q", err, want)
		}
	}
}
