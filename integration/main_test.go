package integration

import (
	"os"
	"testing"

	"github.com/millrace/millrace/integration/kafkatest"
)

func TestMain(m *testing.M) { os.Exit(kafkatest.Main(m)) }
