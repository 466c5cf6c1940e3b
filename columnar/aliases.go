package columnar

// aliases lead from other names of functions to their own.
var aliases = map[string]string{
	// Operators and conditions
	"!=": "<>", "==": "=", "is null": "isnull", "is not null": "isnotnull",
	"nvl": "coalesce", "ifnull": "coalesce", "iff": "if", "pg_typeof": "typeof",

	// Strings
	"||": "concat", "char_length": "length", "character_length": "length", "len": "length",
	"lcase": "lower", "ucase": "upper", "trim": "btrim", "substr": "substring", "mid": "substring",
	"startswith": "starts_with", "endswith": "ends_with", "prefix": "starts_with", "suffix": "ends_with",
	"instr": "strpos", "locate": "position", "charindex": "position",
	"unicode": "ascii", "ord": "ascii", "char": "chr",
	"rlike": "regexp_like", "regexp": "regexp_like",
	"sha": "sha1", "to_base64": "base64", "from_base64": "unbase64", "from_hex": "unhex",

	// Mathematics
	"ceiling": "ceil", "signum": "sign", "truncate": "trunc", "pow": "power", "^": "power",
	"bitand": "&", "bitor": "|", "bitxor": "#", "xor": "#", "shiftleft": "<<", "shiftright": ">>", "is_nan": "isnan", "is_inf": "isinf",

	// Date and time
	"extract": "date_part", "datepart": "date_part", "dayofmonth": "day", "weekofyear": "week", "dayofyear": "doy", "milliseconds": "millisecond", "microseconds": "microsecond",
	"datetrunc": "date_trunc", "current_timestamp": "now", "today": "current_date", "curdate": "current_date",
	"make_timestamptz": "make_timestamp", "make_timestamp_ltz": "make_timestamp",
	"timestamp_millis": "epoch_ms", "unix_millis": "epoch_ms", "timestamp_micros": "epoch_us", "unix_micros": "epoch_us", "to_unix_timestamp": "unix_timestamp",
	"to_timestamp_ltz": "to_timestamp",

	// JSON
	"get_json_object": "json_extract_string", "json_extract_scalar": "json_value", "is_json": "json_valid", "json_length": "json_array_length",
}
