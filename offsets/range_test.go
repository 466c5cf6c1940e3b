package offsets_test

import (
	"strings"
	"testing"

	"github.com/millrace/millrace/offsets"
)

func TestTopicIDText(t *testing.T) {
	for _, text := range []string{"", "0a", strings.Repeat("0a", 16), strings.Repeat("0a", 17), strings.Repeat("0a", 15) + "0g", strings.Repeat("0", 31), "zz" + strings.Repeat("0a", 16)} {
		var id offsets.TopicID
		err := id.UnmarshalText([]byte(text))
		switch whole := text == strings.Repeat("0a", 16); {
		case whole && (err != nil || id.String() != text):
			t.Errorf("%q: %v, %v", text, id, err)
		case !whole && (err == nil || !strings.Contains(err.Error(), "want 32 hexadecimal digits")):
			t.Errorf("%q: %v", text, err)
		}
	}
}
