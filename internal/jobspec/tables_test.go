package jobspec

import (
	"bytes"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"

	"github.com/millrace/millrace/batch"
	"github.com/millrace/millrace/columnar"
)

// Times in a table that name no zone are in the zone of the job, by the rules that the plan recorded.
func TestTableZone(t *testing.T) {
	instants := Table{Name: "ads", CSV: "ads.csv", Columns: []Column{{Name: "at", Type: "timestamp"}}}
	in := instants.input("Asia/Tokyo", nil)
	if !slices.Equal(in.Zones, []string{"Asia/Tokyo"}) {
		t.Errorf("zones %v", in.Zones)
	}
	b, err := in.Decode([]byte("at\n2026-11-22 09:00:00\n"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := b.Cols[0].I64[0], time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC).UnixMicro(); got != want {
		t.Errorf("%d, want %d", got, want)
	}
	utc, err := columnar.LoadZone("UTC")
	if err != nil {
		t.Fatal(err)
	}
	b, err = in.Decode([]byte("at\n2026-11-22 09:00:00\n"), &columnar.Env{Zones: map[string]*columnar.Zone{"Asia/Tokyo": utc}})
	if err != nil || b.Cols[0].I64[0] != time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC).UnixMicro() {
		t.Errorf("by recorded rules: %d, %v", b.Cols[0].I64[0], err)
	}
	words := Table{Name: "ads", CSV: "ads.csv", Columns: []Column{{Name: "ad", Type: "string"}}}
	if zones := words.input("Asia/Tokyo", nil).Zones; zones != nil {
		t.Errorf("a table without times asks for %v", zones)
	}
	if zones := instants.input("UTC", nil).Zones; zones != nil {
		t.Errorf("UTC asks for %v", zones)
	}
}

// parquetAd is a row of a table; its types have names that must be read again from a recorded job.
type parquetAd struct {
	AdID     string           `parquet:"ad_id"`
	Campaign string           `parquet:"campaign_id"`
	Price    int64            `parquet:"price,decimal(2:18)"`
	Tags     []string         `parquet:"tags,list"`
	Extra    map[string]int32 `parquet:"extra"`
	Size     struct {
		Width int16 `parquet:"w"`
	} `parquet:"size"`
}

func writeAds(t *testing.T, ads ...parquetAd) {
	t.Helper()
	var out bytes.Buffer
	if err := parquet.Write(&out, ads); err != nil {
		t.Fatal(err)
	}
	write(t, "ads.parquet", out.String())
}

func decodeAds(t *testing.T, job *batch.Job) (*columnar.Batch, error) {
	t.Helper()
	table := job.Tables["ads"]
	data, err := table.Read()
	if size, sizeErr := table.Size(); size != int64(len(data)) || sizeErr != nil {
		t.Errorf("a file of %d bytes is said to have %d: %v", len(data), size, sizeErr)
	}
	if err != nil {
		t.Fatal(err)
	}
	return table.Decode(data, nil)
}

// A Parquet table has the columns of its file; a recorded job keeps them when the file becomes another.
func TestParquetTable(t *testing.T) {
	workDir(t)
	writeAds(t, parquetAd{AdID: "a", Campaign: "c", Price: 150, Tags: []string{"x"}, Extra: map[string]int32{"k": 1}})
	s, job := mustJob(t, replaced(t, viewsJob, "{csv: ads.csv, columns: {ad_id: string, campaign_id: string}}", "{parquet: ads.parquet}"))
	const columns = "ad_id string, campaign_id string, price decimal(18,2), tags array<string>, extra map<string, int>, size struct<w smallint>"
	check := func(job *batch.Job) {
		t.Helper()
		b, err := decodeAds(t, job)
		if err != nil {
			t.Fatal(err)
		}
		if got := b.Schema.String(); got != columns || b.Rows != 1 {
			t.Errorf("%d rows of %s\nwant %s", b.Rows, got, columns)
		}
	}
	check(job)
	if err := os.Remove("ads.parquet"); err != nil {
		t.Fatal(err)
	}
	again, err := s.Resolve(job.Recorded)
	if err != nil {
		t.Fatal(err)
	}
	writeAds(t, parquetAd{AdID: "b"})
	check(again)
	if again.Hash != job.Hash {
		t.Errorf("hash %.8s, recorded %.8s", again.Hash, job.Hash)
	}
}

func TestParquetTableFaults(t *testing.T) {
	workDir(t)
	writeAds(t, parquetAd{AdID: "a"})
	declared := func(columns string) string {
		return replaced(t, viewsJob, "csv: ads.csv, columns: {ad_id: string, campaign_id: string}", "parquet: ads.parquet, columns: {"+columns+"}")
	}
	_, job := mustJob(t, declared("ad_id: string, campaign_id: {type: string, path: campaign}"))
	_, err := decodeAds(t, job)
	if want := `did you mean "campaign_id"?`; err == nil || !strings.Contains(Explain(err), want) {
		t.Errorf("got %v, want %s", err, want)
	}
	for columns, want := range map[string]string{
		"ad_id: string, campaign_id: {type: string, path: campain_id}": `job.yaml:11:56: tables.ads: DIR/ads.parquet: column "campaign_id": the file has no column "campain_id"; the columns are ad_id, campaign_id, price, tags, extra, size`,
		"ad_id: string, campaign_id: string, price: date":              `job.yaml:11:77: tables.ads: DIR/ads.parquet: column "price": the file has a decimal(18,2) there, which becomes no date: declare decimal(18,2)`,
		"ad_id: string, campaign_id: string":                           "",
	} {
		s, _ := mustJob(t, declared(columns))
		if got, _, _ := strings.Cut(shownIn(t, s.CheckTables()), "\n"); got != want {
			t.Errorf("%s:\n%s\nwant\n%s", columns, got, want)
		}
	}
	write(t, "ads.parquet", "no Parquet")
	_, err = load(t, replaced(t, viewsJob, "csv: ads.csv, columns: {ad_id: string, campaign_id: string}", "parquet: ads.parquet"))
	if err == nil || !strings.HasPrefix(Explain(err), "job.yaml:11:18: tables.ads: ") || !strings.Contains(Explain(err), "/ads.parquet: this is not a Parquet file") {
		t.Errorf("got %s", Explain(err))
	}
}

// shownIn is an error without the name of the directory.
func shownIn(t *testing.T, err error) string {
	t.Helper()
	if err == nil {
		return ""
	}
	dir, _ := os.Getwd()
	return strings.ReplaceAll(Explain(err), dir, "DIR")
}
