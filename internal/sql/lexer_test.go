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
	kinds := []string{"end", "fault", "word", "quoted", "string", "integer", "decimal", "sign"}
	s := kinds[t.kind]
	if t.kind != endToken {
		s += ":" + t.value
	}
	return fmt.Sprintf("%s@%d:%d", s, t.line, t.col)
}
