package output

// OnHealth has report called when the cluster does not answer as it should, and when it does again: see
// [kafka.Client.OnHealth]. Clusters of tests may have no health.
func (k *Kafka) OnHealth(report func(text string)) {
	if c, ok := k.cluster.(interface {
		OnHealth(report func(text string))
	}); ok {
		c.OnHealth(report)
	}
}
