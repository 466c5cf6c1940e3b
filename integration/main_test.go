package integration

import (
	"os"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/millrace/millrace/integration/kafkatest"
	"github.com/millrace/millrace/integration/s3test"
)

// TestMain lets garbage of the tests themselves lie longer; the programs that they start are as they are. The keys of the S3 gateway
// are in the environment from the start, because tests that run beside others may not change it.
func TestMain(m *testing.M) {
	for _, e := range s3test.Env() {
		name, value, _ := strings.Cut(e, "=")
		os.Setenv(name, value)
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(400)
	}
	code := kafkatest.Main(m)
	s3test.Stop()
	os.Exit(code)
}
