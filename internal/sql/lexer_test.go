package sql

import (
	"fmt"
	"strings"
	"testing"
)

func TestLex(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"", "end@1:1"},
		{" \n ", "end@1:1"},
		{"a\n  bc", "word:a@1:1 word:bc@2:3 end@2:5"},
		{"'it''s' x", "string:it's@1:1 word:x@1:9 end@1:10"},
		{"'a\nb' c", "string:a\nb@1:1 word:c@2:4 end@2:5"},
		{"\"a\"\"b\" `c``d`", "quoted:a\"b@1:1 quoted:c`d@1:8 end@1:14"},
		{"1 1.5 .5 1. 1e3 1.5E-3 2e", "integer:1@1:1 decimal:1.5@1:3 decimal:.5@1:7 decimal:1.@1:10 decimal:1e3@1:13 decimal:1.5E-3@1:17 fault:\"2e\" is not a number@1:24 end@1:24"},
		{"1-2--3\n4", "integer:1@1:1 sign:-@1:2 integer:2@1:3 integer:4@2:1 end@2:2"},
		{"a/* x\n*/b", "word:a@1:1 word:b@2:3 end@2:4"},
		{"a /* b", "word:a@1:1 fault:this comment has no end; write */@1:3 end@1:3"},
		{"a::b||c=>d<>e!=f", "word:a@1:1 sign:::@1:2 word:b@1:4 sign:||@1:5 word:c@1:7 sign:=>@1:8 word:d@1:10 sign:<>@1:11 word:e@1:13 sign:!=@1:14 word:f@1:16 end@1:17"},
		{"ä € b", "word:ä@1:1 fault:unexpected character '€'@1:3 end@1:3"},
		{"'日本' x", "string:日本@1:1 word:x@1:6 end@1:7"},
		{"\ufeffa", "word:a@1:1 end@1:2"},
		{"a\r\nb", "word:a@1:1 word:b@2:1 end@2:2"},
		{"a 'b\xff' c", "word:a@1:1 fault:byte 0xff is not UTF-8@1:5 end@1:5"},
		{"a \xff c", "word:a@1:1 fault:byte 0xff is not UTF-8@1:3 end@1:3"},
		{`E'a\n\'b''c\\' e'\x41\101\u20AC\U0001F600\q'`, "string:a\n'b'c\\@1:1 string:AA€😀q@1:16 end@1:45"},
		{`a E'b\u12'`, "word:a@1:1 fault:this escape is not complete@1:6 end@1:6"},
		{`E'\xff'`, "fault:the escapes of this string do not make UTF-8 text@1:1 end@1:1"},
		{`E'\0'`, "fault:the escapes of this string do not make UTF-8 text@1:1 end@1:1"},
		{`E'a\'`, "fault:this ' has no closing '@1:1 end@1:1"},
		{"$$a'b\nc$$ $x$ $$ $x$ b", "string:a'b\nc@1:1 string: $$ @2:5 word:b@2:16 end@2:17"},
		{"a $x$ b $$", "word:a@1:1 fault:this $x$ has no closing $x$@1:3 end@1:3"},
		{"$1 ${A}", "sign:$@1:1 integer:1@1:2 sign:$@1:4 sign:{@1:5 word:A@1:6 sign:}@1:7 end@1:8"},
		{"X'4a4B' x''", "bytes:JK@1:1 bytes:@1:9 end@1:12"},
		{"X'4'", "fault:X'4' is not a string of bytes@1:1 end@1:1"},
		{"1_000", "fault:\"1_000\" is not a number@1:1 end@1:1"},
		{"a->>'b'#>>c!~*d<=>e", "word:a@1:1 sign:->>@1:2 string:b@1:5 sign:#>>@1:8 word:c@1:11 sign:!~*@1:12 word:d@1:15 sign:<=>@1:16 word:e@1:19 end@1:20"},
		{"12ab", "fault:\"12ab\" is not a number@1:1 end@1:1"},
		{`""`, "fault:a name cannot be empty@1:1 end@1:1"},
		{`"a`, "fault:this \" has no closing \"@1:1 end@1:1"},
		{strings.Repeat("n", 256), "fault:this name is longer than 255 characters@1:1 end@1:1"},
		{"_a1$ x", "word:_a1$@1:1 word:x@1:6 end@1:7"},
	} {
		var got []string
		for _, tok := range lex(c.text) {
			got = append(got, showToken(tok))
		}
		if s := strings.Join(got, " "); s != c.want {
			t.Errorf("%q\n got %s\nwant %s", c.text, s, c.want)
		}
	}
}

func showToken(t token) string {
	kinds := []string{"end", "fault", "word", "quoted", "string", "bytes", "integer", "decimal", "sign"}
	s := kinds[t.kind]
	if t.kind != endToken {
		s += ":" + t.value
	}
	return fmt.Sprintf("%s@%d:%d", s, t.line, t.col)
}

// Numbers of other languages are refused with the number to write.
func TestNumberToWrite(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"1_000_000", "numbers have no underscores; write 1000000"},
		{"1_000.25", "numbers have no underscores; write 1000.25"},
		{"1_0e3 + a", "numbers have no underscores; write 10e3"},
		{"0x1F", "numbers are decimal; write 31"},
		{"0b101", "numbers are decimal; write 5"},
		{"0o17", "numbers are decimal; write 15"},
		{"0xFFFF_FFFF", "numbers are decimal; write 4294967295"},
		{"12ab", ""},
		{"0x", ""},
		{"1_a", ""},
		{"1__" + strings.Repeat("0", 200), "numbers have no underscores"},
	} {
		if got := lex(c.text)[0]; got.kind != faultToken || got.key != c.want {
			t.Errorf("%q: hint %q, want %q", c.text, got.key, c.want)
		}
	}
}
