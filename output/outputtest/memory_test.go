package outputtest_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/millrace/millrace/output"
	"github.com/millrace/millrace/output/outputtest"
)

func TestMemory(t *testing.T) {
	outputtest.TestSink(t, func(*testing.T) outputtest.Place {
		m := outputtest.NewMemory()
		layout := outputtest.Layout()
		layout.Columns, layout.Partitions = []int{0, 1}, nil
		return outputtest.Place{
			Open:      func(owner output.Owner) (output.Sink, error) { return m.Open("out", layout, owner) },
			Read:      func() ([]string, error) { return keyNumbers(m.Rows()) },
			Interrupt: m.Interrupt,
		}
	})
}

func keyNumbers(rows []string) ([]string, error) {
	var out []string
	for _, row := range rows {
		var r struct {
			Key    string
			Number int64
		}
		if err := json.Unmarshal([]byte(row), &r); err != nil {
			return nil, err
		}
		out = append(out, fmt.Sprint(r.Key, " ", r.Number))
	}
	return out, nil
}
