package kafkatest

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
)

// config is a single node that is its own controller. It deletes nothing by time: tests write records of long ago, which
// would be gone at its first look, half a minute after the start.
const config = `process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:%[2]d
listeners=PLAINTEXT://127.0.0.1:%[1]d,CONTROLLER://127.0.0.1:%[2]d
advertised.listeners=PLAINTEXT://127.0.0.1:%[1]d
inter.broker.listener.name=PLAINTEXT
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
log.dirs=%[3]s
num.network.threads=2
num.io.threads=2
offsets.topic.num.partitions=4
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
auto.create.topics.enable=false
log.cleaner.backoff.ms=200
log.retention.ms=-1
`

func writeConfig(dir string, port, controller int, change configure) (file string, formatArgs []string, err error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", nil, err
	}
	file = filepath.Join(dir, "server.properties")
	text := fmt.Sprintf(config, port, controller, filepath.Join(dir, "data"))
	if change != nil {
		if text, formatArgs, err = change(dir, text); err != nil {
			return "", nil, err
		}
	}
	return file, formatArgs, os.WriteFile(file, []byte(text), 0o644)
}

// freePorts returns ports that nobody listens on at the moment.
func freePorts(n int) ([]int, error) {
	var ports []int
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close() // at the end, so that all differ
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports, nil
}

// newID is an id for a cluster.
func newID() string {
	var id [16]byte
	rand.Read(id[:])
	id[0] &= 0x7f // the text must not begin with "-", which would read as an option
	return base64.RawURLEncoding.EncodeToString(id[:])
}

// shortLived has a virtual machine compile quickly instead of well, and collect garbage in one thread: for those that end before
// the other pays.
var shortLived = []string{"-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"}

// crashesTo has a virtual machine that crashes say so beside its configuration, and not where the tests run.
func crashesTo(config string) string {
	return "-XX:ErrorFile=" + filepath.Join(filepath.Dir(config), "hs_err_pid%p.log")
}

// format writes the cluster's id into the empty data directory, which a broker wants to find there.
func format(java, lib, config, cluster string, args []string) error {
	all := append(slices.Concat(shortLived, archived(lib)), crashesTo(config), "-cp", filepath.Join(lib, "*"), "kafka.tools.StorageTool", "format", "-t", cluster, "-c", config)
	cmd := exec.Command(java, append(all, args...)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("format data directory: %w\n%s", err, out)
	}
	return nil
}

// process is a child that dies with this process.
type process struct {
	cmd  *exec.Cmd
	log  string
	done chan struct{} // closed when it has ended
}

// run starts the broker from a thread of its own that waits for its end: the signal that ends a child with its parent
// is sent when the starting thread ends, and Go's threads come and go. options are those of the virtual machine.
func run(java, lib, config, log string, options ...string) (*process, error) {
	out, err := os.Create(log)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	cmd := exec.Command(java, append(slices.Concat(archived(lib), options), crashesTo(config), "-Xms256m", "-Xmx512m", "-cp", filepath.Join(lib, "*"), "kafka.Kafka", config)...)
	cmd.Stdout, cmd.Stderr = out, out
	dieWithParent(cmd)
	p := &process{cmd: cmd, log: log, done: make(chan struct{})}
	started := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		defer close(p.done)
		err := cmd.Start()
		started <- err
		if err == nil {
			cmd.Wait()
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start broker: %w", err)
	}
	return p, nil
}

// kill ends the process and waits for it.
func (p *process) kill() {
	p.cmd.Process.Kill()
	<-p.done
}

// logTail returns the last lines of the log.
func (p *process) logTail() []byte {
	text, _ := os.ReadFile(p.log)
	lines := bytes.Split(text, []byte("\n"))
	return bytes.Join(lines[max(0, len(lines)-30):], []byte("\n"))
}
