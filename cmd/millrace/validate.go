package main

import (
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/millrace/millrace/internal/jobspec"
)

func validateCommand() *cli.Command {
	return &cli.Command{
		Name:      "validate",
		Usage:     "check a job file and its query without connecting to anything",
		ArgsUsage: "JOB.yaml",
		Flags: []cli.Flag{
			&cli.StringSliceFlag{Name: "set", Usage: "set a value of the job file, `path=value`"},
			&cli.BoolFlag{Name: "plan", Usage: "print the plan"},
		},
		Action: validateJob,
	}
}

func validateJob(c *cli.Context) error {
	path, err := oneArg(c, "the job file")
	if err != nil {
		return err
	}
	spec, err := jobspec.Load(path, jobspec.Options{Set: c.StringSlice("set")})
	if err != nil {
		return err
	}
	plan, warnings, err := spec.Plan()
	if err != nil {
		return err
	}
	warnAll(c.App.ErrWriter, warnings)
	for _, k := range plan.Sinks {
		fmt.Fprintf(c.App.Writer, "%s: ok: %s -> %s (%s)\n", path, plan.Source.Name, k.Name, k.Schema)
	}
	if c.Bool("plan") {
		fmt.Fprint(c.App.Writer, plan.String())
	}
	return nil
}
