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
	"to_timestamp_ltz": "to_timestamp", "date_diff": "datediff", "dateadd": "timestampadd", "timestamp_add": "timestampadd", "timestamp_diff": "timestampdiff",

	// JSON
	"get_json_object": "json_extract_string", "json_extract_scalar": "json_value", "is_json": "json_valid", "json_length": "json_array_length", "json_build_object": "json_object", "json_build_array": "json_array", "json_keys": "json_object_keys",

	// Arrays, structs and maps
	"[]": "element_at", "list_extract": "element_at", "array_extract": "element_at", "list_value": "array", "struct_extract": "field",
	"size": "cardinality", "array_size": "cardinality", "array_length": "cardinality", "list_length": "cardinality",
	"list_contains": "array_contains", "array_has": "array_contains", "list_has": "array_contains", "list_position": "array_position", "list_append": "array_append", "list_prepend": "array_prepend",
	"array_cat": "array_concat", "list_concat": "array_concat", "list_reverse": "array_reverse", "list_slice": "array_slice", "generate_series": "sequence", "array_to_string": "array_join",
	"list_distinct": "array_distinct", "list_min": "array_min", "list_max": "array_max", "list_sum": "array_sum", "list_intersect": "array_intersect", "list_has_any": "arrays_overlap",
	"map_from_arrays": "map", "split": "string_to_array", "str_split": "string_to_array", "string_split": "string_to_array",
}
