// Package flightstest fetches the 3 M real flights that whole-job tests run on: data/flights-3m.parquet of the npm
// package vega-datasets 3.2.1 (BSD-3-Clause), from the US Bureau of Transportation Statistics. The file's SHA-256 is
// pinned.
package flightstest
