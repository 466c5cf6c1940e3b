package jobspec

import (
	_ "embed"
	"strings"

	"github.com/millrace/millrace/columnar"
)

// zoneNames are names of the IANA database, one a line, for finding the nearest. Which names there are is the business of
// [columnar.LoadZone].
//
//go:embed zones.txt
var zoneNames string

func checkZone(t *tree, where string) error {
	if _, err := columnar.LoadZone(t.scalar); err == nil {
		return nil
	}
	hint := didYouMean(t.scalar, strings.Fields(zoneNames))
	if hint == "" {
		hint = "write a name of the IANA database such as Europe/Berlin, or UTC"
	}
	return fail(t.pos, hint, "%s: unknown time zone %s", where, t.shown())
}
