package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/urfave/cli/v2"

	"github.com/millrace/millrace/internal/failpoint"
)

func main() {
	on, err := failpoint.FromEnvironment(os.Getenv)
	if err != nil {
		fmt.Fprintln(os.Stderr, "millrace:", err)
		os.Exit(exitUsage)
	}
	if on {
		fmt.Fprintf(os.Stderr, "millrace: %s or %s is set: this process is made to fail, for tests\n", failpoint.EnvPoints, failpoint.EnvTrace)
	}
	os.Exit(run(context.Background(), os.Args[1:], os.Stdout, os.Stderr))
}

// run executes one command line and returns its exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	stdout, stderr = &redactor{w: stdout}, &redactor{w: stderr}
	app := &cli.App{
		Name:            "millrace",
		Usage:           "micro-batch streaming: Kafka to event-time windows to exactly-once Parquet",
		Writer:          stdout,
		ErrWriter:       stderr,
		HideVersion:     true,
		HideHelpCommand: true,
		Commands: []*cli.Command{
			runCommand(), validateCommand(), explainCommand(), statusCommand(), verifyCommand(), replayCommand(), replayDeadCommand(), inspectCommand(), genCommand(), brokerCommand(), versionCommand(),
		},
		ExitErrHandler:            func(*cli.Context, error) {}, // exit codes are ours
		DisableSliceFlagSeparator: true,                         // a value of --set may have commas
	}
	app.OnUsageError = onUsageError
	usageErrors(app.Commands)
	args, err := flagsFirst(app, args)
	if err == nil {
		err = app.RunContext(ctx, append([]string{"millrace"}, args...))
	}
	return report(stderr, err)
}

func onUsageError(_ *cli.Context, err error, _ bool) error { return usage("%v", err) }

func usageErrors(commands []*cli.Command) {
	for _, c := range commands {
		c.OnUsageError = onUsageError
		usageErrors(c.Subcommands)
	}
}

// signalsKey is where a context has the signals of a test, a <-chan os.Signal, in place of the process's.
type signalsKey struct{}

// subscribe returns the signals that end a command.
func subscribe(ctx context.Context) (got <-chan os.Signal, unsubscribe func()) {
	if c, ok := ctx.Value(signalsKey{}).(<-chan os.Signal); ok {
		return c, func() {}
	}
	c := make(chan os.Signal, 2)
	signal.Notify(c, syscall.SIGTERM, syscall.SIGINT)
	return c, func() { signal.Stop(c) }
}

// signals returns a channel that closes at the first SIGTERM or SIGINT: finish the batch in work. The second one
// cancels the context: stop at once.
func signals(parent context.Context) (ctx context.Context, stop <-chan struct{}, release func()) {
	ctx, cancel := context.WithCancelCause(parent)
	got, unsubscribe := subscribe(parent)
	closed := make(chan struct{})
	done := make(chan struct{})
	go func() {
		select {
		case <-got:
			close(closed)
		case <-done:
			return
		}
		select {
		case <-got:
			cancel(errSecondSignal)
		case <-done:
		}
	}()
	return ctx, closed, func() {
		unsubscribe()
		close(done)
		cancel(nil)
	}
}
