package integration

import (
	"os"
	"testing"

	"github.com/millrace/millrace/integration/kafkatest"
	"github.com/millrace/millrace/integration/s3test"
)

func TestMain(m *testing.M) {
	code := kafkatest.Main(m)
	s3test.Stop()
	os.Exit(code)
}
