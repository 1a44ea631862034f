// Command apiserver runs the generic Kubernetes API server (k8s.io/apiserver) with the core/v1 resources that tests of
// encryption at rest need: Secrets, ConfigMaps and Namespaces. Storage, watch cache, EncryptionConfiguration, KMS v1 and
// v2 clients, health and metrics endpoints are the code that kube-apiserver runs. Whoever can connect is allowed everything.
package main

import (
	"context"
	goflag "flag"
	"fmt"
	"os"

	"github.com/spf13/pflag"
	"k8s.io/apiserver/pkg/server"
	_ "k8s.io/component-base/metrics/prometheus/restclient"
	"k8s.io/klog/v2"
)

func main() {
	defer klog.Flush()
	if err := run(server.SetupSignalContext(), os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "apiserver:", err)
		klog.Flush()
		os.Exit(1)
	}
}

func run(ctx context.Context, arguments []string) error {
	options := newOptions()
	flags := pflag.NewFlagSet("apiserver", pflag.ContinueOnError)
	options.addFlags(flags)
	verbosity := goflag.NewFlagSet("klog", goflag.ContinueOnError)
	klog.InitFlags(verbosity)
	flags.AddGoFlag(verbosity.Lookup("v"))
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	if err := options.complete(); err != nil {
		return err
	}
	config, err := options.config()
	if err != nil {
		return err
	}
	instance, err := config.Complete(nil).New("apiserver", server.NewEmptyDelegate())
	if err != nil {
		return err
	}
	if err := installCore(instance, config.RESTOptionsGetter); err != nil {
		return err
	}
	prepared := instance.PrepareRun()
	if err := options.writeKubeconfig(); err != nil {
		return err
	}
	return prepared.RunWithContext(ctx)
}
