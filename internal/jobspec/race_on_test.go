//go:build race

package jobspec

const raceDetector = true
