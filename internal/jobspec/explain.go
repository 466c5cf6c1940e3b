package jobspec

import (
	"errors"
	"os"

	"github.com/millrace/millrace/internal/sql"
)

// Explain shows an error over several lines: the message with its place, the source line, a caret, and the hint. Without
// a place in a text that can be read it is the message alone.
func Explain(err error) string {
	var q *QueryError
	if errors.As(err, &q) {
		return sql.Render(err, q.Text)
	}
	pos, ok := sql.Position(err)
	if !ok || pos.File == "" {
		return err.Error()
	}
	text, readErr := os.ReadFile(pos.File)
	if readErr != nil {
		return err.Error()
	}
	return sql.Render(err, string(text))
}
