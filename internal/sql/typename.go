package sql

import (
	"fmt"
	"sort"
	"strconv"
	"strings"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/dstream"
)

// typeKinds are the names of the types without arguments. The names that end in a number count bits where the rest is
// int or float in full, bytes where it is the short form of PostgreSQL; only int8 could be both and counts bits.
var typeKinds = map[string]columnar.Kind{
	"boolean": columnar.Bool, "bool": columnar.Bool,
	"tinyint": columnar.Int8, "int8": columnar.Int8, "byte": columnar.Int8,
	"smallint": columnar.Int16, "int16": columnar.Int16, "short": columnar.Int16, "int2": columnar.Int16,
	"int": columnar.Int32, "integer": columnar.Int32, "int32": columnar.Int32, "int4": columnar.Int32,
	"bigint": columnar.Int64, "long": columnar.Int64, "int64": columnar.Int64,
	"float": columnar.Float32, "float32": columnar.Float32, "real": columnar.Float32, "float4": columnar.Float32,
	"double": columnar.Float64, "double precision": columnar.Float64, "float64": columnar.Float64, "float8": columnar.Float64,
	"string": columnar.String, "text": columnar.String, "varchar": columnar.String, "character varying": columnar.String,
	"binary": columnar.Binary, "bytes": columnar.Binary, "bytea": columnar.Binary, "blob": columnar.Binary, "varbinary": columnar.Binary,
	"date":      columnar.Date,
	"timestamp": columnar.Timestamp, "timestamptz": columnar.Timestamp, "timestamp_ltz": columnar.Timestamp, "timestamp with time zone": columnar.Timestamp,
	"timestamp with local time zone": columnar.Timestamp,
	"timestamp_ntz":                  columnar.LocalTimestamp, "datetime": columnar.LocalTimestamp, "localtimestamp": columnar.LocalTimestamp,
	"timestamp without time zone": columnar.LocalTimestamp,
	"interval":                    columnar.Interval,
}

// typeConstructors are the types that are made of others, or of numbers.
var typeConstructors = []string{"decimal", "numeric", "dec", "array", "list", "struct", "row", "map"}

// refusedTypes are known elsewhere and do not exist here, with what to write instead.
var refusedTypes = map[string]string{
	"char": "write string", "character": "write string", "nchar": "write string", "nvarchar": "write string", "bpchar": "write string",
	"clob": "write string", "uuid": "write string", "enum": "write string",
	"json": "write string; -> and ->> read a JSON text", "jsonb": "write string; -> and ->> read a JSON text", "variant": "write string",
	"time": "write string", "time without time zone": "write string", "time with time zone": "write string", "timetz": "write string",
	"uint8": "write smallint", "uint16": "write int", "uint32": "write bigint", "uint64": "write decimal(20,0)",
	"utinyint": "write smallint", "usmallint": "write int", "uinteger": "write bigint", "ubigint": "write decimal(20,0)",
	"hugeint": "write decimal(38,0)", "int128": "write decimal(38,0)", "serial": "write int", "bigserial": "write bigint",
	"bignumeric": "write decimal(38, scale)", "money": "write decimal(18,2)", "number": "write decimal(precision, scale) or double",
	"bit": "write boolean or binary", "varying": "write varchar",
}

// longTypes are the words that may follow the first word of a type.
var longTypes = [][]string{{"PRECISION"}, {"VARYING"}, {"WITH", "TIME", "ZONE"}, {"WITH", "LOCAL", "TIME", "ZONE"}, {"WITHOUT", "TIME", "ZONE"}}

var timeUnits = map[string]columnar.TimeUnit{
	"S": columnar.UnitSecond, "MS": columnar.UnitMilli, "US": columnar.UnitMicro, "NS": columnar.UnitNano,
}

const unitHint = "the units are s, ms, us and ns, as in timestamp(ms)"

// ParseType reads the type of a column: a SQL name such as bigint or array<struct<a int, b string>>, or timestamp(ms),
// whose unit says how an epoch number counts. Case and blanks do not matter. The error is a [dstream.Error] without a
// position.
func ParseType(name string) (columnar.Type, columnar.TimeUnit, error) {
	p := newParser("", name, dstream.Pos{})
	if p.err == nil && p.peek().kind == endToken {
		p.fail(p.peek(), "the type is missing", "")
	}
	t, unit := p.columnType()
	if p.err == nil && p.peek().kind != endToken {
		p.fail(p.peek(), fmt.Sprintf("%q is not a type", shortened(name)), "")
	}
	if p.err != nil {
		return columnar.Type{}, columnar.UnitNone, &dstream.Error{Msg: p.err.Msg, Hint: p.err.Hint}
	}
	return t, unit, nil
}

// columnType reads the type of a declared column: it may have a unit of time, and it is one that files hold.
func (p *parser) columnType() (columnar.Type, columnar.TimeUnit) {
	if p.isCall("TIMESTAMP") && p.ahead(2).value != "6" {
		p.next()
		p.next()
		t := p.next()
		unit := timeUnits[t.key]
		if unit == columnar.UnitNone {
			p.fail(t, "timestamp(…) needs a unit, not "+t.describe(), unitHint)
		}
		p.expect(")")
		return columnar.Type{Kind: columnar.Timestamp}, unit
	}
	t := p.typeName()
	if t.Kind == columnar.Interval {
		p.fail(p.peek(), "a column of a source cannot be an interval", "declare a string and cast it")
	}
	return t, columnar.UnitNone
}

// typeName reads a type, with [] behind it for lists.
func (p *parser) typeName() columnar.Type {
	if p.types == maxTypeNesting {
		p.fail(p.peek(), fmt.Sprintf("types are nested more than %d deep", maxTypeNesting), "")
		return columnar.Type{}
	}
	p.types++
	defer func() { p.types-- }()
	t := p.plainType()
	for p.err == nil && p.accept("[") {
		if size := p.peek(); size.kind == integerToken {
			p.fail(size, "lists have no fixed length", "write []")
		}
		p.expect("]")
		t = columnar.ArrayOf(t)
	}
	return t
}

func (p *parser) plainType() columnar.Type {
	t := p.peek()
	if t.kind != wordToken {
		p.unexpected("a type")
		return columnar.Type{}
	}
	switch p.next().key {
	case "DECIMAL", "NUMERIC", "DEC":
		return p.decimalType(t)
	case "ARRAY", "LIST":
		elem := p.typeArguments(t, "the type of its elements, as in array<bigint>", 1)
		return p.nestedType(func() columnar.Type { return columnar.ArrayOf(elem[0]) })
	case "MAP":
		kv := p.typeArguments(t, "the types of keys and values, as in map<string, bigint>", 2)
		return p.nestedType(func() columnar.Type { return columnar.MapOf(kv[0], kv[1]) })
	case "STRUCT", "ROW":
		fields := p.structFields(t)
		return p.nestedType(func() columnar.Type { return columnar.StructOf(fields...) })
	}
	return p.scalarType(t)
}

// nestedType makes a type unless a part of it was wrong.
func (p *parser) nestedType(of func() columnar.Type) columnar.Type {
	if p.err != nil {
		return columnar.Type{}
	}
	return of()
}

// scalarType reads the rest of a type that holds no others.
func (p *parser) scalarType(t token) columnar.Type {
	name := strings.ToLower(t.value)
	digits := p.precision()
	for _, more := range longTypes {
		if p.accept(more...) {
			name += " " + strings.ToLower(strings.Join(more, " "))
		}
	}
	if digits.kind == endToken {
		digits = p.precision()
	}
	kind, ok := typeKinds[name]
	if !ok {
		p.unknownType(t, name)
		return columnar.Type{}
	}
	if digits.kind != endToken {
		p.checkPrecision(digits, name, kind)
	}
	return columnar.Type{Kind: kind}
}

// precision reads (n), if it follows.
func (p *parser) precision() token {
	if !p.is("(") {
		return token{}
	}
	p.next()
	n := p.next()
	p.expect(")")
	return n
}

// checkPrecision refuses what stands in parentheses behind a type, unless it says what the type does anyway.
func (p *parser) checkPrecision(n token, name string, kind columnar.Kind) {
	switch {
	case (kind == columnar.Timestamp || kind == columnar.LocalTimestamp) && n.value == "6":
	case kind == columnar.Timestamp && timeUnits[n.key] != columnar.UnitNone:
		p.fail(n, "a cast to timestamp takes no unit", "write timestamp; only columns of a source have units")
	case kind == columnar.Timestamp || kind == columnar.LocalTimestamp:
		p.fail(n, fmt.Sprintf("%s counts microseconds and has no other precision", name), fmt.Sprintf("write %s; date_trunc('millisecond', …) cuts", name))
	case kind == columnar.String || kind == columnar.Binary:
		p.fail(n, fmt.Sprintf("%s(%s) would not check lengths", name, shortened(n.value)), "write "+name)
	default:
		p.fail(n, fmt.Sprintf("type %s takes nothing in parentheses", name), "write "+name)
	}
}

func (p *parser) unknownType(t token, name string) {
	if hint, ok := refusedTypes[name]; ok {
		p.fail(t, fmt.Sprintf("there is no type %s", name), hint)
		return
	}
	p.fail(t, fmt.Sprintf("unknown type %q", shortened(name)), nearestType(name))
}

// nearestType is the hint for an unknown type. Who wrote no digit did not mean int2.
func nearestType(name string) string {
	names := append([]string(nil), typeConstructors...)
	for n := range typeKinds {
		if !strings.ContainsAny(n, "0123456789") || strings.ContainsAny(name, "0123456789") {
			names = append(names, n)
		}
	}
	sort.Strings(names)
	return didYouMean(dstream.Nearest(shortened(name), names))
}

const maxDigits = 38 // of a decimal

// decimalType reads (precision, scale).
func (p *parser) decimalType(t token) columnar.Type {
	name := strings.ToLower(t.value)
	if !p.accept("(") {
		p.fail(t, name+" has no size", fmt.Sprintf("write %s(precision, scale)", name))
		return columnar.Type{}
	}
	at := p.peek()
	precision, scale := p.digitCount(), 0
	if p.accept(",") {
		scale = p.digitCount()
	}
	p.expect(")")
	if p.err == nil && (precision < 1 || precision > maxDigits || scale > precision) {
		p.fail(at, fmt.Sprintf("there is no %s(%d,%d)", name, precision, scale), fmt.Sprintf("the precision is 1 to %d digits, the scale at most the precision", maxDigits))
	}
	if p.err != nil {
		return columnar.Type{}
	}
	return columnar.DecimalOf(precision, scale)
}

func (p *parser) digitCount() int {
	t := p.next()
	n, err := strconv.Atoi(t.value)
	if t.kind != integerToken || err != nil || n > 1000 {
		p.fail(t, "expected a number of digits, found "+t.describe(), "write decimal(precision, scale)")
	}
	return n
}

// typeArguments reads <type, …>, or the same in parentheses.
func (p *parser) typeArguments(t token, needs string, count int) []columnar.Type {
	shut := p.openType(t, needs)
	var list []columnar.Type
	for p.err == nil {
		list = append(list, p.typeName())
		if !p.accept(",") {
			break
		}
	}
	if p.err == nil && len(list) != count {
		p.fail(t, fmt.Sprintf("%s takes %d type%s, not %d", strings.ToLower(t.value), count, plural(count), len(list)), "write "+needs)
	}
	p.closeType(shut)
	return list
}

// openType takes < or ( and returns what closes it.
func (p *parser) openType(t token, needs string) (shut string) {
	switch {
	case p.accept("<"):
		return ">"
	case p.accept("("):
		return ")"
	case p.is("<>"): // array<>
		p.fail(p.peek(), strings.ToLower(t.value)+"<> is empty", "write "+needs)
	default:
		p.fail(t, fmt.Sprintf("type %s needs %s", strings.ToLower(t.value), needs), "")
	}
	return ""
}

// closeType takes the closing sign. A > may be the beginning of another sign, as in array<array<int>>.
func (p *parser) closeType(shut string) {
	if t := p.peek(); shut == ">" && len(t.key) > 1 && t.key[0] == '>' {
		t.start, t.col, t.key, t.value = t.start+1, t.col+1, t.key[1:], t.value[1:]
		p.tokens[p.at] = t
		return
	}
	p.expect(shut)
}

// Limits of a type: its name holds those of its parts, so deep and wide ones are long.
const (
	maxTypeNesting = 32
	maxFields      = 1000 // of one struct
)

// structFields reads <name type, …> or <name: type, …>.
func (p *parser) structFields(t token) []columnar.Field {
	shut := p.openType(t, "its fields, as in struct<a bigint, b string>")
	seen := map[string]bool{}
	var fields []columnar.Field
	for p.err == nil {
		name := p.newName("the name of a field")
		p.accept(":")
		fields = append(fields, columnar.Field{Name: name.value, Type: p.typeName()})
		switch folded := strings.ToLower(name.value); {
		case seen[folded]:
			p.fail(name, fmt.Sprintf("the %s has two fields named %q", strings.ToLower(t.value), shortened(name.value)), "names ignore case")
		case len(fields) > maxFields:
			p.fail(name, fmt.Sprintf("the %s has more than %d fields", strings.ToLower(t.value), maxFields), "")
		default:
			seen[folded] = true
		}
		if !p.accept(",") {
			break
		}
	}
	p.closeType(shut)
	return fields
}

func plural(n int) string {
	if n == 1 {
		return ""
	}
	return "s"
}
