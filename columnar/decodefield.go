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

// DecodeField is a column that a decoder fills. Its name may be one of the metadata columns, see [MetadataFields].
type DecodeField struct {
	Field
	Key      string   // the key of the record's object to read; exact case; empty = Field.Name
	Path     Path     // the way to a value deeper inside the record; then Key is empty
	Unit     TimeUnit // for timestamps, also inside nested types
	Required bool     // a missing key or null is a bad record
}

// JSONPath is where the field is read from: Path, or the one step that Key or the name stand for.
func (f DecodeField) JSONPath() Path {
	switch {
	case len(f.Path) > 0:
		return f.Path
	case f.Key != "":
		return Path{{Key: f.Key}}
	}
	return Path{{Key: f.Name}}
}

// NeedsZone reports whether texts for the column may need a time zone to be read in: it holds instants, and is no metadata.
func (f DecodeField) NeedsZone() bool {
	_, meta := Metadata(f.Name)
	return hasTimestamp(f.Type) && !meta
}

// DecodeOptions says how a decoder treats values and records. The zero value is the strict one.
type DecodeOptions struct {
	// NullBadValues makes NULL of a value that does not fit its column, and counts it in [RowCounts].Nulled, where
	// otherwise its record is a bad record. It does not mend records that are broken as a whole, nor columns that are
	// required.
	NullBadValues bool
	// Zone reads the texts of timestamp columns that name no zone; nil is UTC.
	Zone *Zone
	// CensusRecords is how many records [JSONDecoder.Census] looks at for their keys; 0 for none, which costs nothing.
	CensusRecords int
	// Filter lets a [JSONDecoder] leave out rows that a filter behind it drops; other formats hand out all rows. nil for none,
	// which costs nothing.
	Filter *RowFilter
}

// The metadata columns that a source has without declaring them.
var metadataFields = []Field{
	{"_topic", Type{Kind: String}},
	{"_partition", Type{Kind: Int32}},
	{"_offset", Type{Kind: Int64}},
	{"_timestamp", Type{Kind: Timestamp}},
	{"_key", Type{Kind: Binary}},
	{"_headers", ArrayOf(StructOf(Field{"key", Type{Kind: String}}, Field{"value", Type{Kind: Binary}}))},
}

// ValueColumn is the column that raw records have beside the metadata: the record's value.
const ValueColumn = "_value"

var rawValue = Field{ValueColumn, Type{Kind: Binary}}

// The formats of record values.
const (
	FormatJSON = "json" // one object in each record: [JSONDecoder]
	FormatRaw  = "raw"  // the bytes as they are: [RawDecoder]
)

// MetadataFields are the columns that a source of the format has without declaring them, in the order in which they are
// shown: topic, partition, offset, record time, key and headers, and of raw records the value.
func MetadataFields(format string) []Field {
	fields := append([]Field(nil), metadataFields...)
	if format == FormatRaw {
		fields = append(fields, rawValue)
	}
	return fields
}

// Metadata reports whether name is a metadata column of every format, and its type.
func Metadata(name string) (Type, bool) {
	for _, f := range metadataFields {
		if f.Name == name {
			return f.Type, true
		}
	}
	return Type{}, false
}
