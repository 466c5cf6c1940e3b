package columnar

// Int128 is a signed integer of 128 bits in two's complement, in the memory layout of Arrow's decimal128: Lo, then Hi.
type Int128 struct {
	Lo uint64
	Hi int64
}

// MakeInterval is an interval of calendar months, calendar days and microseconds, which do not convert into each other:
// a month has no fixed number of days, and a day has 23 to 25 hours.
func MakeInterval(months, days int32, micros int64) Int128 {
	return Int128{Lo: uint64(micros), Hi: int64(months)<<32 | int64(uint32(days))}
}

// Interval takes an interval apart.
func (v Int128) Interval() (months, days int32, micros int64) {
	return int32(v.Hi >> 32), int32(v.Hi), int64(v.Lo)
}
