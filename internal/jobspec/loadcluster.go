package jobspec

import (
	"fmt"
	"reflect"

	"github.com/millrace/millrace/dstream"
	"github.com/millrace/millrace/internal/kafka"
)

// LoadCluster reads a file that says how a Kafka cluster is reached, with the keys that a source or sink has for it under
// kafka, and variables as in a job file; its client id is millrace-gen unless it names one. A mistake in it is a [dstream.Error].
func LoadCluster(path string, o Options) (kafka.Cluster, error) {
	text, err := readText(path)
	if err != nil {
		return kafka.Cluster{}, &dstream.Error{Msg: fmt.Sprintf("read how the cluster is reached: %v", err)}
	}
	r, err := readTree("the file", path, text, o)
	if err != nil {
		return kafka.Cluster{}, err
	}
	var c Cluster
	if _, err := r.decoder.structure(r.tree, reflect.ValueOf(&c).Elem(), &field{}, clusterTop); err != nil {
		return kafka.Cluster{}, err
	}
	if err := c.check(clusterTop); err != nil {
		return kafka.Cluster{}, err
	}
	return c.reached("gen"), nil
}

// clusterTop is what messages call the file itself.
const clusterTop = "cluster"
