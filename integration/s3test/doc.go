// Package s3test runs a real store for tests: versitygw over a temporary directory, a process of its own.
//
// Use: [Start] gives the gateway of the test process, [Gateway.Bucket] a new bucket. [Gateway.Proxy] stands between a
// client and the gateway and does what networks and stores do: errors, slowness, answers that are lost. Call [Stop]
// from TestMain.
//
// Law: what the proxy does follows from its seed and the order of the requests.
package s3test
