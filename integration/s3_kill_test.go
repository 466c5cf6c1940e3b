package integration

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/millrace/millrace/integration/duckdbtest"
	"github.com/millrace/millrace/integration/kafkatest"
	"github.com/millrace/millrace/integration/s3test"
	"github.com/millrace/millrace/internal/store/s3"
)

// takeOverMax is the most that a successor waits, and what a start on a busy machine takes on top.
const takeOverMax = 15*time.Second + 10*time.Second

// TestS3Killed kills the program again and again while checkpoint and output are in a bucket, and pauses it once; successors
// take over by themselves or are told to. The files are read back with DuckDB.
func TestS3Killed(t *testing.T) {
	duckdbtest.Need(t)
	broker, g := kafkatest.Start(t), s3test.Start(t)
	topic := broker.Topic(t, 4)
	bucket := g.Bucket(t)
	p := newProgram(t, append(s3test.Env(), "KAFKA="+broker.Addr, "TOPIC="+topic, "OUT=s3://"+bucket+"/lake", "CHECKPOINT=s3://"+bucket+"/cp")...)
	p.must("gen", "flights", "--brokers", broker.Addr, "--topic", topic, "--file", januaryFlights)
	// A thousand batches, so that the last driver still has some to do when one that may not take over has seen its heart beat twice.
	args := []string{flightsJob, "--available-now", "--flush-windows", "--set", "limits.rows=500", "--set", "s3={endpoint: " + g.URL + ", path_style: true}"}
	takeOver := append(args, "--take-over")

	p.killed(t, 6, takeOver...)
	zombie := p.start(takeOver...)
	<-zombie.progress
	zombie.signal(t, syscall.SIGSTOP)
	start := time.Now()
	last := p.start(args...) // not told to take over: the zombie's heart has stopped
	<-last.progress
	took := time.Since(start)
	if took > takeOverMax {
		t.Errorf("the successor of a silent driver began after %v", took)
	}
	code, stderr := p.fails(append([]string{"run"}, args...)...)
	wantExit(t, code, stderr, 5, "another run holds this checkpoint")
	zombie.signal(t, syscall.SIGCONT)
	_, _ = zombie.wait() // its exit code is what counts
	wantExit(t, zombie.cmd.ProcessState.ExitCode(), zombie.stderr.String(), 5, "another run has taken this job over")
	if _, err := last.wait(); err != nil {
		t.Fatalf("the last driver: %v", err)
	}
	t.Logf("6 kills with a batch open; a silent driver's job was taken over within %v", took.Round(time.Millisecond))
	lake := t.TempDir()
	download(t, s3Client(t, g.URL, s3.Options{}).Bucket(bucket, "lake"), lake)
	compareFlights(t, expectedFlights(t, januaryFlights), lake, 70_000)
}

// download copies all objects into a directory.
func download(t *testing.T, b *s3.Bucket, dir string) {
	t.Helper()
	names, err := b.List(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		data, err := b.Get(t.Context(), name)
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err == nil {
			err = os.MkdirAll(filepath.Dir(path), 0o700)
		}
		if err == nil {
			err = os.WriteFile(path, data, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}
