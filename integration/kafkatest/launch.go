package kafkatest

// Launch returns the broker of this process for programs that are not tests, such as benchmarks. End it with [Stop].
func Launch() (*Broker, error) {
	shared.Lock()
	defer shared.Unlock()
	if shared.broker == nil && shared.err == nil {
		shared.broker, shared.err = launchBroker("", nil)
	}
	return shared.broker, shared.err
}
