package columnar

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow/ipc"

	"github.com/millrace/millrace/integration/arrowtest"
)

// arrowStream is a batch as Arrow's own writer sees it.
func arrowStream(t *testing.T, b *Batch) []byte {
	t.Helper()
	mem := checkedAllocator(t)
	rec, err := ToArrow(b, mem)
	if err != nil {
		t.Fatal(err)
	}
	defer rec.Release()
	var out bytes.Buffer
	w := ipc.NewWriter(&out, ipc.WithSchema(rec.Schema()), ipc.WithAllocator(mem))
	if err := w.Write(rec); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// madeBatches are batches as decoders and operators yield them.
func madeBatches(t *testing.T) []*Batch {
	t.Helper()
	var records []string
	for i := range 100 {
		records = append(records, fmt.Sprintf(`{"ad_id": "ä%d\u00e9", "event_type": %s, "event_time": "%d"}`, i, []string{`"view"`, "null", `"click"`, `"vi\nw"`, "{"}[i%5], 1_700_000_000_000+i))
	}
	decoded, bad := appendFlush(newDecoder(t, ysbThree), recordsOf(records...))
	if decoded.Rows != 80 || len(bad) != 20 {
		t.Fatalf("%d rows, %d bad records", decoded.Rows, len(bad))
	}
	out := []*Batch{decoded}
	r := newRand(t)
	for range 20 {
		b := arrowBatch(r, r.IntN(60))
		if r.IntN(2) == 0 {
			randomSel(r, b)
		}
		rows := selected(b)
		out = append(out, b, Concat([]*Batch{b, b}), Take(b, rows[:len(rows)/2]))
	}
	values := recordRandom{Rand: r, span: 50, widths: [2]int{8, 12}, odd: true}
	for range 10 {
		h := NewHashAggregate(recordSchema, values.spec())
		if err := h.Add(values.batch(200)); err != nil {
			t.Fatal(err)
		}
		out = append(out, Take(h.Partial(), (&frame{}).identity(h.Groups())), final(t, h))
	}
	return out
}

// TestArrowValidates has the reference implementation validate columns as they are handed to Go programs, and blocks of state.
func TestArrowValidates(t *testing.T) {
	arrowtest.Need(t)
	var streams [][]byte
	var want []int
	for _, b := range madeBatches(t) {
		block, err := EncodeIPC(b)
		if err != nil {
			t.Fatal(err)
		}
		streams, want = append(streams, arrowStream(t, b), block), append(want, b.Len(), b.Len())
	}
	got, complaint := arrowtest.Validate(t, streams)
	if complaint != "" || fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("Arrow reads %v rows, want %v\n%s", got, want, complaint)
	}
}

// TestArrowRefuses: the reference implementation finds text that is not UTF-8, and offsets that go back.
func TestArrowRefuses(t *testing.T) {
	arrowtest.Need(t)
	for _, c := range []struct {
		damage func(v *Vector)
		want   string
	}{
		{func(v *Vector) { v.Data[1] = 0xff }, "UTF8"},
		{func(v *Vector) { v.Off[1] = 5 }, "offset"},
	} {
		col := NewBuilder(Type{Kind: String})
		for _, s := range []string{"ab", "c", "d"} {
			col.AppendString(s)
		}
		b := &Batch{Schema: NewSchema(Field{"s", Type{Kind: String}}), Rows: 3, Cols: []*Vector{col.Vector()}}
		c.damage(b.Cols[0])
		if _, complaint := arrowtest.Validate(t, [][]byte{arrowStream(t, b)}); !strings.Contains(strings.ToLower(complaint), strings.ToLower(c.want)) {
			t.Errorf("Arrow says %q, want something about %s", complaint, c.want)
		}
	}
}
