package main

import (
	"fmt"

	"github.com/urfave/cli/v2"
)

func validateCommand() *cli.Command {
	return &cli.Command{
		Name:      "validate",
		Usage:     "check a job file and its query without connecting to anything",
		ArgsUsage: "JOB.yaml",
		Flags: []cli.Flag{
			setFlag(),
			&cli.BoolFlag{Name: "plan", Usage: "print the plan"},
		},
		Action: validateJob,
	}
}

func validateJob(c *cli.Context) error {
	spec, err := loadJob(c)
	if err != nil {
		return err
	}
	plan, warnings, err := spec.Plan()
	if err != nil {
		return err
	}
	warnAll(c.App.ErrWriter, warnings)
	for i, k := range plan.Sinks {
		fmt.Fprintf(c.App.Writer, "%s: ok: %s -> %s, %s (%s)\n", c.Args().First(), plan.Sources[0].Name, k.Name, spec.Sinks[i].Guarantee(), k.Schema)
	}
	if c.Bool("plan") {
		fmt.Fprint(c.App.Writer, plan.String())
	}
	return nil
}
