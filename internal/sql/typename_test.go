package sql

import (
	"fmt"
	"strings"
	"testing"
)

func TestParseType(t *testing.T) {
	for _, c := range []struct{ name, want string }{
		{"string", "string"}, {"text", "string"}, {"VARCHAR", "string"},
		{"int", "int"}, {"Integer", "int"}, {"int32", "int"},
		{"bigint", "bigint"}, {"long", "bigint"}, {"int64", "bigint"},
		{"double", "double"}, {"float64", "double"}, {"double  precision", "double"},
		{"boolean", "boolean"}, {"bool", "boolean"},
		{"date", "date"}, {" timestamp ", "timestamp"},
		{"timestamp(s)", "timestamp s"}, {"timestamp(ms)", "timestamp ms"}, {"TIMESTAMP ( US )", "timestamp us"}, {"timestamp(ns)", "timestamp ns"},
		{"strng", `unknown type "strng"; did you mean string?`},
		{"bigin", `unknown type "bigin"; did you mean bigint?`},
		{"", "the type is missing"},
		{"tinyint", "tinyint"}, {"int8", "tinyint"}, {"byte", "tinyint"},
		{"smallint", "smallint"}, {"int16", "smallint"}, {"int2", "smallint"}, {"short", "smallint"}, {"int4", "int"},
		{"float", "float"}, {"real", "float"}, {"float4", "float"}, {"float8", "double"},
		{"decimal(18,4)", "decimal(18,4)"}, {"NUMERIC ( 38 , 38 )", "decimal(38,38)"}, {"dec(5)", "decimal(5,0)"},
		{"binary", "binary"}, {"bytea", "binary"}, {"character varying", "string"},
		{"timestamptz", "timestamp"}, {"timestamp with time zone", "timestamp"}, {"timestamp(6) with time zone", "timestamp"}, {"timestamp_ltz", "timestamp"},
		{"timestamp_ntz", "timestamp_ntz"}, {"datetime", "timestamp_ntz"}, {"timestamp without time zone", "timestamp_ntz"},
		{"array<string>", "array<string>"}, {"int[]", "array<int>"}, {"int[][]", "array<array<int>>"}, {"list<array<array<int>>>", "array<array<array<int>>>"},
		{"array(decimal(9,2))", "array<decimal(9,2)>"},
		{"struct<a:int>", "struct<a int>"}, {"struct<a int, b: array<struct<c string>>>[]", "array<struct<a int, b array<struct<c string>>>>"},
		{"row(a int, \"b c\" text)", "struct<a int, \"b c\" string>"},
		{"map<string,int>", "map<string, int>"}, {"map(text, double precision)", "map<string, double>"},
		{"decimal", "decimal has no size; write decimal(precision, scale)"},
		{"numeric(39,2)", "there is no numeric(39,2); the precision is 1 to 38 digits, the scale at most the precision"},
		{"decimal(0)", "there is no decimal(0,0); the precision is 1 to 38 digits, the scale at most the precision"},
		{"decimal(3,4)", "there is no decimal(3,4); the precision is 1 to 38 digits, the scale at most the precision"},
		{"decimal(a)", `expected a number of digits, found "a"; write decimal(precision, scale)`},
		{"array", "type array needs the type of its elements, as in array<bigint>"},
		{"array<>", "array<> is empty; write the type of its elements, as in array<bigint>"},
		{"array<int", `expected ">", found the end of the text`},
		{"array<int, int>", "array takes 1 type, not 2; write the type of its elements, as in array<bigint>"},
		{"map<int>", "map takes 2 types, not 1; write the types of keys and values, as in map<string, bigint>"},
		{"struct<a int, A text>", `the struct has two fields named "A"; names ignore case`},
		{"int[3]", "lists have no fixed length; write []"},
		{"array<intt>", `unknown type "intt"; did you mean int?`},
		{"arry<int>", `unknown type "arry"; did you mean array?`},
		{"uuid", "there is no type uuid; write string"},
		{"json", "there is no type json; write string; -> and ->> read a JSON text"},
		{"char(3)", "there is no type char; write string"},
		{"varchar(20)", "varchar(20) would not check lengths; write varchar"},
		{"int(11)", "type int takes nothing in parentheses; write int"},
		{"interval", "a column of a source cannot be an interval; declare a string and cast it"},
		{"timestamp(3)", `timestamp(…) needs a unit, not "3"; the units are s, ms, us and ns, as in timestamp(ms)`},
		{"timestamp(ms", `expected ")", found the end of the text`},
		{"timestamp()", `timestamp(…) needs a unit, not ")"; the units are s, ms, us and ns, as in timestamp(ms)`},
		{"timestamptz(3)", "timestamptz counts microseconds and has no other precision; write timestamptz; date_trunc('millisecond', …) cuts"},
		{"bigint bigint", `"bigint bigint" is not a type`},
		{"'text'", "expected a type, found 'text'"},
		{strings.Repeat("array<", 33) + "int", "types are nested more than 32 deep"},
	} {
		typ, unit, err := ParseType(c.name)
		got := typ.String()
		if unit != 0 {
			got += " " + [...]string{"", "s", "ms", "us", "ns"}[unit]
		}
		if err != nil {
			got = fmt.Sprint(err)
		}
		if got != c.want {
			t.Errorf("%q: %s, want %s", c.name, got, c.want)
		}
	}
}
