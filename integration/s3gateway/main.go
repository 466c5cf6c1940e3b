package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/versity/versitygw/backend/meta"
	"github.com/versity/versitygw/backend/posix"
	"github.com/versity/versitygw/embedgw"
)

func main() {
	if err := serve(os.Args[1], os.Args[2], os.Args[3]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// serve keeps the metadata of objects in a directory beside, because not every file system has extended attributes.
func serve(dir, sidecar, address string) error {
	attributes, err := meta.NewSideCar(sidecar)
	if err != nil {
		return err
	}
	files, err := posix.New(dir, attributes, posix.PosixOpts{SideCarDir: sidecar})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	return embedgw.RunVersityGW(ctx, files, &embedgw.Config{
		RootUserAccess: "test", RootUserSecret: "testtest", Region: "us-east-1", Ports: []string{address},
		MaxConnections: 4096, MaxRequests: 1024, MultipartMaxParts: 10_000, Quiet: true, KeepAlive: true,
	})
}
