package columnar

import "strings"

// unitNames are the units of time with the short forms of PostgreSQL. Fields of date_part stand here, too.
var unitNames = map[string]string{}

func init() {
	for unit, names := range map[string]string{
		"microsecond": "us usec usecs useconds microsecon", "millisecond": "ms msec msecs", "second": "s sec secs",
		"minute": "m min mins", "hour": "h hr hrs", "day": "d dayofmonth", "week": "w weekofyear", "month": "mon mons", "quarter": "qtr",
		"year": "y yr yrs yyyy yy", "decade": "dec decs", "century": "c cent centuries", "millennium": "mil mils millennia",
		"epoch": "", "dow": "", "isodow": "dayofweek_iso", "doy": "dayofyear", "isoyear": "yearofweek", "dayofweek": "", "weekday": "",
		"timezone": "", "timezone_hour": "", "timezone_minute": "",
	} {
		unitNames[unit], unitNames[unit+"s"] = unit, unit
		for _, n := range strings.Fields(names) {
			unitNames[n] = unit
		}
	}
}

// unitOf is the full name of a unit, empty when there is none.
func unitOf(name string) string { return unitNames[strings.ToLower(strings.TrimSpace(name))] }
