package batch

import (
	"flag"
	"os"
	"runtime/debug"
	"testing"
)

// TestMain lets garbage lie longer, but for benchmarks: what a simulated job makes is small, and gone with it.
func TestMain(m *testing.M) {
	flag.Parse()
	if os.Getenv("GOGC") == "" && flag.Lookup("test.bench").Value.String() == "" {
		debug.SetGCPercent(400)
	}
	os.Exit(m.Run())
}
