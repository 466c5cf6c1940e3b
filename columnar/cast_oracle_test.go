package columnar

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/big"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// castOracle casts values as [interpret] has them, slowly and by other means than the kernels.
type castOracle struct {
	zone string // "" is UTC
	try  bool   // parts that do not convert become NULL
}

var errNoCast = errors.New("no cast")

func (o castOracle) cast(from, to Type, v any) (any, error) {
	switch {
	case v == nil || from == to:
		return v, nil
	case from.Kind == String && to.IsNested():
		return o.fromJSON(to, v.(string))
	case from.IsNested() && to.Kind == String:
		return o.json(from, v), nil
	case from.IsNested():
		return o.castParts(from, to, v)
	case to.Kind == String:
		return o.text(from, v)
	case from.Kind == String:
		return o.parse(to, strings.TrimSpace(v.(string)), v.(string))
	case from.Kind == Date || from.Kind == Timestamp || from.Kind == LocalTimestamp:
		return o.castTime(from.Kind, to.Kind, v.(int64))
	}
	return castNumber(from, to, v)
}

// castParts casts arrays, structs and maps part by part.
func (o castOracle) castParts(from, to Type, v any) (any, error) {
	values, _ := v.([]any)
	switch v := v.(type) {
	case parts:
		values = v
	case mapping:
		values = v
	}
	var out []any
	seen := map[string]bool{}
	for i, x := range values {
		k := 0
		if from.Kind != Array {
			k = i % len(from.nested.fields)
		}
		y, err := o.cast(from.nested.fields[k].Type, to.nested.fields[k].Type, x)
		isKey := from.Kind == Map && k == 0
		if err != nil && o.try && !isKey {
			y, err = nil, nil
		}
		if err != nil || isKey && (y == nil || seen[fmt.Sprint(y)]) {
			return nil, errNoCast
		}
		if isKey {
			seen[fmt.Sprint(y)] = true
		}
		out = append(out, y)
	}
	if from.Kind == Map {
		return mapping(out), nil
	}
	return parts(out), nil
}

// exact is a number, NaN and the infinities apart.
func exact(from Type, v any) (*big.Rat, bool) {
	switch v := v.(type) {
	case bool:
		if v {
			return big.NewRat(1, 1), true
		}
		return new(big.Rat), true
	case int64:
		return new(big.Rat).SetInt64(v), true
	case float64:
		return new(big.Rat).SetString(strconv.FormatFloat(v, 'g', -1, floatBits(from)))
	}
	x, ok := v.(*big.Rat)
	return x, ok
}

func castNumber(from, to Type, v any) (any, error) {
	f, isFloat := v.(float64)
	x, finite := exact(from, v)
	switch {
	case to.Kind == Bool:
		return !finite || x.Sign() != 0, nil
	case to.Kind == Float64 && isFloat:
		return f, nil
	case to.Kind == Float32 && isFloat:
		if narrow := float64(float32(f)); !math.IsInf(narrow, 0) || math.IsInf(f, 0) {
			return narrow, nil
		}
		return nil, errNoCast
	case to.Kind == Float64:
		near, _ := x.Float64()
		return near, nil
	case to.Kind == Float32:
		near, _ := x.Float32()
		return float64(near), nil
	case !finite:
		return nil, errNoCast
	case to.Kind == Decimal:
		return asDigits(x, to)
	}
	z := roundRat(x, 0)
	if isFloat {
		z, _ = new(big.Float).SetFloat64(math.RoundToEven(f)).Int(nil)
	}
	limits := integerRange[to.Kind]
	if !z.IsInt64() || z.Int64() < limits[0] || z.Int64() > limits[1] {
		return nil, errNoCast
	}
	return z.Int64(), nil
}

// asDigits rounds to the scale of a decimal type and checks its precision.
func asDigits(x *big.Rat, t Type) (any, error) {
	z := roundRat(x, int(t.Scale))
	if new(big.Int).Abs(z).Cmp(unsignedBig(pow10[t.Precision])) >= 0 {
		return nil, errNoCast
	}
	return new(big.Rat).SetFrac(z, unsignedBig(pow10[t.Scale])), nil
}

// offset is how many µs the zone is ahead of UTC at an instant.
func (o castOracle) offset(instant int64) int64 {
	if o.zone == "" {
		return 0
	}
	loc, err := time.LoadLocation(o.zone)
	if err != nil {
		panic(err)
	}
	at := time.UnixMicro(instant)
	if last := time.Date(zoneLastYear, 1, 1, 0, 0, 0, 0, time.UTC); at.After(last) {
		at = last
	}
	_, seconds := at.In(loc).Zone()
	return int64(seconds) * 1_000_000
}

// instant is the latest at which clocks in the zone show the wall time, or with the earlier offset when there is none.
func (o castOracle) instant(wall int64) int64 {
	const day = 86_400_000_000
	before, after := o.offset(wall-day), o.offset(wall+day)
	for _, offset := range []int64{min(before, after), max(before, after)} {
		if at := wall - offset; o.offset(at) == offset {
			return at
		}
	}
	return wall - before
}

func (o castOracle) castTime(from, to Kind, t int64) (any, error) {
	if from == Date {
		if t > 106_751_991 || t < -106_751_991 {
			return nil, errNoCast
		}
		if t *= 86_400_000_000; to == Timestamp {
			return o.instant(t), nil
		}
		return t, nil
	}
	switch {
	case from == LocalTimestamp && to == Timestamp:
		return o.instant(t), nil
	case from == Timestamp:
		t += o.offset(t)
	}
	if to == Date {
		return int64(math.Floor(float64(time.UnixMicro(t).Unix()) / 86400)), nil
	}
	return t, nil
}

func (o castOracle) text(from Type, v any) (any, error) {
	switch x := v.(type) {
	case bool:
		return strconv.FormatBool(x), nil
	case float64:
		return floatText(x, from), nil
	case *big.Rat:
		return x.FloatString(int(from.Scale)), nil
	case interval:
		return intervalText(x), nil
	case string:
		if !utf8.ValidString(x) {
			return nil, errNoCast
		}
		return x, nil
	}
	x := v.(int64)
	switch from.Kind {
	case Timestamp, LocalTimestamp:
		if from.Kind == Timestamp {
			x += o.offset(x)
		}
		return time.UnixMicro(x).UTC().Format("2006-01-02 15:04:05.999999"), nil
	case Date:
		return time.Unix(x*86400, 0).UTC().Format("2006-01-02"), nil
	}
	return strconv.FormatInt(x, 10), nil
}

func floatText(x float64, t Type) string {
	limit, bitSize := 1e15, 64
	if t.Kind == Float32 {
		limit, bitSize = 1e6, 32
	}
	switch s := strconv.FormatFloat(x, 'e', -1, bitSize); {
	case s == "+Inf":
		return "Infinity"
	case s == "-Inf":
		return "-Infinity"
	case x == 0 || math.Abs(x) >= 1e-4 && math.Abs(x) < limit:
		return strconv.FormatFloat(x, 'f', -1, bitSize)
	default:
		return s
	}
}

// intervalText follows EncodeInterval of PostgreSQL in its style "postgres".
func intervalText(v interval) string {
	var out []string
	before := false
	part := func(n int64, unit string) {
		if n == 0 {
			return
		}
		sign := ""
		if before && n > 0 {
			sign = "+"
		}
		if n != 1 {
			unit += "s"
		}
		out, before = append(out, fmt.Sprintf("%s%d %s", sign, n, unit)), n < 0
	}
	part(int64(v.months/12), "year")
	part(int64(v.months%12), "mon")
	part(int64(v.days), "day")
	if v.micros != 0 || len(out) == 0 {
		t := new(big.Int).Abs(big.NewInt(v.micros))
		micros := new(big.Int)
		t.DivMod(t, big.NewInt(1_000_000), micros)
		s := t.Int64()
		clock := fmt.Sprintf("%02d:%02d:%02d", s/3600, s/60%60, s%60)
		if micros.Sign() != 0 {
			clock += strings.TrimRight(fmt.Sprintf(".%06d", micros), "0")
		}
		switch {
		case v.micros < 0:
			clock = "-" + clock
		case before:
			clock = "+" + clock
		}
		out = append(out, clock)
	}
	return strings.Join(out, " ")
}

// knownIntervals are the intervals among the random texts.
var knownIntervals = map[string]interval{
	"1 day": {0, 1, 0}, "P1Y2M": {14, 0, 0}, "-2:30": {0, 0, -9_000_000_000}, "1 mon -2 days": {1, -2, 0}, "1.5 hours ago": {0, 0, -5_400_000_000},
}

func (o castOracle) parse(to Type, s, raw string) (any, error) {
	switch to.Kind {
	case Binary:
		return raw, nil
	case Bool:
		return strconv.ParseBool(s)
	case Int8, Int16, Int32, Int64:
		x, ok := new(big.Rat).SetString(s)
		if limits := integerRange[to.Kind]; ok && x.IsInt() && x.Num().IsInt64() && x.Num().Int64() >= limits[0] && x.Num().Int64() <= limits[1] {
			return x.Num().Int64(), nil
		}
		return nil, errNoCast
	case Float32, Float64:
		return strconv.ParseFloat(s, floatBits(to))
	case Decimal:
		if x, ok := new(big.Rat).SetString(s); ok {
			return asDigits(x, to)
		}
		return nil, errNoCast
	case Interval:
		if v, ok := knownIntervals[s]; ok {
			return v, nil
		}
		return nil, errNoCast
	}
	return o.parseTime(to, s)
}

var timeForm = regexp.MustCompile(`^([+-]?\d{4,7})-(\d\d)-(\d\d)(?:[ Tt](\d\d):(\d\d)(?::(\d\d)(?:\.(\d+))?)?( *(?:[Zz]|[Uu][Tt][Cc]|([+-])(\d\d)(?::?(\d\d))?))?)?$`)

func (o castOracle) parseTime(to Type, s string) (any, error) {
	m := timeForm.FindStringSubmatch(s)
	if m == nil {
		return nil, errNoCast
	}
	n := make([]int, len(m))
	for i, text := range m {
		n[i], _ = strconv.Atoi(text)
	}
	if n[4] > 23 || n[5] > 59 || n[6] > 59 || n[10] > 23 || n[11] > 59 {
		return nil, errNoCast
	}
	micros, _ := strconv.Atoi((m[7] + "000000")[:6])
	t := time.Date(n[1], time.Month(n[2]), n[3], n[4], n[5], n[6], micros*1000, time.UTC)
	if t.Month() != time.Month(n[2]) || t.Day() != n[3] || n[2] == 0 {
		return nil, errNoCast
	}
	offset := int64(n[10]*3600+n[11]*60) * 1_000_000
	if m[9] == "-" {
		offset = -offset
	}
	switch {
	case to.Kind == Date: // the day that is written
		return int64(math.Floor(float64(t.Unix()) / 86400)), nil
	case t.Year() > 200_000 || t.Year() < -200_000: // no text here is so near to the end of time
		return nil, errNoCast
	case to.Kind == LocalTimestamp:
		return t.UnixMicro(), nil
	case m[8] == "":
		return o.instant(t.UnixMicro()), nil
	}
	return t.UnixMicro() - offset, nil
}

// json is the JSON text of a value.
func (o castOracle) json(t Type, v any) string {
	if v == nil {
		return "null"
	}
	quoted := func(s string) string {
		var b strings.Builder
		enc := json.NewEncoder(&b)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(s); err != nil {
			panic(err)
		}
		return strings.TrimSpace(b.String())
	}
	switch v := v.(type) {
	case parts:
		var out []string
		for i, x := range v {
			if t.Kind == Array {
				out = append(out, o.json(t.Elem(), x))
			} else {
				out = append(out, quoted(t.Fields()[i].Name)+":"+o.json(t.Fields()[i].Type, x))
			}
		}
		if t.Kind == Array {
			return "[" + strings.Join(out, ",") + "]"
		}
		return "{" + strings.Join(out, ",") + "}"
	case mapping:
		var out []string
		for i := 0; i < len(v); i += 2 {
			key, _ := o.text(t.KeyType(), v[i])
			out = append(out, quoted(key.(string))+":"+o.json(t.Elem(), v[i+1]))
		}
		return "{" + strings.Join(out, ",") + "}"
	}
	text, _ := o.text(t, v)
	f, isFloat := v.(float64)
	switch {
	case t.Kind == Binary:
		return quoted(base64.StdEncoding.EncodeToString([]byte(v.(string))))
	case t.Numeric() && (!isFloat || !math.IsNaN(f) && !math.IsInf(f, 0)), t.Kind == Bool:
		return text.(string)
	}
	return quoted(text.(string))
}

// fromJSON reads a value by encoding/json.
func (o castOracle) fromJSON(t Type, s string) (any, error) {
	dec := json.NewDecoder(strings.NewReader(s))
	var raw json.RawMessage
	if err := dec.Decode(&raw); err != nil || dec.More() {
		return nil, errNoCast
	}
	return o.jsonValue(t, raw)
}

func (o castOracle) jsonValue(t Type, raw json.RawMessage) (any, error) {
	if string(raw) == "null" {
		return nil, nil
	}
	switch t.Kind {
	case Array:
		var list []json.RawMessage
		if err := json.Unmarshal(raw, &list); err != nil {
			return nil, err
		}
		out := parts{}
		for _, x := range list {
			v, err := o.jsonValue(t.Elem(), x)
			if err != nil {
				return nil, err
			}
			out = append(out, v)
		}
		return out, nil
	case Struct, Map:
		return o.jsonObject(t, raw)
	}
	var text string
	switch {
	case raw[0] == '"':
		if err := json.Unmarshal(raw, &text); err != nil {
			return nil, err
		}
	case t.Kind != String && (raw[0] == '[' || raw[0] == '{'):
		return nil, errNoCast
	default:
		text = string(raw)
	}
	switch t.Kind {
	case String:
		return text, nil
	case Binary:
		data, err := base64.StdEncoding.DecodeString(text)
		return string(data), err
	}
	return o.parse(t, strings.TrimSpace(text), text)
}

func (o castOracle) jsonObject(t Type, raw json.RawMessage) (any, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(raw, &members); err != nil {
		return nil, err
	}
	if t.Kind == Struct {
		var out parts
		for _, f := range t.Fields() {
			x, ok := members[f.Name]
			for name, member := range members {
				if !ok && strings.EqualFold(name, f.Name) {
					x = member
				}
			}
			if x == nil {
				x = json.RawMessage("null")
			}
			v, err := o.jsonValue(f.Type, x)
			if err != nil {
				return nil, err
			}
			out = append(out, v)
		}
		return out, nil
	}
	out := mapping{}
	for key, x := range members { // at most one in the random texts
		k, err := o.parse(t.KeyType(), key, key)
		if t.KeyType().Kind == String {
			k, err = key, nil
		}
		if err != nil {
			return nil, err
		}
		v, err := o.jsonValue(t.Elem(), x)
		if err != nil {
			return nil, err
		}
		out = append(out, k, v)
	}
	return out, nil
}
