package main

import "testing"

// TestRowsIn: rows in topics are not said to be in files.
func TestRowsIn(t *testing.T) {
	for _, c := range []struct {
		rows, inTopics int64
		files          int
		want           string
	}{
		{0, 0, 0, "0 rows in 0 files"},
		{5, 0, 1, "5 rows in 1 file"},
		{5, 5, 0, "5 rows in topics"},
		{5, 1, 2, "4 rows in 2 files and 1 row in topics"},
		{5, 5, 2, "0 rows in 2 files and 5 rows in topics"},
	} {
		if got := rowsIn(c.rows, c.inTopics, c.files); got != c.want {
			t.Errorf("%d rows, %d in topics, %d files: %q, want %q", c.rows, c.inTopics, c.files, got, c.want)
		}
	}
}
