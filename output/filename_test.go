package output

import "testing"

func TestFileName(t *testing.T) {
	const hash = "5f0c2a9e00000000000000000000000000000000000000000000000000000000"
	for _, test := range []struct {
		job          string
		first, batch int64
		shard, part  int
		want         string
	}{
		{"ad-views", 1, 1, 0, 0, "ad-views-b000000000001-s000-5f0c2a9e.parquet"},
		{"ad-views", 42, 42, 7, 1, "ad-views-b000000000042-s007-001-5f0c2a9e.parquet"},
		{"ad-views", 1234567890123, 1234567890123, 1000, 1000, "ad-views-b1234567890123-s1000-1000-5f0c2a9e.parquet"},
		{"a b/c%d:é", 1, 1, 0, 0, "a%20b%2Fc%25d%3A%C3%A9-b000000000001-s000-5f0c2a9e.parquet"},
		{"_hidden.job_1", 1, 1, 0, 0, "%5Fhidden.job_1-b000000000001-s000-5f0c2a9e.parquet"},
		{"ad-views", 3, 42, 0, 0, "ad-views-b000000000003-000000000042-s000-5f0c2a9e.parquet"},
		{"ad-views", 3, 42, 7, 2, "ad-views-b000000000003-000000000042-s007-002-5f0c2a9e.parquet"},
		{"..", 1, 1, 0, 0, "%2E.-b000000000001-s000-5f0c2a9e.parquet"},
	} {
		got := fileName(BatchInfo{Job: test.job, JobHash: hash, Batch: test.batch}, test.first, test.shard, test.part)
		if got != test.want {
			t.Errorf("job %q: %s, want %s", test.job, got, test.want)
		}
	}
}

func TestIsOfBatch(t *testing.T) {
	for _, test := range []struct {
		job  string
		name string
		want bool
	}{
		{"ad-views", "ad-views-b000000000042-s000-5f0c2a9e.parquet", true},
		{"ad-views", "ad-views-b000000000042-s007-012-5f0c2a9e.parquet", true},
		{"ad-views", "ad-views-b000000000042-s1000-1000-ffffffff.parquet", true},
		{"ad-views", "ad-views-b000000000041-s000-5f0c2a9e.parquet", false},
		{"ad-views", "ad-views-b000000000003-000000000042-s000-5f0c2a9e.parquet", true},
		{"ad-views", "ad-views-b000000000003-000000000042-s007-012-5f0c2a9e.parquet", true},
		{"ad-views", "ad-views-b000000000042-000000000043-s000-5f0c2a9e.parquet", false},
		{"x-b000000000001", "x-b000000000001-b000000000042-s000-5f0c2a9e.parquet", true},
		{"x", "x-b000000000001-b000000000042-s000-5f0c2a9e.parquet", false},
		{"ad-views", "ad-views-b0000000000421-s000-5f0c2a9e.parquet", false},
		{"ad-views", "all-ad-views-b000000000042-s000-5f0c2a9e.parquet", false},
		{"views", "ad-views-b000000000042-s000-5f0c2a9e.parquet", false},
		{"ad", "ad-views-b000000000042-s000-5f0c2a9e.parquet", false},
		{"a b", "a%20b-b000000000042-s000-5f0c2a9e.parquet", true},
		{"x", "x-b000000000042-s000-b000000000001-s000-5f0c2a9e.parquet", false},
		{"x-b000000000042-s000", "x-b000000000042-s000-b000000000001-s000-5f0c2a9e.parquet", false},
		{"x-b000000000001-s000", "x-b000000000001-s000-b000000000042-s000-5f0c2a9e.parquet", true},
		{"ad-views", "ad-views-b000000000042-s000-5f0c2a9e.parquet.part", false},
		{"ad-views", "ad-views-b000000000042-notes.parquet", false},
	} {
		if got := isOfBatch(test.name, BatchInfo{Job: test.job, Batch: 42}); got != test.want {
			t.Errorf("%s of job %s, batch 42: %t", test.name, test.job, got)
		}
	}
}

func TestManifestBatch(t *testing.T) {
	for name, want := range map[string]int64{
		"_millrace/manifest/000000000001.json":   1,
		"_millrace/manifest/1234567890123.json":  1234567890123,
		"_millrace/manifest/1.json":              0,
		"_millrace/manifest/000000000000.json":   0,
		"_millrace/manifest/000000000001":        0,
		"_millrace/manifest/x/000000000001.json": 0,
		"_millrace/manifest/-00000000001.json":   0,
	} {
		if got := manifestBatch(name); got != want {
			t.Errorf("manifestBatch(%q) = %d, want %d", name, got, want)
		}
	}
}
