//go:build !amd64

package columnar

// fastLoops are the loops of this processor.
func fastLoops() loops { return plainLoops() }
