package integration

import (
	"os"
	"runtime/debug"
	"testing"

	"github.com/millrace/millrace/integration/kafkatest"
	"github.com/millrace/millrace/integration/s3test"
)

// TestMain lets garbage of the tests themselves lie longer; the programs that they start are as they are.
func TestMain(m *testing.M) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(400)
	}
	code := kafkatest.Main(m)
	s3test.Stop()
	os.Exit(code)
}
