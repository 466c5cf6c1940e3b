package columnar

import (
	"os"
	"runtime/debug"
	"testing"
)

// TestMain lets the heap of the tests grow: they make small things and drop them, and spent a third of their time in
// collecting these.
func TestMain(m *testing.M) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(400)
	}
	os.Exit(m.Run())
}
