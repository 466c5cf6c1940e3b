package windows

import (
	"flag"
	"os"
	"runtime/debug"
	"testing"
)

// TestMain lets garbage lie longer, but for benchmarks: what a case makes is small, and gone with it.
func TestMain(m *testing.M) {
	flag.Parse()
	if flag.Lookup("test.bench").Value.String() == "" {
		debug.SetGCPercent(3200)
	}
	os.Exit(m.Run())
}
