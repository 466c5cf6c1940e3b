package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/millrace/millrace/internal/jobspec"
)

func validateCommand() *cli.Command {
	return &cli.Command{
		Name:      "validate",
		Usage:     "check a job file, its queries and its tables without connecting to anything",
		ArgsUsage: "JOB.yaml",
		Flags: append(jobFlags(),
			&cli.BoolFlag{Name: "plan", Usage: "print the plan; explain says more"},
		),
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
	if err := spec.CheckTables(); err != nil {
		return err
	}
	more, err := spec.Warnings(plan)
	if err != nil {
		return err
	}
	warnAll(c.App.ErrWriter, slices.Concat(warnings, more, spec.MemoryWarnings()))
	for _, k := range plan.Sinks {
		fmt.Fprintf(c.App.Writer, "%s: ok: %s -> %s, %s (%s)\n", c.Args().First(), strings.Join(jobspec.SinkSources(plan, k.Name), ", "), k.Name, spec.Guarantee(k.Name), k.Schema)
	}
	if c.Bool("plan") {
		fmt.Fprint(c.App.Writer, plan.String())
	}
	return nil
}
