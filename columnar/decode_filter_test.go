package columnar

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/millrace/millrace/offsets"
)

func mustCast(t testing.TB, e *Expr, k Kind) *Expr {
	t.Helper()
	out, err := Cast(e, Type{Kind: k})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestCheapTest(t *testing.T) {
	fields := parseFields(t, "s string\nl bigint\nb boolean\nday date\nd double\ndec decimal(10,3)\narr array<bigint>\nsmall smallint\n_partition int\n_topic string\nbin binary")
	schema := &Schema{}
	for _, f := range fields {
		schema.Fields = append(schema.Fields, f.Field)
	}
	c := func(name string) *Expr { return Col(schema, schema.Index(name)) }
	str, num := text, bigint
	call := func(op string, args ...*Expr) *Expr { return mustCall(t, op, args...) }
	null := Const(Type{Kind: String}, Value{Null: true})
	many := []*Expr{c("l")}
	for i := range int64(mostLiterals + 1) {
		many = append(many, num(i))
	}
	for _, test := range []struct {
		what string
		e    *Expr
		want bool
	}{
		{"a string with a literal", call("=", c("s"), str("view")), true},
		{"a literal with a string", call("=", str("view"), c("s")), true},
		{"a string with another one", call("<>", c("s"), str("a longer literal than a word")), true},
		{"a list", call("in", c("s"), str("a"), str("b")), true},
		{"none of a list", call("not", call("in", c("l"), num(1), num(2))), true},
		{"an order of integers", call("<", c("l"), num(7)), true},
		{"a cast to a bigint", call("<", mustCast(t, c("small"), Int64), num(7)), true},
		{"a cast that may fail", call("=", mustCast(t, c("s"), Int64), num(7)), false},
		{"nothing is less", call("<", c("l"), num(math.MinInt64)), false},
		{"a day", call("=", c("day"), Const(Type{Kind: Date}, Value{I: 19000})), true},
		{"a boolean", c("b"), true},
		{"not a boolean", call("not", c("b")), true},
		{"a boolean with a literal", call("<>", c("b"), Const(Type{Kind: Bool}, Value{I: 1})), true},
		{"IS TRUE", call("istrue", c("b")), true},
		{"NOT of IS TRUE, which NULL is", call("not", call("istrue", c("b"))), false},
		{"IS NOT TRUE, which NULL is", call("isnottrue", c("b")), false},
		{"IS NULL", call("isnull", c("dec")), true},
		{"NOT of IS NULL", call("not", call("isnull", c("s"))), true},
		{"of an array", call("isnotnull", c("arr")), false},
		{"a string with NULL", &Expr{Op: "=", Type: Type{Kind: Bool}, Args: []*Expr{c("s"), null}}, false},
		{"a list with NULL", &Expr{Op: "in", Type: Type{Kind: Bool}, Args: []*Expr{c("s"), str("a"), null}}, false},
		{"a long list", call("in", many...), false},
		{"an order of strings", call("<", c("s"), str("view")), false},
		{"a double", call("=", c("d"), Const(Type{Kind: Float64}, Value{F: 1})), false},
		{"a decimal", call("=", c("dec"), num(1)), false},
		{"bytes", &Expr{Op: "=", Type: Type{Kind: Bool}, Args: []*Expr{c("bin"), Const(Type{Kind: Binary}, Value{S: "x"})}}, false},
		{"two columns", call("=", c("s"), c("_topic")), false},
		{"OR", call("or", call("=", c("s"), str("a")), c("b")), false},
		{"AND, whose operands are looked at one by one", call("and", call("=", c("s"), str("a")), c("b")), false},
		{"a function", call("=", call("upper", c("s")), str("VIEW")), false},
		{"metadata", call("=", c("_topic"), str("t")), false},
		{"metadata that counts", call("=", c("_partition"), Const(Type{Kind: Int32}, Value{I: 1})), false},
		{"a literal", Const(Type{Kind: Bool}, Value{I: 1}), false},
		{"a column behind the fields", call("=", &Expr{Op: "col", Type: Type{Kind: String}, Col: 11, Name: "x"}, str("a")), false},
	} {
		if got := CheapTest(test.e, fields); got != test.want {
			t.Errorf("%s: %s: %v, want %v", test.what, test.e, got, test.want)
		}
	}
}

func TestSureOfEveryRow(t *testing.T) {
	in := NewSchema(Field{"s", Type{Kind: String}}, Field{"l", Type{Kind: Int64}})
	num := bigint
	for _, test := range []struct {
		e    *Expr
		want bool
	}{
		{mustCall(t, "or", mustCall(t, "=", Col(in, 0), text("A")), mustCall(t, "isnull", Col(in, 1))), true},
		{mustCall(t, "=", mustCall(t, "/", num(1), Col(in, 1)), num(1)), false},
		{mustCall(t, "<", mustCall(t, "+", Col(in, 1), num(1)), num(1)), false},
		{mustCall(t, "<", mustCall(t, "now"), Const(Type{Kind: Timestamp}, Value{I: 1})), false},
		{Col(NewSchema(Field{"other", Type{Kind: Bool}}), 0), false},
	} {
		if got := SureOfEveryRow(test.e, in); got != test.want {
			t.Errorf("%s: %v, want %v", test.e, got, test.want)
		}
	}
}

// filterCase is a filter of random records, with decoders that know of it and one that does not.
type filterCase struct {
	fields []DecodeField
	where  []*Expr
	time   int
	latest int64

	plain, fast, careful *JSONDecoder
	filter               *Filter
	leftOut              int64 // by fast
}

// filteredColumns are those of everyType that a filter may look at.
var filteredColumns = []string{"s", "i", "l", "b", "day", "t", "ms", "sec", "ns", "ms_text", "must", "i8", "i16", "ntz", "os", "oal"}

// randomFilter makes a filter whose literals are among the values of the rows of sample.
func randomFilter(t testing.TB, r *rand.Rand, fields []DecodeField, opts DecodeOptions, sample *Batch) *filterCase {
	c := &filterCase{fields: fields, time: -1, latest: math.MaxInt64}
	for range 1 + r.IntN(3) {
		c.where = append(c.where, randomTest(t, r, sample))
	}
	if times := []string{"ms", "t", "sec", "ns"}; r.IntN(4) > 0 {
		if sample.Schema.Index("_timestamp") >= 0 {
			times = append(times, "_timestamp", "_timestamp")
		}
		c.time = sample.Schema.Index(times[r.IntN(len(times))])
		if v := sample.Cols[c.time]; r.IntN(3) > 0 && sample.Rows > 0 {
			c.latest = v.I64[r.IntN(sample.Rows)]
		}
	}
	opts.CensusRecords = r.IntN(3)
	c.plain = newDecoderWith(t, fields, opts)
	opts.Filter = &RowFilter{Where: c.where, Time: c.time}
	c.fast, c.careful = newDecoderWith(t, fields, opts), newDecoderWith(t, fields, opts)
	c.careful.careful = true
	all := c.where[0]
	for _, e := range c.where[1:] {
		all = mustCall(t, "and", all, e)
	}
	var err error
	if c.filter, err = NewFilter(c.plain.Schema(), all); err != nil {
		t.Fatal(err)
	}
	return c
}

// randomTest is a condition that a decoder can look at.
func randomTest(t testing.TB, r *rand.Rand, sample *Batch) *Expr {
	at := sample.Schema.Index(filteredColumns[r.IntN(len(filteredColumns))])
	column, v := Col(sample.Schema, at), sample.Cols[at]
	literal := func() *Expr {
		value := Value{S: "x"}
		if sample.Rows > 0 {
			if value = valueAt(v, r.IntN(sample.Rows)); value.Null {
				value = Value{S: "", I: 0}
			}
		}
		return Const(column.Type, value)
	}
	ops := []string{"isnull", "isnotnull", "=", "<>", "<", "<=", ">", ">=", "in", "not in"}
	switch column.Type.Kind {
	case Bool:
		ops = []string{"isnull", "col", "not", "=", "<>", "istrue", "isfalse"}
	case String:
		ops = []string{"isnull", "isnotnull", "=", "=", "<>", "in", "not in"}
	}
	var e *Expr
	switch op := ops[r.IntN(len(ops))]; op {
	case "col":
		return column
	case "isnull", "isnotnull", "not", "istrue", "isfalse":
		e = mustCall(t, op, column)
	case "in", "not in":
		e = mustCall(t, "in", column, literal(), literal(), literal())
		if op == "not in" {
			e = mustCall(t, "not", e)
		}
	default:
		e = mustCall(t, op, column, literal())
	}
	if _, ok := cheapTest(e); !ok {
		return mustCall(t, "isnotnull", column) // such as < the least
	}
	return e
}

// check decodes records by all decoders, and compares what comes out behind the filter with what would without any push-down.
func (c *filterCase) check(t *testing.T, values []string) {
	t.Helper()
	recs := recordsOf(values...)
	c.plain.Append(recs)
	rows := c.plain.Rows()
	want, wantBad := c.plain.Flush()
	counts := c.plain.Counts()
	for _, d := range []*JSONDecoder{c.fast, c.careful} {
		d.SetLatest(c.latest)
		d.Append(recs)
		if n := d.Gathered(); n != rows {
			t.Fatalf("%d rows gathered, want %d", n, rows)
		}
		got, bad := d.Flush()
		if d.Gathered() != 0 {
			t.Fatalf("%d rows gathered behind Flush", d.Gathered())
		}
		if a, b := fmt.Sprint(bad, d.Counts()), fmt.Sprint(wantBad, counts); a != b {
			t.Fatalf("%s\nwant %s", a, b)
		}
		c.compare(t, got, want, d.LeftOut(), d == c.fast)
		if a, b := fmt.Sprint(d.Census()), fmt.Sprint(c.plain.Census()); d == c.fast && a != b {
			t.Fatalf("census %s\nwant   %s", a, b)
		}
	}
}

// compare checks the rows that were handed out, and what is told of the others, against all rows.
func (c *filterCase) compare(t *testing.T, got, want *Batch, out LeftOut, fast bool) {
	t.Helper()
	kept, err := c.filter.Process(want)
	if err != nil {
		t.Fatal(err)
	}
	passes := func(row int) bool { return kept.Sel == nil || slices.Contains(kept.Sel, int32(row)) }
	var same []int32
	greatest, told := int64(math.MinInt64), out.MaxTime
	for row := range want.Rows {
		at, usable := int64(math.MinInt64), true
		if c.time >= 0 {
			times := want.Cols[c.time]
			if at, usable = times.I64[row], !times.IsNull(row) && times.I64[row] <= c.latest; usable {
				greatest = max(greatest, at)
			}
		}
		if len(same) < got.Rows && got.Offsets[len(same)] == want.Offsets[row] {
			same = append(same, int32(row))
			if usable {
				told = max(told, at)
			}
		} else if passes(row) || !usable {
			t.Fatalf("row %d is left out; passes %v, time %v\nfilter %v, latest %d", row, passes(row), usable, c.where, c.latest)
		}
	}
	if diff := diffBatches(Take(got, (&frame{}).identity(got.Rows)), Take(want, same)); diff != "" {
		t.Fatalf("rows that stay: %s\nfilter %v", diff, c.where)
	}
	if n := int64(want.Rows - got.Rows); out.Rows != n || told != greatest {
		t.Fatalf("told %d rows left out, greatest time %d; want %d, %d", out.Rows, told, n, greatest)
	}
	if fast {
		c.leftOut += out.Rows
	}
	checkArrow(t, got)
}

// checkArrow checks that the batch is valid Arrow.
func checkArrow(t *testing.T, b *Batch) {
	t.Helper()
	rec, err := ToArrow(b, checkedAllocator(t))
	if err != nil {
		t.Fatal(err)
	}
	defer rec.Release()
	for _, col := range rec.Columns() {
		if err := validate(col); err != nil {
			t.Fatal(err)
		}
	}
}

// sampleOf is what a decoder without a filter makes of the records.
func sampleOf(t testing.TB, fields []DecodeField, opts DecodeOptions, values []string) *Batch {
	d := newDecoderWith(t, fields, opts)
	d.Append(recordsOf(values...))
	b, _ := d.Flush()
	return b
}

// TestJSONFilter holds decoders that leave rows out against one that does not, over random records with all kinds of accidents.
// The decoders live on from batch to batch.
func TestJSONFilter(t *testing.T) {
	r := newRand(t)
	left := int64(0)
	for n := range cases(400, 60) {
		fields := everyTypeFields(t)
		if n%3 == 0 {
			fields = append(fields, parseFields(t, "_topic string\n_timestamp timestamp\n_key binary\n_offset bigint")...)
		}
		w := &recordWriter{r, []int{400, 120, 40, 15}[n%4]}
		opts := DecodeOptions{NullBadValues: n%8 >= 4}
		values := w.similar(1 + r.IntN(60))
		c := randomFilter(t, r, fields, opts, sampleOf(t, fields, opts, values))
		for range 4 {
			c.check(t, values)
			values = w.similar(1 + r.IntN(60))
		}
		left += c.leftOut
	}
	if left < 1000 {
		t.Errorf("%d rows were left out: the test says little", left)
	}
}

// similar are records of which many hold values of each other; some are longer than what is copied at once.
func (w *recordWriter) similar(n int) []string {
	base := []string{w.record(), w.record(), w.record()}
	out := make([]string, n)
	for i := range out {
		switch w.IntN(3) {
		case 0:
			out[i] = w.record()
		default:
			out[i] = w.pick(base...)
		}
		if w.IntN(8) == 0 {
			out[i] = strings.Replace(out[i], `"s":"`, `"s":"`+strings.Repeat("long ", w.IntN(100)), 1)
		}
	}
	return out
}

// FuzzJSONFilter has a filter of one record's values look at it and another one.
func FuzzJSONFilter(f *testing.F) {
	w := &recordWriter{rand.New(rand.NewPCG(4, 7)), 20}
	for i := range 50 {
		f.Add(w.record(), w.record(), uint64(i))
	}
	fields := everyTypeFields(f)
	f.Fuzz(func(t *testing.T, one, other string, seed uint64) {
		for _, opts := range []DecodeOptions{{}, {NullBadValues: true}} {
			r := rand.New(rand.NewPCG(seed, 1))
			values := []string{one, other, one, one, other}
			c := randomFilter(t, r, fields, opts, sampleOf(t, fields, opts, values))
			c.check(t, values)
			c.check(t, append(values, values...))
		}
	})
}

func TestJSONFilterDoesNotAllocate(t *testing.T) {
	recs := ysbRecords(500)
	fields := append(parseFields(t, "text string key=user_id\nn bigint key=none"), ysbAll...)
	schema := &Schema{}
	for _, f := range fields {
		schema.Fields = append(schema.Fields, f.Field)
	}
	kind, ip := Col(schema, schema.Index("event_type")), Col(schema, schema.Index("ip_address"))
	d := newDecoderWith(t, fields, DecodeOptions{CensusRecords: 10, Filter: &RowFilter{Time: schema.Index("event_time"), Where: []*Expr{
		mustCall(t, "=", kind, Const(kind.Type, Value{S: "view"})), mustCall(t, "isnotnull", ip)}}})
	d.Append(recs)
	round := func() {
		d.Append(recs)
		if b, bad := d.Flush(); b.Rows < 100 || b.Rows > 400 || len(bad) != 0 {
			t.Fatalf("%d rows, bad %v", b.Rows, bad)
		}
	}
	d.Flush()
	round()
	if n := testing.AllocsPerRun(20, round); n != 0 {
		t.Errorf("%v allocations per 500 records, want 0", n)
	}
	if out := d.LeftOut(); out.Rows == 0 {
		t.Error("nothing was left out")
	}
}

// TestJSONFilterRefuses has a decoder told to look at what it cannot.
func TestJSONFilterRefuses(t *testing.T) {
	fields := parseFields(t, "s string\nat timestamp")
	schema := NewSchema(fields[0].Field, fields[1].Field)
	for _, e := range []*Expr{
		mustCall(t, "=", mustCall(t, "upper", Col(schema, 0)), text("a")),
		mustCall(t, "=", &Expr{Op: "col", Type: Type{Kind: String}, Col: 7}, text("a")),
		mustCall(t, "=", &Expr{Op: "col", Type: Type{Kind: String}, Col: 1}, text("a")),
	} {
		if _, err := NewJSONDecoder("events", fields, DecodeOptions{Filter: &RowFilter{Where: []*Expr{e}, Time: -1}}); err == nil {
			t.Errorf("%s is taken", e)
		}
	}
}

// TestJSONFilterLongStrings has strings that are copied only when their row stays, at the edges of what is copied at once.
func TestJSONFilterLongStrings(t *testing.T) {
	fields := parseFields(t, "kind string\na string\nb string\no string\nat timestamp(ms)")
	schema := &Schema{}
	for _, f := range fields {
		schema.Fields = append(schema.Fields, f.Field)
	}
	r := newRand(t)
	long := func() string {
		return strings.Repeat(string(rune('a'+r.IntN(26))), []int{0, 1, offsets.Slack - 1, offsets.Slack, offsets.Slack + 1, 1000, 70_000}[r.IntN(7)])
	}
	where := []*Expr{mustCall(t, "=", Col(schema, 0), Const(Type{Kind: String}, Value{S: "k0"}))}
	c := &filterCase{fields: fields, where: where, time: 4, latest: math.MaxInt64, plain: newDecoder(t, fields)}
	opts := DecodeOptions{Filter: &RowFilter{Where: where, Time: 4}}
	c.fast, c.careful = newDecoderWith(t, fields, opts), newDecoderWith(t, fields, opts)
	c.careful.careful = true
	var err error
	if c.filter, err = NewFilter(schema, where[0]); err != nil {
		t.Fatal(err)
	}
	for range cases(200, 40) {
		var values []string
		for i := range 1 + r.IntN(40) {
			bad := ""
			if r.IntN(20) == 0 {
				bad = "x"
			}
			values = append(values, fmt.Sprintf(`{"a":"%s","kind":"k%d","b":"%s\u0041","o":{"x": ["%s"]},"at":%d%s}`, long(), r.IntN(3), long(), long(), i, bad))
		}
		c.check(t, values)
	}
}
