package sql

import (
	"fmt"
	"sort"
	"strings"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/dstream"
)

// typeKinds are the names of types with their aliases.
var typeKinds = map[string]columnar.Kind{
	"string": columnar.String, "text": columnar.String, "varchar": columnar.String, "character varying": columnar.String,
	"int": columnar.Int32, "integer": columnar.Int32, "int32": columnar.Int32,
	"bigint": columnar.Int64, "long": columnar.Int64, "int64": columnar.Int64,
	"double": columnar.Float64, "double precision": columnar.Float64, "float64": columnar.Float64,
	"boolean": columnar.Bool, "bool": columnar.Bool,
	"date":      columnar.Date,
	"timestamp": columnar.Timestamp, "timestamp without time zone": columnar.Timestamp,
}

// laterTypes are types that are known but not supported yet, with what to write meanwhile.
var laterTypes = map[string]string{
	"array": "", "list": "", "map": "", "struct": "", "row": "",
	"decimal": "double loses exactness, string keeps it", "numeric": "double loses exactness, string keeps it",
	"binary": "write string for text", "bytes": "write string for text", "bytea": "write string for text", "varbinary": "write string for text",
	"float": "write double", "real": "write double", "float32": "write double",
	"tinyint": "write int", "smallint": "write int", "int8": "write int", "int16": "write int",
	"uint8": "write int", "uint16": "write int", "uint32": "write bigint", "uint64": "write bigint",
	"char": "write string", "character": "write string", "uuid": "write string", "json": "write string",
	"time": "write string", "interval": "",
	"timestamptz": "timestamp is UTC", "timestamp_ltz": "timestamp is UTC", "timestamp with time zone": "timestamp is UTC",
}

var timeUnits = map[string]columnar.TimeUnit{
	"s": columnar.UnitSecond, "ms": columnar.UnitMilli, "us": columnar.UnitMicro, "ns": columnar.UnitNano,
}

// ParseType reads the type of a column: a SQL name such as bigint, or timestamp(ms), whose unit says how an epoch
// number counts. Case and blanks around it do not matter. The error is a [dstream.Error] without a position.
func ParseType(name string) (columnar.Type, columnar.TimeUnit, error) {
	t, unit, err := parseType(name)
	if err != nil {
		return columnar.Type{}, columnar.UnitNone, err
	}
	return t, unit, nil
}

func parseType(text string) (columnar.Type, columnar.TimeUnit, *dstream.Error) {
	name, args := splitType(text)
	kind, ok := typeKinds[name]
	if !ok {
		return columnar.Type{}, columnar.UnitNone, unknownType(name)
	}
	unit, err := typeUnit(name, args, kind)
	return columnar.Type{Kind: kind}, unit, err
}

// splitType cuts "Timestamp (ms)" into "timestamp" and "(ms)".
func splitType(text string) (name, args string) {
	folded := strings.ToLower(strings.TrimSpace(text))
	if i := strings.IndexAny(folded, "(<"); i >= 0 {
		folded, args = folded[:i], folded[i:]
	}
	return strings.Join(strings.Fields(folded), " "), args
}

func unknownType(name string) *dstream.Error {
	if hint, later := laterTypes[name]; later {
		return &dstream.Error{Msg: fmt.Sprintf("type %s is not supported yet", name), Hint: hint}
	}
	return &dstream.Error{Msg: fmt.Sprintf("unknown type %q", shortened(name)), Hint: nearestType(name)}
}

func nearestType(name string) string {
	var names []string
	for n := range typeKinds {
		names = append(names, n)
	}
	sort.Strings(names)
	return didYouMean(dstream.Nearest(shortened(name), names))
}

// typeUnit reads what stands in parentheses behind a type: only a timestamp takes something.
func typeUnit(name, args string, kind columnar.Kind) (columnar.TimeUnit, *dstream.Error) {
	if args == "" {
		return columnar.UnitNone, nil
	}
	if kind != columnar.Timestamp {
		return columnar.UnitNone, &dstream.Error{Msg: fmt.Sprintf("type %s takes nothing in parentheses", name), Hint: "write " + name}
	}
	word, ok := strings.CutSuffix(strings.TrimSpace(args[1:]), ")")
	unit, known := timeUnits[strings.TrimSpace(word)]
	if !ok || !known {
		return columnar.UnitNone, &dstream.Error{Msg: fmt.Sprintf("unknown unit in timestamp%s", shortened(args)),
			Hint: "the units are s, ms, us and ns, as in timestamp(ms)"}
	}
	return unit, nil
}
