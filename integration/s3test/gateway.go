package s3test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
)

// Keys that the gateway takes.
const (
	AccessKey = "test"
	SecretKey = "testtest"
	Region    = "us-east-1"
)

// readyWithin bounds the start of the gateway, on a busy machine.
const readyWithin = 4 * time.Minute

// memory is where there are files in memory, if there are; those of a gateway are in a directory with prefix and process id.
const (
	memory = "/dev/shm"
	prefix = "millrace-s3-"
)

// Gateway is a running store.
type Gateway struct {
	URL string // of its endpoint

	dir     string
	cmd     *exec.Cmd
	stdin   io.Closer
	buckets atomic.Int64
}

var shared struct {
	sync.Mutex
	gateway *Gateway
	err     error
}

// Start returns the gateway of this test process.
func Start(t testing.TB) *Gateway {
	t.Helper()
	shared.Lock()
	defer shared.Unlock()
	if shared.gateway == nil && shared.err == nil {
		shared.gateway, shared.err = launch()
	}
	if shared.err != nil {
		t.Fatalf("start S3 gateway: %v", shared.err)
	}
	return shared.gateway
}

// Stop ends the gateway of this process, if there is one, and removes its data.
func Stop() {
	shared.Lock()
	defer shared.Unlock()
	if g := shared.gateway; g != nil {
		_ = g.stdin.Close()
		_ = g.cmd.Process.Kill()
		_ = g.cmd.Wait()
		os.RemoveAll(g.dir)
	}
	shared.gateway = nil
}

// build compiles the gateway into the user's cache, where the next run finds it up to date.
func build() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	path := filepath.Join(cache, "millrace", "s3gateway")
	cmd := exec.Command("go", "build", "-o", path, ".")
	if cmd.Dir, err = source(); err != nil {
		return "", err
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build it: %w\n%s", err, out)
	}
	return path, nil
}

// source is the folder of the gateway's module, from whichever package the test runs in.
func source() (string, error) {
	dir, err := os.Getwd()
	for err == nil && dir != "/" {
		folder := filepath.Join(dir, "integration", "s3gateway")
		if _, err := os.Stat(folder); err == nil {
			return folder, nil
		}
		dir = filepath.Dir(dir)
	}
	return "", errors.Join(err, errors.New("there is no integration/s3gateway above this folder"))
}

func launch() (*Gateway, error) {
	path, err := build()
	if err != nil {
		return nil, err
	}
	g := &Gateway{}
	removeLeftOver()
	if g.dir, err = os.MkdirTemp(room(), fmt.Sprintf("%s%d-", prefix, os.Getpid())); err != nil {
		return nil, err
	}
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	data, sidecar := filepath.Join(g.dir, "data"), filepath.Join(g.dir, "meta")
	if err := errors.Join(os.Mkdir(data, 0o700), os.Mkdir(sidecar, 0o700)); err != nil {
		return nil, err
	}
	g.URL, g.cmd = "http://"+address, exec.Command(path, data, sidecar, address)
	g.cmd.Stderr = os.Stderr
	g.cmd.Env = append(os.Environ(), "GOGC=400")
	if g.stdin, err = g.cmd.StdinPipe(); err != nil { // the gateway ends with this process
		return nil, err
	}
	if err := g.cmd.Start(); err != nil {
		return nil, err
	}
	return g, g.wait()
}

// room is where the gateway's files go: into memory, if there is enough of it, because half the time of the gateway went into
// thousands of small files on a disk. "" is the usual place.
func room() string {
	const enough = 4 << 30
	var at syscall.Statfs_t
	if syscall.Statfs(memory, &at) != nil || at.Bavail*uint64(at.Bsize) < enough {
		return ""
	}
	return memory
}

// removeLeftOver removes the files of gateways whose test process was killed.
func removeLeftOver() {
	dirs, _ := filepath.Glob(filepath.Join(memory, prefix+"*"))
	for _, dir := range dirs {
		digits, _, _ := strings.Cut(strings.TrimPrefix(filepath.Base(dir), prefix), "-")
		if pid, err := strconv.Atoi(digits); err == nil && errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
			os.RemoveAll(dir)
		}
	}
}

func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// wait returns when the gateway answers.
func (g *Gateway) wait() error {
	ctx, cancel := context.WithTimeout(context.Background(), readyWithin)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if answer, err := http.Get(g.URL); err == nil {
			return answer.Body.Close()
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("it does not answer on %s", g.URL)
		case <-tick.C:
		}
	}
}

// Client speaks to the gateway itself, past every proxy and past the code under test.
func (g *Gateway) Client() *awss3.Client {
	return awss3.New(awss3.Options{
		BaseEndpoint: aws.String(g.URL), UsePathStyle: true, Region: Region,
		Credentials: credentials.NewStaticCredentialsProvider(AccessKey, SecretKey, ""),
	})
}

// Bucket makes a bucket of its own for a test.
func (g *Gateway) Bucket(t testing.TB) string {
	t.Helper()
	name := fmt.Sprintf("test-%d", g.buckets.Add(1))
	if _, err := g.Client().CreateBucket(t.Context(), &awss3.CreateBucketInput{Bucket: aws.String(name)}); err != nil {
		t.Fatalf("create bucket: %v", err)
	}
	return name
}

// Env is the environment in which the default credential chain finds the gateway's keys, and no others.
func Env() []string {
	return []string{
		"AWS_ACCESS_KEY_ID=" + AccessKey, "AWS_SECRET_ACCESS_KEY=" + SecretKey, "AWS_REGION=" + Region,
		"AWS_EC2_METADATA_DISABLED=true", "AWS_CONFIG_FILE=/dev/null", "AWS_SHARED_CREDENTIALS_FILE=/dev/null",
	}
}
