package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/urfave/cli/v2"
)

func main() {
	os.Exit(run(context.Background(), os.Args[1:], os.Stdout, os.Stderr))
}

// run executes one command line and returns its exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	app := &cli.App{
		Name:            "millrace",
		Usage:           "micro-batch streaming: Kafka to event-time windows to exactly-once Parquet",
		Writer:          stdout,
		ErrWriter:       stderr,
		HideVersion:     true,
		HideHelpCommand: true,
		Commands: []*cli.Command{
			runCommand(), validateCommand(), inspectCommand(), genCommand(), brokerCommand(), versionCommand(),
		},
		CommandNotFound: func(c *cli.Context, name string) { fmt.Fprint(stderr, unknownCommand(c.App, name)) },
		OnUsageError:    func(_ *cli.Context, err error, _ bool) error { return usage("%v", err) },
		ExitErrHandler:  func(*cli.Context, error) {}, // exit codes are ours
	}
	for _, c := range app.Commands {
		c.OnUsageError = app.OnUsageError
	}
	if name := firstWord(args); name != "" && app.Command(name) == nil {
		fmt.Fprint(stderr, unknownCommand(app, name))
		return exitUsage
	}
	err := app.RunContext(ctx, append([]string{"millrace"}, flagsFirst(app, args)...))
	return report(stderr, err)
}

// signals returns a channel that closes at the first SIGTERM or SIGINT: finish the batch in work. The second one
// cancels the context: stop at once.
func signals(parent context.Context) (ctx context.Context, stop <-chan struct{}, release func()) {
	ctx, cancel := context.WithCancelCause(parent)
	got := make(chan os.Signal, 2)
	signal.Notify(got, syscall.SIGTERM, syscall.SIGINT)
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
		signal.Stop(got)
		close(done)
		cancel(nil)
	}
}
