package main

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"cloister/bench/go/usage"
)

type load struct {
	socket, api, op       string
	callers, size, pid    int
	batch                 int
	duration, warmup      time.Duration
	firstError            atomic.Pointer[string]
	measuring, measureEnd atomic.Bool
}

type loadReport struct {
	API         string  `json:"api"`
	Op          string  `json:"op"`
	Callers     int     `json:"callers"`
	Requests    int     `json:"requests"`
	Errors      int     `json:"errors"`
	FirstError  string  `json:"firstError,omitempty"`
	Seconds     float64 `json:"seconds"`
	RPS         float64 `json:"rps"`
	P50Us       float64 `json:"p50Us"`
	P90Us       float64 `json:"p90Us"`
	P99Us       float64 `json:"p99Us"`
	MaxUs       float64 `json:"maxUs"`
	ClientCPUUs float64 `json:"clientCpuUs"`
	ServerCPUUs float64 `json:"serverCpuUs,omitempty"`
	ServerRSS   int     `json:"serverRssKiB,omitempty"`
	ServerHWM   int     `json:"serverHwmKiB,omitempty"`
}

func (l *load) run() (any, error) {
	connection, err := dial(l.api, l.socket, unixSocket(l.socket))
	if err != nil {
		return nil, err
	}
	defer connection.Close()
	one, err := newCall(connection, l.api, l.op, l.size, l.batch)
	if err != nil {
		return nil, err
	}

	latencies := make([][]time.Duration, l.callers)
	failures := make([]int, l.callers)
	var callers sync.WaitGroup
	for i := range l.callers {
		callers.Go(func() { latencies[i], failures[i] = l.caller(one) })
	}
	time.Sleep(l.warmup)
	server, err := usage.Read(l.pid)
	if err != nil {
		return nil, err
	}
	client := usage.CPUTime(0)
	start := time.Now()
	l.measuring.Store(true)
	time.Sleep(l.duration)
	l.measuring.Store(false)
	elapsed := time.Since(start)
	client = usage.CPUTime(0) - client
	after, err := usage.Read(l.pid)
	if err != nil {
		return nil, err
	}
	l.measureEnd.Store(true)
	callers.Wait()
	return l.report(slices.Concat(latencies...), failures, elapsed, client, after.CPU-server.CPU, after), nil
}

// caller calls until the end, and keeps the latencies of calls that began while measuring.
func (l *load) caller(one call) (latencies []time.Duration, failures int) {
	latencies = make([]time.Duration, 0, 1<<16)
	for !l.measureEnd.Load() {
		counted := l.measuring.Load()
		start := time.Now()
		ctx, cancel := context.WithTimeout(context.Background(), callTimeout)
		err := one(ctx)
		cancel()
		if !counted {
			continue
		}
		if err != nil {
			failures++
			text := err.Error()
			l.firstError.CompareAndSwap(nil, &text)
			continue
		}
		latencies = append(latencies, time.Since(start))
	}
	return latencies, failures
}

func (l *load) report(latencies []time.Duration, failures []int, elapsed, client, server time.Duration, after usage.Process) loadReport {
	slices.Sort(latencies)
	report := loadReport{API: l.api, Op: l.op, Callers: l.callers, Requests: len(latencies), Seconds: elapsed.Seconds()}
	for _, count := range failures {
		report.Errors += count
	}
	if text := l.firstError.Load(); text != nil {
		report.FirstError = *text
	}
	if l.pid != 0 {
		report.ServerRSS, report.ServerHWM = after.RSS, after.HWM
	}
	if len(latencies) == 0 {
		return report
	}
	at := func(share float64) float64 { return microseconds(latencies[int(share*float64(len(latencies)-1))]) }
	report.RPS = float64(len(latencies)) / elapsed.Seconds()
	report.P50Us, report.P90Us, report.P99Us, report.MaxUs = at(0.50), at(0.90), at(0.99), at(1)
	report.ClientCPUUs = microseconds(client) / float64(len(latencies))
	if l.pid != 0 {
		report.ServerCPUUs = microseconds(server) / float64(len(latencies))
	}
	return report
}

func microseconds(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1000 }
