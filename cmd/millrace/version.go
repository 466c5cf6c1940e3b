package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/urfave/cli/v2"
)

// version is the program's version; releases set it with -ldflags "-X main.version=…".
var version = "0.1.0-dev"

func versionCommand() *cli.Command {
	return &cli.Command{
		Name:  "version",
		Usage: "print the version of the program",
		Action: func(c *cli.Context) error {
			fmt.Fprintf(c.App.Writer, "millrace %s %s/%s %s\n", describeVersion(), runtime.GOOS, runtime.GOARCH, runtime.Version())
			return nil
		},
	}
}

// describeVersion adds the commit that the program was built from, where it is known.
func describeVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return version
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 8 {
			return version + "+" + s.Value[:8]
		}
	}
	return version
}
