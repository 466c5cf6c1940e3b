package main

import (
	"fmt"
	"net"
	"strconv"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/urfave/cli/v2"
)

func brokerCommand() *cli.Command {
	return &cli.Command{
		Name:  "broker",
		Usage: "run an embedded Kafka broker for trying things out (not for production)",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "listen", Value: "127.0.0.1:9092", Usage: "`address`; only loopback"},
			&cli.StringFlag{Name: "data", Usage: "keep records in this `directory`", DefaultText: "in memory"},
		},
		Action: runBroker,
	}
}

func runBroker(c *cli.Context) error {
	host, portText, err := net.SplitHostPort(c.String("listen"))
	port, portErr := strconv.Atoi(portText)
	if err != nil || portErr != nil {
		return usage("--listen %s: want 127.0.0.1:port", c.String("listen"))
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		return usage("--listen %s: the embedded broker listens on loopback only; it has no security", c.String("listen"))
	}
	opts := []kfake.Opt{kfake.Ports(port), kfake.NumBrokers(1)}
	if dir := c.String("data"); dir != "" {
		opts = append(opts, kfake.DataDir(dir))
	}
	ctx, stop, release := signals(c.Context)
	defer release()
	cluster, err := kfake.NewCluster(opts...)
	if err != nil {
		return fmt.Errorf("start broker on %s: %w", c.String("listen"), err)
	}
	defer cluster.Close()
	fmt.Fprintf(c.App.Writer, "embedded broker on %s; end it with ctrl-c\n", cluster.ListenAddrs()[0])
	select {
	case <-stop:
	case <-ctx.Done():
	}
	return nil
}
