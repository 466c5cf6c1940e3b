package columnar

import (
	"errors"
	"math/big"
	"time"
)

// interpretTimePlus adds an interval in UTC, or takes it away, by the calendar of package time.
func interpretTimePlus(t int64, by interval, minus bool) (any, error) {
	months, days, micros := int64(by.months), int64(by.days), big.NewInt(by.micros)
	if minus {
		months, days = -months, -days
		micros.Neg(micros)
	}
	at := time.UnixMicro(t).UTC()
	day := at.Day()
	first := at.AddDate(0, int(months), 1-day)
	if last := first.AddDate(0, 1, -1).Day(); day > last {
		day = last
	}
	at = first.AddDate(0, 0, day-1+int(days))
	sum := big.NewInt(at.Unix())
	sum.Add(sum.Mul(sum, big.NewInt(1_000_000)), micros.Add(micros, big.NewInt(int64(at.Nanosecond()/1000))))
	if !sum.IsInt64() {
		return nil, errors.New("timestamp out of range")
	}
	return sum.Int64(), nil
}
