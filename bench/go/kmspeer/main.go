// Command kmspeer is a Kubernetes KMS plugin with local AES-256-GCM keys, built on k8s.io/kms the way its documentation
// shows. Benchmarks measure against it, and tests of the API-server harness use it where any plugin will do.
//
// SIGHUP makes a new key and a new key_id. SIGUSR1 makes Status and every other call fail until the next SIGUSR1.
package main

import (
	"flag"
	"log"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"

	"google.golang.org/grpc"
	kmsv1 "k8s.io/kms/apis/v1beta1"
	kmsv2 "k8s.io/kms/apis/v2"
	"k8s.io/kms/pkg/service"
)

func main() {
	log.SetFlags(0)
	socket := flag.String("socket", "", "path of the unix socket to serve on")
	file := flag.String("keys", "", "file that keeps the keys (none: a new key at each start)")
	flag.Parse()
	if *socket == "" || flag.NArg() > 0 {
		flag.Usage()
		os.Exit(1)
	}
	if err := run(*socket, *file); err != nil {
		log.Fatalln("kmspeer:", err)
	}
}

func run(socket, file string) error {
	ring, err := openKeyring(file)
	if err != nil {
		return err
	}
	if err := os.Remove(socket); err != nil && !os.IsNotExist(err) {
		return err
	}
	listener, err := net.Listen("unix", socket)
	if err != nil {
		return err
	}
	const timeout = 5 * time.Second
	server := grpc.NewServer(grpc.ConnectionTimeout(timeout))
	plugin := &pluginV2{ring: ring}
	kmsv2.RegisterKeyManagementServiceServer(server, service.NewGRPCService(socket, timeout, plugin))
	kmsv1.RegisterKeyManagementServiceServer(server, &pluginV1{ring: ring})

	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGUSR1)
	go func() {
		for received := range signals {
			switch received {
			case syscall.SIGHUP:
				if err := ring.rotate(); err != nil {
					log.Println("kmspeer: rotation failed:", err)
				}
			case syscall.SIGUSR1:
				ring.failing.Store(!ring.failing.Load())
			default:
				server.Stop()
				return
			}
		}
	}()
	log.Println("ready: key_id", ring.keys.Load().active.id)
	return server.Serve(listener)
}
