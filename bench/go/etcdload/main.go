// Command etcdload calls etcd, or what stands in front of it, as kube-apiserver does, with etcd's own client, and prints one JSON line.
//
//	etcdload --endpoint URL [--cacert FILE --cert FILE --key FILE] --op put|get|watch|list|fill [--callers N] [--duration D] [--count N] [--pid P]
//
// put and get are closed loops: each caller sends its next request when the last was answered. watch measures --count times from sending a
// put until its event is there; list reads the Secrets that fill has written, in pages of 500. With --pid it also reports the CPU time of
// that process, per call, and its memory.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
)

// files are what mutual TLS needs; none of them means plain text.
type files struct{ authorities, certificate, key string }

func main() {
	var plan load
	var files files
	endpoint := flag.String("endpoint", "", "URL")
	flag.StringVar(&files.authorities, "cacert", "", "authorities of the server")
	flag.StringVar(&files.certificate, "cert", "", "certificate of the client")
	flag.StringVar(&files.key, "key", "", "its key")
	flag.StringVar(&plan.op, "op", "", "put, get, watch, list or fill")
	flag.IntVar(&plan.callers, "callers", 1, "callers at once")
	flag.IntVar(&plan.count, "count", 200, "events of watch; Secrets of list and fill")
	flag.DurationVar(&plan.duration, "duration", time.Second, "how long put and get measure")
	flag.DurationVar(&plan.warmup, "warmup", 200*time.Millisecond, "how long they call before that")
	flag.IntVar(&plan.pid, "pid", 0, "process whose CPU time and memory to report")
	flag.Parse()
	if *endpoint == "" || plan.callers < 1 || plan.count < 1 {
		flag.Usage()
		os.Exit(1)
	}
	report, err := run(&plan, *endpoint, files)
	if err != nil {
		fmt.Fprintln(os.Stderr, "etcdload:", err)
		os.Exit(1)
	}
	json.NewEncoder(os.Stdout).Encode(report)
}

func run(plan *load, endpoint string, files files) (any, error) {
	client, err := dial(endpoint, files)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	plan.client = client
	switch plan.op {
	case "put":
		return plan.calls(plan.put)
	case "get":
		return plan.calls(plan.get)
	case "watch":
		return plan.watch()
	case "list":
		return plan.list()
	case "fill":
		return plan.fill()
	default:
		return nil, fmt.Errorf("no such op: %q", plan.op)
	}
}

// dial connects with kube-apiserver's options. Source: k8s.io/apiserver, storage/storagebackend/factory.
func dial(endpoint string, files files) (*clientv3.Client, error) {
	config, err := files.config()
	if err != nil {
		return nil, err
	}
	client, err := clientv3.New(clientv3.Config{
		Endpoints:            []string{endpoint},
		DialTimeout:          20 * time.Second,
		DialKeepAliveTime:    30 * time.Second,
		DialKeepAliveTimeout: 10 * time.Second,
		TLS:                  config,
		Logger:               zap.NewNop(),
	})
	if err != nil {
		return nil, err
	}

	// Something may only just be starting there.
	for deadline := time.Now().Add(20 * time.Second); ; {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		_, err = client.Get(ctx, "/registry/health")
		cancel()
		if err == nil {
			return client, nil
		}
		if time.Now().After(deadline) {
			return nil, err
		}
		time.Sleep(100 * time.Millisecond)
	}
}

func (f files) config() (*tls.Config, error) {
	if f == (files{}) {
		return nil, nil
	}
	authorities, err := os.ReadFile(f.authorities)
	if err != nil {
		return nil, err
	}
	certificate, err := tls.LoadX509KeyPair(f.certificate, f.key)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(authorities) {
		return nil, fmt.Errorf("no certificate in %s", f.authorities)
	}
	return &tls.Config{RootCAs: pool, Certificates: []tls.Certificate{certificate}}, nil
}
