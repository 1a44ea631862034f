package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"slices"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
	kmsv2 "k8s.io/kms/apis/v2"

	"cloister/bench/go/usage"
)

const startTimeout = 30 * time.Second

type startReport struct {
	Rounds        int     `json:"rounds"`
	FirstStatusUs spread  `json:"firstStatusUs"`
	CPUUs         spread  `json:"cpuUs"`
	RSSKiB        int     `json:"rssKiB"`
	HWMKiB        int     `json:"hwmKiB"`
	AllUs         []int64 `json:"allUs"`
}

type spread struct {
	Median int64 `json:"median"`
	Min    int64 `json:"min"`
	Max    int64 `json:"max"`
}

type start struct {
	elapsed time.Duration
	used    usage.Process
}

// measureStart starts the command again and again, each time from a clean socket path.
func measureStart(socket string, rounds int, command []string) (any, error) {
	if len(command) == 0 {
		return nil, errors.New("--first-status needs a command")
	}
	var elapsed, cpu []int64
	var memory usage.Process
	for range rounds {
		one, err := startOnce(socket, command)
		if err != nil {
			return nil, err
		}
		elapsed = append(elapsed, one.elapsed.Microseconds())
		cpu = append(cpu, one.used.CPU.Microseconds())
		memory = one.used
	}
	return startReport{rounds, spreadOf(elapsed), spreadOf(cpu), memory.RSS, memory.HWM, elapsed}, nil
}

func startOnce(socket string, command []string) (start, error) {
	if err := os.Remove(socket); err != nil && !os.IsNotExist(err) {
		return start{}, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	// The connection exists before the command does and keeps trying, so that making it is no part of what is measured.
	connection, err := dial("v2", socket, func(ctx context.Context) (net.Conn, error) {
		for ctx.Err() == nil {
			if conn, err := unixSocket(socket)(ctx); err == nil {
				return conn, nil
			}
			pause := unix.Timespec{Nsec: 50_000}
			unix.Nanosleep(&pause, nil)
		}
		return nil, ctx.Err()
	})
	if err != nil {
		return start{}, err
	}
	defer connection.Close()
	connection.Connect()
	client := kmsv2.NewKeyManagementServiceClient(connection)

	child := exec.Command(command[0], command[1:]...)
	child.Stderr = os.Stderr
	begin := time.Now()
	if err := child.Start(); err != nil {
		return start{}, err
	}
	defer stop(child)
	for {
		answer, err := client.Status(ctx, &kmsv2.StatusRequest{})
		if err == nil && answer.GetKeyId() != "" {
			elapsed := time.Since(begin)
			used, err := usage.Read(child.Process.Pid)
			return start{elapsed, used}, err
		}
		if ctx.Err() != nil {
			return start{}, fmt.Errorf("no Status within %v: %v", startTimeout, err)
		}
	}
}

func stop(child *exec.Cmd) {
	child.Process.Signal(syscall.SIGTERM)
	kill := time.AfterFunc(5*time.Second, func() { child.Process.Kill() })
	child.Wait()
	kill.Stop()
}

func spreadOf(values []int64) spread {
	sorted := slices.Sorted(slices.Values(values))
	return spread{sorted[len(sorted)/2], sorted[0], sorted[len(sorted)-1]}
}
