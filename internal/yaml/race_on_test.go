//go:build race

package yaml

const raceDetector = true
