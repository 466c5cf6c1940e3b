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

// open keeps the metadata of objects in extended attributes, or in a directory beside, because not every file system has those.
func open(dir, sidecar string) (*posix.Posix, error) {
	if (meta.XattrMeta{}).Test(dir) == nil {
		return posix.New(dir, meta.XattrMeta{}, posix.PosixOpts{})
	}
	attributes, err := meta.NewSideCar(sidecar)
	if err != nil {
		return nil, err
	}
	return posix.New(dir, attributes, posix.PosixOpts{SideCarDir: sidecar})
}

func serve(dir, sidecar, address string) error {
	files, err := open(dir, sidecar)
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
