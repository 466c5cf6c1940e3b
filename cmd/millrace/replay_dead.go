package main

import (
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/millrace/millrace/batch"
	"github.com/millrace/millrace/internal/jobspec"
)

func replayDeadCommand() *cli.Command {
	return &cli.Command{
		Name:      "replay-dead",
		Usage:     "feed the dead letters of a job through a corrected one, with a name, a checkpoint and sinks of its own",
		ArgsUsage: "JOB.yaml --with FIXED.yaml",
		Flags: append(driveFlags(),
			&cli.StringFlag{Name: "with", Usage: "the corrected job `file`: its sources get the dead letters of those of the same names"},
			&cli.StringSliceFlag{Name: "set", Usage: "set a value of the corrected job file, `path=value`, e.g. checkpoint=fixed"},
			&cli.StringSliceFlag{Name: "env-file", Usage: "`file` of KEY=VALUE lines with variables of both job files; the environment wins"},
			&cli.BoolFlag{Name: "skip-incomplete", Usage: "leave out dead letters that hold less than their records; else they are refused"},
			&cli.BoolFlag{Name: "skip-missing", Usage: "leave out dead letters whose files are gone; else they are refused"},
			&cli.StringSliceFlag{Name: "accept-data-loss", Usage: "give up dead letters of `SOURCE` that a run had planned to feed when it died, and that are gone; what that is stands in the log. May be repeated"},
			&cli.BoolFlag{Name: "flush-windows", Usage: "close every window at the end"},
		),
		Action: replayDead,
	}
}

func replayDead(c *cli.Context) error {
	of, with, err := loadPair(c)
	if err != nil {
		return err
	}
	ctx, stop, release := signals(c.Context)
	defer release()
	r, err := jobspec.ReplayDead(ctx, of, with, jobspec.ReplayOptions{SkipIncomplete: c.Bool("skip-incomplete"), SkipMissing: c.Bool("skip-missing")})
	if err != nil {
		return err
	}
	warnAll(c.App.ErrWriter, r.Warnings)
	r.Job.AcceptLoss = c.StringSlice("accept-data-loss")
	if err := checkSources("accept-data-loss", r.Job.AcceptLoss, r.Job); err != nil {
		return err
	}
	r.Job.Trigger.FlushWindows = c.Bool("flush-windows") && windowed(r.Job.Plan)
	show, err := drive(ctx, c, with, batch.Options{Job: r.Job, Resolve: r.Resolve, Stop: stop})
	if err == nil && !c.Bool("quiet") && !c.Bool("json") {
		fmt.Fprintf(c.App.ErrWriter, "dead letters of %s: %d there, %s%s fed now\n", of.Name, r.Letters, waitingLetters(r), count(show.total.records, "record"))
	}
	return err
}

// waitingLetters says how many letters are in no file yet.
func waitingLetters(r *jobspec.Replay) string {
	if r.Waiting == 0 {
		return ""
	}
	return fmt.Sprintf("%d more in no file yet, ", r.Waiting)
}

// loadPair reads the job file of the argument and that of --with.
func loadPair(c *cli.Context) (of, with *jobspec.Spec, err error) {
	path, err := oneArg(c, "the job file whose dead letters are replayed")
	if err != nil {
		return nil, nil, err
	}
	if c.String("with") == "" {
		return nil, nil, usage("replay-dead needs --with FIXED.yaml, the corrected job")
	}
	o := jobspec.Options{EnvFiles: c.StringSlice("env-file"), Secret: func(values []string) { hide(c, values) }}
	if of, err = jobspec.Load(path, o); err != nil {
		return nil, nil, err
	}
	o.Set = c.StringSlice("set")
	with, err = jobspec.Load(c.String("with"), o)
	return of, with, err
}
