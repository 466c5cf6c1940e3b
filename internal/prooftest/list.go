package prooftest

import "slices"

// Proofs are the tests that print figures, by package of the module: those that `make proofs` runs. [Figure] refuses others, so
// that none is left out of what that prints, and how long it says that they take.
var Proofs = map[string][]string{
	"batch": {"TestDamagedCheckpoint", "TestDiskFull", "TestFailpoints", "TestPowerLoss", "TestRolledBytes", "TestRolledCrashes", "TestRolledReplay", "TestStateInSlices", "TestThin", "TestWholeJobs"},
	"integration": {"TestBadBuckets", "TestBadPlaces", "TestClockJumpsBetweenRuns", "TestKafkaExactlyOnceKilled", "TestKafkaExactlyOnceZombies",
		"TestReplayIntoS3", "TestRetainInPlaces", "TestRolledKafkaKilled", "TestRolledS3", "TestS3Encryption", "TestS3Faults", "TestS3Zombies"},
}

// long are tests with figures that no run but a long one has.
var long = []string{"TestMutants"}

func isProof(test string) bool {
	for _, tests := range Proofs {
		if slices.Contains(tests, test) {
			return true
		}
	}
	return slices.Contains(long, test)
}
