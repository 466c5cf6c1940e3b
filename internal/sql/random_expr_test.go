package sql_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// A random typed expression in two spellings: ours, and DuckDB's where that differs.
type spelled struct {
	ours, duck string
	depth      int
	constant   bool // no column in it
	folds      bool // a part that is computed, but of constants alone
}

// production makes an expression of a type from parts of other types. In a template each @ stands for the next part;
// an empty duck is the same as ours.
type production struct {
	ours, duck string
	parts      string // kinds of the parts, a letter each
}

// Kinds of expressions, as letters: boolean, bigint, double, decimal, string, date, timestamp.
const kinds = "bixpsdt"

var productions = map[byte][]production{
	'b': append(comparisons(),
		production{ours: "(@ AND @)", parts: "bb"}, production{ours: "(@ OR @)", parts: "bb"}, production{ours: "(NOT @)", parts: "b"},
		production{ours: "(@ IS NULL)", parts: "s"}, production{ours: "(@ IS NOT NULL)", parts: "i"}, production{ours: "(@ IS TRUE)", parts: "b"},
		production{ours: "(@ IS NOT FALSE)", parts: "b"}, production{ours: "(@ IS DISTINCT FROM @)", parts: "ii"}, production{ours: "(@ IS NOT DISTINCT FROM @)", parts: "ss"},
		production{ours: "(@ BETWEEN @ AND @)", parts: "iii"}, production{ours: "(@ NOT BETWEEN @ AND @)", parts: "ttt"}, production{ours: "(@ BETWEEN @ AND @)", parts: "xxx"},
		production{ours: "(@ IN (@, @, 7))", duck: "(@ IN (@, @, 7::BIGINT))", parts: "iii"}, production{ours: "(@ NOT IN ('a', @, ''))", parts: "ss"}, production{ours: "(@ IN (@, @))", parts: "ddd"},
		production{ours: "(@ LIKE 'a%')", parts: "s"}, production{ours: "(@ LIKE '%b%')", parts: "s"}, production{ours: "(@ NOT LIKE '_b%')", parts: "s"}, production{ours: "(@ ILIKE '%A')", parts: "s"},
		production{ours: "starts_with(@, @)", parts: "ss"}, production{ours: "contains(@, @)", parts: "ss"}, production{ours: "regexp_like(@, '[a-c]+x?')", duck: "regexp_matches(@, '[a-c]+x?')", parts: "s"},
		production{ours: "CASE WHEN @ THEN @ ELSE @ END", parts: "bbb"}, production{ours: "coalesce(@, @)", parts: "bb"}, production{ours: "nullif(@, @)", parts: "bb"}),
	'i': {{ours: "(@ + @)", parts: "ii"}, {ours: "(@ - @)", parts: "ii"}, {ours: "(@ * @)", parts: "ii"}, {ours: "(@ / @)", parts: "ii"}, {ours: "(@ % @)", parts: "ii"},
		{ours: "(-@)", parts: "i"}, {ours: "abs(@)", parts: "i"}, {ours: "length(@)", parts: "s"}, {ours: "strpos(@, @)", parts: "ss"},
		{ours: "CASE WHEN @ THEN @ WHEN @ THEN @ END", parts: "bibi"}, {ours: "CASE WHEN @ THEN @ ELSE @ END", parts: "bii"}, {ours: "CASE @ WHEN @ THEN @ ELSE 0 END", duck: "CASE @ WHEN @ THEN @ ELSE 0::BIGINT END", parts: "ssi"},
		{ours: "coalesce(@, @)", parts: "ii"}, {ours: "nullif(@, @)", parts: "ii"}, {ours: "greatest(@, @)", parts: "ii"}, {ours: "least(@, @, @)", parts: "iii"},
		{ours: "CAST(@ AS bigint)", parts: "x"}, {ours: "CAST(@ AS bigint)", parts: "p"}, {ours: "CAST(@ AS bigint)", parts: "b"}, {ours: "TRY_CAST(split_part(@, '.', 1) AS bigint)", parts: "s"},
		{ours: "CAST(extract(year FROM @) AS bigint)", parts: "t"}, {ours: "CAST(extract(month FROM @) AS bigint)", parts: "d"}, {ours: "CAST(extract(day FROM @) AS bigint)", parts: "t"}, {ours: "CAST(extract(dow FROM @) AS bigint)", parts: "d"},
		{ours: "CAST(extract(hour FROM @) AS bigint)", parts: "t"}, {ours: "CAST(extract(doy FROM @) AS bigint)", parts: "d"}, {ours: "CAST(extract(week FROM @) AS bigint)", parts: "t"}, {ours: "CAST(extract(quarter FROM @) AS bigint)", parts: "d"},
		{ours: "(@ - @)", parts: "dd"}, {ours: "(@ & @)", parts: "ii"}, {ours: "(@ | @)", parts: "ii"}, {ours: "CAST(CAST(@ AS int) AS bigint)", parts: "i"}, {ours: "CAST(TRY_CAST(@ AS smallint) AS bigint)", parts: "i"}},
	'x': {{ours: "(@ + @)", parts: "xx"}, {ours: "(@ - @)", parts: "xx"}, {ours: "(@ * @)", parts: "xx"}, {ours: "(@ / @)", parts: "xx"}, {ours: "(-@)", parts: "x"}, {ours: "abs(@)", parts: "x"},
		{ours: "floor(@)", parts: "x"}, {ours: "ceil(@)", parts: "x"}, {ours: "sqrt(abs(@))", parts: "x"}, {ours: "CAST(@ AS double)", parts: "i"}, {ours: "CAST(@ AS double)", parts: "p"}, {ours: "(@ + @)", parts: "xi"}, {ours: "(@ * @)", parts: "ix"},
		{ours: "CASE WHEN @ THEN @ ELSE @ END", parts: "bxx"}, {ours: "coalesce(@, @)", parts: "xx"}, {ours: "nullif(@, @)", parts: "xx"}, {ours: "greatest(@, @)", parts: "xx"}, {ours: "least(@, @)", parts: "xi"}, {ours: "CAST(CAST(@ AS float) AS double)", parts: "x"}},
	'p': {{ours: "(@ + @)", parts: "pp"}, {ours: "(@ - @)", parts: "pp"}, {ours: "(@ * 2)", duck: "(@ * 2::DECIMAL(1,0))", parts: "p"}, {ours: "(-@)", parts: "p"}, {ours: "abs(@)", parts: "p"},
		{ours: "CAST(@ AS decimal(18,2))", parts: "i"}, {ours: "CAST(@ AS decimal(12,1))", parts: "p"}, {ours: "CASE WHEN @ THEN @ ELSE @ END", parts: "bpp"}, {ours: "coalesce(@, @)", parts: "pp"}, {ours: "CAST(@ AS decimal(20,4))", parts: "p"}},
	's': {{ours: "lower(@)", parts: "s"}, {ours: "upper(@)", parts: "s"}, {ours: "(@ || @)", parts: "ss"}, {ours: "trim(@)", parts: "s"}, {ours: "ltrim(@)", parts: "s"}, {ours: "reverse(@)", parts: "s"}, {ours: "substr(@, 2)", parts: "s"}, {ours: "substr(@, 1, 3)", parts: "s"},
		{ours: "left(@, 2)", parts: "s"}, {ours: "right(@, 3)", parts: "s"}, {ours: "replace(@, 'a', @)", parts: "ss"}, {ours: "replace(@, 'b', '')", parts: "s"}, {ours: "lpad(@, 6, '*')", parts: "s"}, {ours: "rpad(@, 4, 'xy')", parts: "s"}, {ours: "repeat(@, 2)", parts: "s"},
		{ours: "split_part(@, 'b', 1)", parts: "s"}, {ours: "split_part(@, ',', 2)", parts: "s"}, {ours: "CAST(@ AS string)", parts: "i"}, {ours: "CAST(@ AS string)", parts: "d"}, {ours: "CAST(@ AS string)", parts: "b"}, {ours: "CAST(@ AS string)", parts: "t"}, {ours: "CAST(@ AS string)", parts: "p"},
		{ours: "CASE WHEN @ THEN @ ELSE @ END", parts: "bss"}, {ours: "CASE WHEN @ THEN @ END", parts: "bs"}, {ours: "coalesce(@, @)", parts: "ss"}, {ours: "nullif(@, @)", parts: "ss"}, {ours: "greatest(@, @)", parts: "ss"}, {ours: "least(@, @)", parts: "ss"}, {ours: "regexp_replace(@, '[0-9]+', '#', 'g')", parts: "s"}},
	'd': {{ours: "(@ + 1)", parts: "d"}, {ours: "(@ - 31)", parts: "d"}, {ours: "CAST(@ AS date)", parts: "t"}, {ours: "last_day(@)", parts: "d"}, {ours: "CASE WHEN @ THEN @ ELSE @ END", parts: "bdd"}, {ours: "coalesce(@, @)", parts: "dd"}, {ours: "nullif(@, @)", parts: "dd"}, {ours: "greatest(@, @)", parts: "dd"}, {ours: "TRY_CAST(regexp_extract(@, '^[0-9]{4}-[0-9]{2}-[0-9]{2}$', 0) AS date)", parts: "s"}},
	't': {{ours: "date_trunc('hour', @)", parts: "t"}, {ours: "date_trunc('week', @)", parts: "t"}, {ours: "date_trunc('month', @)", parts: "t"}, {ours: "date_trunc('year', @)", parts: "t"}, {ours: "(@ + INTERVAL '1' DAY)", parts: "t"}, {ours: "(@ - INTERVAL '90' MINUTE)", parts: "t"}, {ours: "(@ + INTERVAL '1' MONTH)", parts: "t"},
		{ours: "CAST(@ AS timestamp)", parts: "d"}, {ours: "CASE WHEN @ THEN @ ELSE @ END", parts: "btt"}, {ours: "coalesce(@, @)", parts: "tt"}, {ours: "greatest(@, @)", parts: "tt"}, {ours: "least(@, @)", parts: "tt"}, {ours: "nullif(@, @)", parts: "tt"}},
}

func comparisons() []production {
	var out []production
	for _, k := range "ixpsdt" {
		for _, op := range []string{"=", "<>", "<", "<=", ">", ">="} {
			out = append(out, production{ours: "(@ " + op + " @)", parts: string([]rune{k, k})})
		}
	}
	return append(out, production{ours: "(@ < @)", parts: "ix"}, production{ours: "(@ >= @)", parts: "pi"}, production{ours: "(@ = @)", parts: "xp"}, production{ours: "(@ > @)", parts: "td"})
}

// columnsOf are the columns of the random table by kind.
var columnsOf = map[byte][]string{'b': {"b1", "b2"}, 'i': {"i1", "i2"}, 'x': {"x1", "x2"}, 'p': {"p1", "p2"}, 's': {"s1", "s2"}, 'd': {"d1", "d2"}, 't': {"t1", "t2"}}

// constants of a kind: what stands in the table too, as texts of both dialects.
var constants = map[byte][]spelled{
	'b': same("TRUE", "FALSE"),
	'i': bigints(0, 1, -1, 2, 3, 7, -40, 100, 2147483647, -2147483648, 3000000000, 9223372036854775807),
	'x': doubles("0e0", "1e0", "-1e0", "0.5e0", "2.5e0", "-3.5e0", "1e-5", "123456789e0", "1e15", "1e300"),
	'p': same("CAST(0 AS decimal(10,2))", "CAST(1.5 AS decimal(10,2))", "CAST(-0.01 AS decimal(10,2))", "CAST(99999999.99 AS decimal(10,2))", "CAST(2.55 AS decimal(10,2))"),
	's': same("''", "'a'", "'b'", "'view'", "'Ärger'", "' 7 '", "'12'", "'-1'", "'a,b,c'", "'2024-02-29'", "'abcabc'", "'日本'"),
	'd': same("DATE '1970-01-01'", "DATE '1969-12-31'", "DATE '2024-02-29'", "DATE '2000-01-03'", "DATE '1900-03-01'"),
	't': same("TIMESTAMP '1970-01-01 00:00:00'", "TIMESTAMP '2024-02-29 12:30:05.25'", "TIMESTAMP '1969-12-31 23:59:59.999999'", "TIMESTAMP '2000-01-03 00:00:00'"),
}

func same(texts ...string) []spelled {
	var out []spelled
	for _, s := range texts {
		out = append(out, spelled{ours: s, duck: s, depth: 1, constant: true})
	}
	return out
}

// bigints are int in DuckDB unless they are cast.
func bigints(values ...int64) []spelled {
	var out []spelled
	for _, v := range values {
		out = append(out, spelled{ours: fmt.Sprintf("(%d)", v), duck: fmt.Sprintf("(%d)::BIGINT", v), depth: 1, constant: true})
	}
	return out
}

func doubles(texts ...string) []spelled {
	var out []spelled
	for _, s := range texts {
		out = append(out, spelled{ours: "(" + s + ")", duck: "(" + s + ")::DOUBLE", depth: 1, constant: true})
	}
	return out
}

// randomExpr makes an expression of a kind that is depth levels deep at most, and mostly that.
func randomExpr(r *rand.Rand, kind byte, depth int) spelled {
	if depth <= 1 {
		if r.IntN(4) > 0 {
			c := columnsOf[kind][r.IntN(2)]
			return spelled{ours: c, duck: c, depth: 1}
		}
		return constants[kind][r.IntN(len(constants[kind]))]
	}
	list := productions[kind]
	p := list[r.IntN(len(list))]
	out := spelled{constant: true}
	parts := make([]spelled, len(p.parts))
	deep := r.IntN(max(len(parts), 1))
	for i := range parts {
		d := depth - 1
		if i != deep {
			d = 1 + r.IntN(depth-1)
		}
		parts[i] = randomExpr(r, p.parts[i], d)
		out.depth = max(out.depth, parts[i].depth)
		out.constant, out.folds = out.constant && parts[i].constant, out.folds || parts[i].folds
	}
	out.depth++
	out.folds = out.folds || out.constant
	out.ours = filled(p.ours, parts, func(s spelled) string { return s.ours })
	template := p.duck
	if template == "" {
		template = p.ours
	}
	out.duck = filled(template, parts, func(s spelled) string { return s.duck })
	return out
}

// filled puts the parts in the places of the @ signs.
func filled(template string, parts []spelled, text func(spelled) string) string {
	var out strings.Builder
	for i, piece := range strings.Split(template, "@") {
		if i > 0 {
			out.WriteString(text(parts[i-1]))
		}
		out.WriteString(piece)
	}
	return out.String()
}
