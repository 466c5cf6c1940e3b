//go:build !unix

package windows

import "time"

var started = time.Now()

// processTime is the time that has gone by: how long the cores have worked is not to be had here.
func processTime() time.Duration { return time.Since(started) }
