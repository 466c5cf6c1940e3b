package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/millrace/millrace/dstream"
	"github.com/millrace/millrace/internal/jobspec"
)

// flagsFirst moves the flags of a command in front of its arguments, because the library stops to look for flags at
// the first argument and people write `millrace run job.yaml --available-now`. Behind "--" nothing moves. Commands and
// flags that do not exist are an error with the nearest that does.
func flagsFirst(app *cli.App, args []string) ([]string, error) {
	cmd, depth := findCommand(app, args)
	if err := checkWord(app, cmd, args[depth:]); err != nil || cmd == nil {
		return args, err
	}
	var flags, rest []string
	tail := args[depth:]
	for i := 0; i < len(tail); i++ {
		a := tail[i]
		if a == "--" {
			rest = append(rest, tail[i:]...)
			break
		}
		if !strings.HasPrefix(a, "-") || a == "-" {
			rest = append(rest, a)
			continue
		}
		if err := checkFlag(cmd, strings.Join(args[:depth], " "), a); err != nil {
			return nil, err
		}
		flags = append(flags, a)
		if !takesValue(cmd, a) {
			continue
		}
		if i++; i == len(tail) {
			return nil, usage("%s needs a value", a)
		}
		flags = append(flags, tail[i])
	}
	return slices.Concat(args[:depth], flags, rest), nil
}

// checkWord looks at what follows the command names that are known; cmd is the last of them, nil for none.
func checkWord(app *cli.App, cmd *cli.Command, rest []string) error {
	commands, of := app.Commands, ""
	if cmd != nil {
		commands, of = cmd.Subcommands, cmd.Name+" "
	}
	if len(rest) == 0 || len(commands) == 0 || isHelp(rest[0]) {
		return nil
	}
	var names []string
	for _, c := range commands {
		names = append(names, c.Name)
	}
	if flag, ok := strings.CutPrefix(rest[0], "-"); ok {
		hint := didYouMean(strings.TrimLeft(flag, "-"), names, "flags stand behind a command, one of "+strings.Join(names, ", "))
		return usage("unknown flag %s; %s", rest[0], hint)
	}
	return usage("unknown command %q; %s", of+rest[0], didYouMean(rest[0], names, "there are "+strings.Join(names, ", ")))
}

func isHelp(arg string) bool { return slices.Contains([]string{"-h", "-help", "--help"}, arg) }

// checkFlag refuses a flag that the command, called name, does not have.
func checkFlag(cmd *cli.Command, name, arg string) error {
	flag, _, _ := strings.Cut(strings.TrimLeft(arg, "-"), "=")
	var flags []string
	for _, f := range cmd.Flags {
		for _, n := range f.Names() {
			flags = append(flags, "--"+n)
		}
	}
	if isHelp(arg) || slices.Contains(flags, "--"+flag) {
		return nil
	}
	return usage("%s has no flag --%s; %s", name, flag, didYouMean("--"+flag, flags, "millrace "+name+" --help lists them"))
}

// didYouMean is the hint for an unknown word: the nearest, or else what other says.
func didYouMean(word string, among []string, other string) string {
	if near := dstream.Nearest(word, among); near != "" {
		return fmt.Sprintf("did you mean %q?", near)
	}
	return other
}

// findCommand follows the command names at the beginning of args.
func findCommand(app *cli.App, args []string) (cmd *cli.Command, depth int) {
	commands := app.Commands
	for depth < len(args) {
		i := slices.IndexFunc(commands, func(c *cli.Command) bool { return c.HasName(args[depth]) })
		if i < 0 {
			break
		}
		cmd, commands = commands[i], commands[i].Subcommands
		depth++
	}
	return cmd, depth
}

func takesValue(cmd *cli.Command, arg string) bool {
	name, _, hasValue := strings.Cut(strings.TrimLeft(arg, "-"), "=")
	if hasValue {
		return false
	}
	for _, f := range cmd.Flags {
		if slices.Contains(f.Names(), name) {
			_, isBool := f.(*cli.BoolFlag)
			return !isBool
		}
	}
	return false
}

// jobFlags say how the job file is read; every command that takes one has them.
func jobFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringSliceFlag{Name: "set", Usage: "set a value of the job file, `path=value`, e.g. limits.rows=1000"},
		&cli.StringSliceFlag{Name: "env-file", Usage: "`file` of KEY=VALUE lines with variables of the job file; the environment wins"},
	}
}

// loadJob reads the job file that a command was given.
func loadJob(c *cli.Context) (*jobspec.Spec, error) { return loadWith(c, jobOptions(c)) }

// loadRecorded is loadJob for commands that read what the checkpoint recorded: they need no table of today.
func loadRecorded(c *cli.Context) (*jobspec.Spec, error) {
	o := jobOptions(c)
	o.Recorded = true
	return loadWith(c, o)
}

func loadWith(c *cli.Context, o jobspec.Options) (*jobspec.Spec, error) {
	path, err := oneArg(c, "the job file")
	if err != nil {
		return nil, err
	}
	return jobspec.Load(path, o)
}

func jobOptions(c *cli.Context) jobspec.Options {
	return jobspec.Options{
		Set: c.StringSlice("set"), EnvFiles: c.StringSlice("env-file"), Secret: func(values []string) { hide(c, values) }, Container: container(),
	}
}

// oneArg returns the single argument of a command.
func oneArg(c *cli.Context, what string) (string, error) {
	if c.NArg() != 1 {
		return "", usage("%s takes one argument, %s; got %d", c.Command.Name, what, c.NArg())
	}
	return c.Args().First(), nil
}
