// Package parquettable reads Parquet files as static tables.
//
// [Decode] takes the bytes of a file and the columns wanted, and returns one batch; [Schema] says which columns a file has
// when none are declared. Columns are found by name. A column of the file becomes one of the declared type when no value
// loses anything: integers of other widths, decimals of other scales, a float as a double, strings as binary. Everything
// else is refused before anything is read, or at the first value that does not fit, by row and column.
//
// Law: a file is read row group by row group and page by page, so memory is bounded by the table and one page. What a file
// says about sizes is checked before it is believed, and a damaged file is an error, never a panic.
//
// Format: Apache Parquet, written by anyone. Lists and maps may have any of the forms that LogicalTypes.md lists.
package parquettable
