package columnar

// TimeUnit says how a number, or the digits in a string, count time since the epoch.
type TimeUnit uint8

// The time units. UnitNone means text only (RFC 3339).
const (
	UnitNone TimeUnit = iota
	UnitSecond
	UnitMilli
	UnitMicro
	UnitNano
)

// DecodeField is a column that a decoder fills. Its name may be one of the metadata columns that every format has:
// _topic (string), _partition (int), _offset (bigint), _timestamp (timestamp), _key (binary).
type DecodeField struct {
	Field
	Key      string   // the object key to read; exact case; empty = Field.Name
	Unit     TimeUnit // for timestamps
	Required bool     // a missing key or null is a bad record
}

// JSONKey is the object key that the field is read from.
func (f DecodeField) JSONKey() string {
	if f.Key != "" {
		return f.Key
	}
	return f.Name
}

// Metadata reports whether name is a metadata column, and its type.
func Metadata(name string) (Type, bool) {
	switch name {
	case "_topic":
		return Type{Kind: String}, true
	case "_partition":
		return Type{Kind: Int32}, true
	case "_offset":
		return Type{Kind: Int64}, true
	case "_timestamp":
		return Type{Kind: Timestamp}, true
	case "_key":
		return Type{Kind: Binary}, true
	}
	return Type{}, false
}
