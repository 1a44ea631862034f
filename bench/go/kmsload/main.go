// Command kmsload calls a KMS plugin as kube-apiserver does, over one grpc-go connection, and prints one JSON line.
//
//	kmsload --socket PATH [--api v2|v1] [--op encrypt|decrypt|status] [--callers N] [--duration D] [--pid P]
//	kmsload --socket PATH --api secrets [--op encrypt|decrypt|decryptbatch] [--batch N] ...
//	kmsload --api local [--op encrypt|decrypt] [--batch N] ...
//	kmsload --first-status --socket PATH [--rounds N] -- COMMAND [ARGUMENT...]
//
// The first form is a closed loop: each caller sends its next request when the last was answered. With --pid it also
// reports the plugin's CPU time and memory. With --api secrets the plugin is an enclave's secrets service, with --api local it is what
// kube-apiserver with a KMS v2 provider does in its own memory. The last form starts COMMAND and measures until Status is answered.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"time"
)

func main() {
	var plan load
	flag.StringVar(&plan.socket, "socket", "", "path of the plugin's unix socket")
	flag.StringVar(&plan.api, "api", "v2", "v2, v1, secrets or local")
	flag.StringVar(&plan.op, "op", "encrypt", "encrypt, decrypt, decryptbatch or status (v1: its Version call)")
	flag.IntVar(&plan.callers, "callers", 1, "callers at once")
	flag.IntVar(&plan.batch, "batch", 1, "values in one call: of decryptbatch, and with --api local")
	flag.IntVar(&plan.size, "size", 32, "bytes of plaintext")
	flag.DurationVar(&plan.duration, "duration", 5*time.Second, "how long to measure")
	flag.DurationVar(&plan.warmup, "warmup", time.Second, "how long to call before measuring")
	flag.IntVar(&plan.pid, "pid", 0, "process whose CPU time and memory to report")
	first := flag.Bool("first-status", false, "measure from starting a command to its first answered Status")
	rounds := flag.Int("rounds", 1, "with --first-status: how often")
	flag.Parse()

	var report any
	var err error
	switch {
	case plan.socket == "" && plan.api != "local" || plan.callers < 1 || plan.batch < 1 || plan.size < 0 || *rounds < 1:
		flag.Usage()
		os.Exit(1)
	case *first:
		report, err = measureStart(plan.socket, *rounds, flag.Args())
	default:
		report, err = plan.run()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "kmsload:", err)
		os.Exit(1)
	}
	json.NewEncoder(os.Stdout).Encode(report)
}
