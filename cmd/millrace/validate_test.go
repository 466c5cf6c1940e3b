package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
)

// The text for each broken file stands in testdata/broken.golden; every file has one.
func TestValidateBroken(t *testing.T) {
	golden, err := filepath.Abs("testdata/broken.golden")
	check(t, err)
	t.Chdir("testdata/broken")
	dir, err := os.Getwd()
	check(t, err)
	want := map[string]bool{}
	for _, f := range glob(t, "*.yaml") {
		want[f] = true
	}
	if len(want) < 10 {
		t.Fatalf("%d broken files", len(want))
	}
	datadriven.RunTest(t, golden, func(t *testing.T, d *datadriven.TestData) string {
		var out, errs bytes.Buffer
		file := arg(t, d, "file")
		delete(want, file)
		code := run(context.Background(), []string{"validate", file}, &out, &errs)
		return strings.ReplaceAll(transcript(out.String(), errs.String(), code), dir, "DIR")
	})
	for f := range want {
		t.Errorf("%s is not in %s", f, golden)
	}
}

// The files are the examples of one job with one mistake each, so that what makes them wrong is what the text says.
func TestValidateExample(t *testing.T) {
	text, err := os.ReadFile("testdata/broken/unknown_key.yaml")
	check(t, err)
	dir := t.TempDir()
	write(t, filepath.Join(dir, "ads.csv"), "ad_id,campaign_id")
	write(t, filepath.Join(dir, "job.yaml"), strings.Replace(string(text), "max_disoder", "max_disorder", 1))
	var out, errs bytes.Buffer
	if code := run(context.Background(), []string{"validate", filepath.Join(dir, "job.yaml")}, &out, &errs); code != exitDone {
		t.Errorf("exit %d: %s", code, errs.String())
	}
}
