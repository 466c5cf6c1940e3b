// Command show reads the files that the flights job wrote, with an ordinary Parquet reader and an ordinary listing of
// the directory, prints the busiest airports, and compares every count with the generator's.
package main
