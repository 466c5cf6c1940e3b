package columnar

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// A numberPattern is a pattern of PostgreSQL's to_char for numbers: places for digits with signs, separators and texts
// between them.
type numberPattern struct {
	places        []numberPlace
	before, after int  // digits before and behind the point
	zeroFrom      int  // from which place before the point zeros are written; before when none
	point         bool // there is one
	fill          bool // blanks are written for what is missing: no FM
	sign          numberSign
}

type numberSign uint8

const (
	signFloating numberSign = iota // a minus or a blank in front of the first digit
	signBefore                     // S in front: plus or minus in front of the first digit
	signAfter                      // S at the end
	signBrackets                   // PR: <1>
	signPlaced                     // MI or SG at their place
)

// numberPlace is one place of the pattern: '9', '0', '.', ',', 'M' for MI, 'P' for PL, 'G' for SG, or a text.
type numberPlace struct {
	kind byte
	text string
}

const numberText = 't'

var refusedNumbers = map[string]string{"EEEE": "write CAST(number AS string)", "RN": "Roman numbers", "TH": "ordinals", "V": "shifted digits", "L": "currency signs; write the text in double quotes", "B": "blanks for zero"}

func compileNumberPattern(pattern string) (*numberPattern, error) {
	if len(pattern) > maxTimePattern {
		return nil, errors.New("the pattern is longer than 1,024 bytes")
	}
	p := &numberPattern{fill: true, zeroFrom: -1}
	for s := pattern; len(s) > 0; {
		n, err := p.next(s)
		if err != nil {
			return nil, fmt.Errorf("pattern %q: %w", pattern, err)
		}
		s = s[n:]
	}
	if p.before+p.after == 0 || p.before+p.after > 60 {
		return nil, fmt.Errorf("pattern %q: it has no place for a digit, or more than 60", pattern)
	}
	if p.zeroFrom < 0 {
		p.zeroFrom = p.before
	}
	return p, nil
}

// next takes the first piece of s and returns its length.
func (p *numberPattern) next(s string) (n int, err error) {
	for name, what := range refusedNumbers {
		if hasPrefixFold(s, name) {
			return 0, fmt.Errorf("%s (%s) is not supported", name, what)
		}
	}
	two := strings.ToUpper(s[:min(2, len(s))])
	switch {
	case two == "FM":
		p.fill = false
		return 2, nil
	case two == "MI" || two == "SG":
		p.place(map[string]byte{"MI": 'M', "SG": 'G'}[two])
		return 2, p.setSign(signPlaced)
	case two == "PL": // stands beside the floating sign
		p.place('P')
		return 2, nil
	case two == "PR":
		return 2, p.setSign(signBrackets)
	}
	switch c := s[0]; c {
	case 's', 'S':
		if p.before+p.after > 0 {
			return 1, p.setSign(signAfter)
		}
		return 1, p.setSign(signBefore)
	case '9', '0':
		p.digit(c)
	case '.', 'd', 'D':
		if p.point {
			return 0, errors.New("it has two points")
		}
		p.point = true
		p.place('.')
	case ',', 'g', 'G':
		p.place(',')
	case '"':
		end := strings.IndexByte(s[1:], '"')
		if end < 0 {
			return 0, errors.New("a double quote has no partner")
		}
		p.places = append(p.places, numberPlace{numberText, s[1 : 1+end]})
		return end + 2, nil
	default:
		if isLetter(c) {
			return 0, fmt.Errorf("%q is no place; a text stands in double quotes", s[:1])
		}
		p.places = append(p.places, numberPlace{numberText, s[:1]})
	}
	return 1, nil
}

func (p *numberPattern) place(kind byte) { p.places = append(p.places, numberPlace{kind: kind}) }

func (p *numberPattern) digit(c byte) {
	p.place(c)
	if p.point {
		p.after++
		return
	}
	if c == '0' && p.zeroFrom < 0 {
		p.zeroFrom = p.before
	}
	p.before++
}

func (p *numberPattern) setSign(s numberSign) error {
	if p.sign != signFloating && (p.sign != signPlaced || s != signPlaced) {
		return errors.New("it has two signs")
	}
	p.sign = s
	return nil
}

// append writes a number: whole has no zeros in front, frac as many digits as the pattern has behind the point.
func (p *numberPattern) append(dst []byte, negative bool, whole, frac []byte) []byte {
	w := numberWriter{numberPattern: p, negative: negative, whole: whole, frac: frac, shown: len(frac)}
	w.overflow = len(whole) > p.before
	w.first = min(p.before-len(whole), p.zeroFrom)
	if len(whole) == 0 && !p.hasFraction() {
		w.first = min(w.first, p.before-1) // a zero that stands alone is written
	}
	if !p.fill {
		w.cutZeros()
	}
	if w.overflow {
		w.first, w.shown = 0, len(frac)
	}
	for _, place := range p.places {
		dst = w.append(dst, place)
	}
	return w.end(dst)
}

func (p *numberPattern) hasFraction() bool { return p.point && p.after > 0 }

// numberWriter is the state of writing one number.
type numberWriter struct {
	*numberPattern
	negative    bool
	whole, frac []byte
	overflow    bool
	first       int // the place before the point from which on digits are written
	shown       int // digits written behind the point
	at          int // places for digits so far
	signed      bool
	begun       bool // a digit was written
}

// cutZeros leaves out zeros at the end of the fraction, up to the last place that asks for one.
func (w *numberWriter) cutZeros() {
	forced, k := 0, 0
	behind := false
	for _, place := range w.places {
		switch {
		case place.kind == '.':
			behind = true
		case behind && (place.kind == '9' || place.kind == '0'):
			if k++; place.kind == '0' {
				forced = k
			}
		}
	}
	for w.shown > forced && w.frac[w.shown-1] == '0' {
		w.shown--
	}
	if w.shown == 0 && len(w.whole) == 0 {
		w.first = min(w.first, w.before-1)
	}
}

func (w *numberWriter) append(dst []byte, place numberPlace) []byte {
	switch place.kind {
	case '9', '0':
		dst = w.appendDigit(dst)
		w.at++
		return dst
	case '.':
		if !w.signed {
			dst = w.appendSign(dst)
		}
		return append(dst, '.')
	case ',':
		if w.begun {
			return append(dst, ',')
		}
		return w.blank(dst)
	case 'M', 'P', 'G':
		return w.placedSign(dst, place.kind)
	}
	return append(dst, place.text...)
}

func (w *numberWriter) blank(dst []byte) []byte {
	if w.fill {
		return append(dst, ' ')
	}
	return dst
}

func (w *numberWriter) placedSign(dst []byte, kind byte) []byte {
	switch {
	case kind == 'M' && w.negative, kind == 'G' && w.negative:
		return append(dst, '-')
	case kind == 'P' && !w.negative, kind == 'G':
		return append(dst, '+')
	}
	return w.blank(dst)
}

func (w *numberWriter) appendDigit(dst []byte) []byte {
	k := w.at - w.before
	if k < 0 && w.at < w.first {
		return w.blank(dst)
	}
	if k >= w.shown {
		return dst
	}
	if !w.signed {
		dst = w.appendSign(dst)
	}
	w.begun = true
	switch missing := w.before - len(w.whole); {
	case w.overflow:
		return append(dst, '#')
	case k >= 0:
		return append(dst, w.frac[k])
	case w.at < missing:
		return append(dst, '0')
	default:
		return append(dst, w.whole[w.at-missing])
	}
}

// appendSign writes what stands in front of the first digit.
func (w *numberWriter) appendSign(dst []byte) []byte {
	w.signed = true
	switch {
	case w.sign == signBrackets && w.negative:
		return append(dst, '<')
	case w.sign == signBefore && !w.negative:
		return append(dst, '+')
	case (w.sign == signBefore || w.sign == signFloating) && w.negative:
		return append(dst, '-')
	case w.sign == signBrackets || w.sign == signFloating:
		return w.blank(dst)
	}
	return dst
}

func (w *numberWriter) end(dst []byte) []byte {
	switch {
	case w.sign == signAfter && w.negative:
		return append(dst, '-')
	case w.sign == signAfter:
		return append(dst, '+')
	case w.sign == signBrackets && w.negative:
		return append(dst, '>')
	case w.sign == signBrackets:
		return w.blank(dst)
	}
	return dst
}

// digitsOf splits the text of a number, with a point where there are digits behind it, into its parts.
func digitsOf(text []byte) (negative bool, whole, frac []byte) {
	if negative = text[0] == '-'; negative {
		text = text[1:]
	}
	whole = text
	for i, c := range text {
		if c == '.' {
			whole, frac = text[:i], text[i+1:]
		}
	}
	for len(whole) > 0 && whole[0] == '0' {
		whole = whole[1:]
	}
	return negative && !allZeros(whole, frac), whole, frac
}

func allZeros(whole, frac []byte) bool {
	for _, c := range frac {
		if c != '0' {
			return false
		}
	}
	return len(whole) == 0
}

func resolveToChar(fn *function, args []*Expr) (*Expr, error) {
	if len(args) != 2 {
		return nil, noSuchFunction(fn, args)
	}
	if !args[0].Type.Numeric() {
		return resolveWrite(fn, args, "postgresql")
	}
	pattern, err := patternArgument(fn, args)
	if err != nil {
		return nil, err
	}
	if _, err := compileNumberPattern(pattern); err != nil {
		return nil, fmt.Errorf("to_char: %w", err)
	}
	n := args[0]
	if kind := numberKind(n.Type); kind != n.Type.Kind {
		if n, err = fn.session.coerce(n, Type{Kind: kind}); err != nil {
			return nil, err
		}
	}
	return &Expr{Op: fn.Name, Type: Type{Kind: String}, Args: []*Expr{n, textLiteral(pattern)}}, nil
}

// numberKind is the kind that functions of numbers take a number as.
func numberKind(t Type) Kind {
	switch {
	case t.Integer():
		return Int64
	case t.Float():
		return Float64
	}
	return t.Kind
}

func toCharKernel(e *Expr) kernel {
	if isTime(e.Args[0].Type.Kind) {
		return writeKernel("postgresql")(e)
	}
	p, err := compileNumberPattern(e.Args[1].valueText())
	if err != nil || e.Args[1].Op != "const" {
		return nil
	}
	var buf []byte
	return textRows(func(dst []byte, in []*Vector, r int32) ([]byte, verdict) {
		var v verdict
		if buf, v = appendDigits(buf[:0], in[0], r, p.after); v != fine {
			return dst, v
		}
		negative, whole, frac := digitsOf(buf)
		return p.append(dst, negative, whole, frac), fine
	})
}

// appendDigits writes row r of a column of numbers with so many digits behind the point.
func appendDigits(dst []byte, v *Vector, r int32, digits int) ([]byte, verdict) {
	switch v.Type.Kind {
	case Int64:
		dst = strconv.AppendInt(dst, v.I64[r], 10)
	case Float64:
		f := v.F64[r]
		if f-f != 0 {
			return dst, verdict(string(appendDouble(nil, f)) + " has no digits")
		}
		return strconv.AppendFloat(dst, roundedTo(f, digits), 'f', digits, 64), fine
	default:
		scale := int(v.Type.Scale)
		if scale <= digits {
			return appendZeros(v.Wide[r].AppendDecimal(dst, scale), scale, digits), fine
		}
		m, negative := v.Wide[r].magnitude()
		return m.rounded(scale-digits).signed(negative).AppendDecimal(dst, digits), fine
	}
	return appendZeros(dst, 0, digits), fine
}

// appendZeros adds digits behind the point of a number that has fewer.
func appendZeros(dst []byte, have, want int) []byte {
	if have == 0 && want > 0 {
		dst = append(dst, '.')
	}
	for ; have < want; have++ {
		dst = append(dst, '0')
	}
	return dst
}

// roundedTo rounds halves away from zero where the double is exact enough to know them.
func roundedTo(f float64, digits int) float64 {
	if digits > 15 {
		return f
	}
	return atDigits(f, int64(digits), math.Round)
}
