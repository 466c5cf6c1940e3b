package windows

import (
	"os"
	"runtime/debug"
	"testing"
)

// TestMain lets garbage lie longer: what a case makes is small, and gone with it.
func TestMain(m *testing.M) {
	debug.SetGCPercent(3200)
	os.Exit(m.Run())
}
