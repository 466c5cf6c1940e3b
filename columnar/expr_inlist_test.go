package columnar

import "testing"

// TestInListsAreFound says which chains of OR are looked up in a table.
func TestInListsAreFound(t *testing.T) {
	n, delay := Col(exprSchema, 1), Col(exprSchema, 6)
	equal := func(x *Expr, i int64) *Expr { return mustCall(t, "=", x, bigint(i)) }
	or := func(a, b *Expr) *Expr { return mustCall(t, "or", a, b) }
	four := or(or(equal(n, 1), equal(n, 2)), or(equal(n, 3), equal(n, 4)))
	for _, c := range []struct {
		e    *Expr
		want string
	}{
		{four, "in:boolean(#1:bigint,1:bigint,2:bigint,3:bigint,4:bigint)"},
		{or(or(equal(n, 1), equal(n, 2)), equal(n, 3)), ""},
		{or(four, equal(delay, 5)), ""},
		{or(four, mustCall(t, "<", n, bigint(5))), ""},
		{or(four, mustCall(t, "=", n, delay)), ""},
	} {
		want := c.want
		if want == "" {
			want = c.e.String()
		}
		if got := asInList(c.e).String(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
