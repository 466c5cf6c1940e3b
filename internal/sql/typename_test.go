package sql

import (
	"fmt"
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
		{"", `unknown type ""`},
		{"decimal(18,4)", "type decimal is not supported yet; double loses exactness, string keeps it"},
		{"array<string>", "type array is not supported yet"},
		{"struct<a:int>", "type struct is not supported yet"},
		{"map<string,int>", "type map is not supported yet"},
		{"float", "type float is not supported yet; write double"},
		{"uuid", "type uuid is not supported yet; write string"},
		{"timestamp with time zone", "type timestamp with time zone is not supported yet; timestamp is UTC"},
		{"varchar(20)", "type varchar takes nothing in parentheses; write varchar"},
		{"timestamp(3)", "unknown unit in timestamp(3); the units are s, ms, us and ns, as in timestamp(ms)"},
		{"timestamp(ms", "unknown unit in timestamp(ms; the units are s, ms, us and ns, as in timestamp(ms)"},
		{"timestamp()", "unknown unit in timestamp(); the units are s, ms, us and ns, as in timestamp(ms)"},
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
