package columnar

import (
	"fmt"
	"strings"
)

// ColumnError is about one column of a static table, as it is declared.
type ColumnError struct {
	Column string // its declared name
	Err    error
}

func (e *ColumnError) Error() string { return fmt.Sprintf("column %q: %v", e.Column, e.Err) }
func (e *ColumnError) Unwrap() error { return e.Err }

// NoColumnError is a name that no column of a table's file, or no field of a struct in it, has.
type NoColumnError struct {
	Name    string
	Columns []string // those that are there, in the order of the file
}

// shownColumns is how many names stand in a message.
const shownColumns = 20

func (e *NoColumnError) Error() string {
	named, more := e.Columns, ""
	if len(named) > shownColumns {
		more = fmt.Sprintf(" and %d more", len(named)-shownColumns)
		named = named[:shownColumns]
	}
	return fmt.Sprintf("the file has no column %q; the columns are %s%s", e.Name, strings.Join(named, ", "), more)
}
