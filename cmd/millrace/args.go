package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/millrace/millrace/dstream"
)

// flagsFirst moves the flags of a command in front of its arguments, because the library stops to look for flags at
// the first argument and people write `millrace run job.yaml --available-now`. Behind "--" nothing moves.
func flagsFirst(app *cli.App, args []string) []string {
	cmd, depth := findCommand(app, args)
	if cmd == nil {
		return args
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
		flags = append(flags, a)
		if takesValue(cmd, a) && i+1 < len(tail) {
			i++
			flags = append(flags, tail[i])
		}
	}
	return slices.Concat(args[:depth], flags, rest)
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

func firstWord(args []string) string {
	if len(args) == 0 || strings.HasPrefix(args[0], "-") {
		return ""
	}
	return args[0]
}

func unknownCommand(app *cli.App, name string) string {
	var names []string
	for _, c := range app.Commands {
		names = append(names, c.Name)
	}
	hint := "commands: " + strings.Join(names, ", ")
	if near := dstream.Nearest(name, names); near != "" {
		hint = fmt.Sprintf("did you mean %q?", near)
	}
	return fmt.Sprintf("millrace: unknown command %q; %s\n", name, hint)
}

// oneArg returns the single argument of a command.
func oneArg(c *cli.Context, what string) (string, error) {
	if c.NArg() != 1 {
		return "", usage("%s takes one argument, %s; got %d", c.Command.Name, what, c.NArg())
	}
	return c.Args().First(), nil
}
