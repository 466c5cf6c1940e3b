package output_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/output"
	"github.com/millrace/millrace/output/outputtest"
)

func TestStdout(t *testing.T) {
	var out bytes.Buffer
	sink, err := output.NewStdout("screen", &out, flat(allKinds))
	if err != nil {
		t.Fatal(err)
	}
	b := outputtest.Batch(allKinds,
		outputtest.Row{int64(1_700_000_000_500_000), "<a> \"ü\"\n", int64(-1), true, 1.5, int64(7), []byte{0, 255}, int64(20779)},
		outputtest.Row{int64(0), "not selected", int64(0), true, 0.0, int64(0), []byte{}, int64(0)},
		outputtest.Row{nil, nil, nil, nil, nil, nil, nil, nil},
		outputtest.Row{int64(0), "", int64(1) << 60, false, math.Inf(-1), int64(-7), []byte{}, int64(-1)})
	b.Sel = []int32{0, 2, 3}
	ctx := context.Background()
	pr, err := sink.Prepare(ctx, outputtest.Info(1), []output.Shard{{Rows: []*columnar.Batch{b}}}, nil)
	if err != nil || pr.Rows != 3 || out.Len() != 0 {
		t.Fatalf("prepare: %d rows, %v, %d bytes printed; want 3 rows and nothing printed", pr.Rows, err, out.Len())
	}
	for range 2 {
		if err := sink.Publish(ctx, pr); err != nil {
			t.Fatal(err)
		}
	}
	want := `{"timestamp":"2023-11-14T22:13:20.5Z","string":"<a> \"ü\"\n","bigint":-1,"boolean":true,"double":1.5,"int":7,"binary":"AP8=","date":"2026-11-22"}
{"timestamp":null,"string":null,"bigint":null,"boolean":null,"double":null,"int":null,"binary":null,"date":null}
{"timestamp":"1970-01-01T00:00:00Z","string":"","bigint":1152921504606846976,"boolean":false,"double":"-Infinity","int":-7,"binary":"","date":"1969-12-31"}
`
	if out.String() != want {
		t.Errorf("printed\n%swant\n%s", out.String(), want)
	}
	for line := range strings.Lines(out.String()) {
		if !json.Valid([]byte(line)) {
			t.Errorf("no JSON: %s", line)
		}
	}
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, errors.New("broken pipe") }

func TestStdoutBroken(t *testing.T) {
	sink, err := output.NewStdout("screen", brokenWriter{}, flat(allKinds))
	if err != nil {
		t.Fatal(err)
	}
	pr, err := sink.Prepare(context.Background(), outputtest.Info(1), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := sink.Publish(context.Background(), pr); err == nil || err.Error() != "sink screen: print: broken pipe" {
		t.Errorf("publish: %v", err)
	}
}
