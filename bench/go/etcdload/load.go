package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"cloister/bench/go/usage"
)

const (
	valueSize = 1024
	pageSize  = 500
	// Keys of one caller, in turn.
	keysEach = 20
	timeout  = 30 * time.Second
)

type load struct {
	client                *clientv3.Client
	op                    string
	callers, count, pid   int
	duration, warmup      time.Duration
	measuring, measureEnd atomic.Bool
}

type report struct {
	Op      string  `json:"op"`
	Callers int     `json:"callers,omitempty"`
	Calls   int     `json:"calls"`
	RPS     float64 `json:"rps,omitempty"`
	P50Us   float64 `json:"p50Us,omitempty"`
	P99Us   float64 `json:"p99Us,omitempty"`
	Ms      float64 `json:"ms,omitempty"`
	CPUUs   float64 `json:"cpuUs,omitempty"`
	RSSKiB  int     `json:"rssKiB,omitempty"`
}

// put writes as kube-apiserver does, in a transaction on the key's revision; here one that always holds.
func (l *load) put(ctx context.Context, key string) error {
	value := make([]byte, valueSize)
	rand.Read(value)
	_, err := l.client.Txn(ctx).
		If(clientv3.Compare(clientv3.ModRevision(key), ">", -1)).
		Then(clientv3.OpPut(key, string(value))).
		Else(clientv3.OpGet(key)).
		Commit()
	return err
}

func (l *load) get(ctx context.Context, key string) error {
	answer, err := l.client.Get(ctx, key)
	if err == nil && len(answer.Kvs) != 1 {
		return fmt.Errorf("%s has %d values", key, len(answer.Kvs))
	}
	return err
}

func (l *load) calls(one func(context.Context, string) error) (any, error) {
	latencies := make([][]time.Duration, l.callers)
	failures := make([]error, l.callers)
	var callers sync.WaitGroup
	for i := range l.callers {
		callers.Go(func() {
			latencies[i], failures[i] = l.caller(one, fmt.Sprintf("/registry/secrets/bench/%d-", i))
		})
	}
	time.Sleep(l.warmup)
	before, err := usage.Read(l.pid)
	if err != nil {
		return nil, err
	}
	start := time.Now()
	l.measuring.Store(true)
	time.Sleep(l.duration)
	l.measuring.Store(false)
	elapsed := time.Since(start)
	after, err := usage.Read(l.pid)
	if err != nil {
		return nil, err
	}
	l.measureEnd.Store(true)
	callers.Wait()
	all := slices.Concat(latencies...)
	if err := errors.Join(failures...); err != nil || len(all) == 0 {
		return nil, fmt.Errorf("%d calls measured: %w", len(all), err)
	}
	slices.Sort(all)
	return report{
		Op: l.op, Callers: l.callers, Calls: len(all), RPS: float64(len(all)) / elapsed.Seconds(),
		P50Us: microseconds(all[len(all)/2]), P99Us: microseconds(all[len(all)*99/100]),
		CPUUs: microseconds(after.CPU-before.CPU) / float64(len(all)), RSSKiB: after.RSS,
	}, nil
}

// caller calls until the end, and keeps the latencies of calls that began while measuring.
func (l *load) caller(one func(context.Context, string) error, prefix string) (latencies []time.Duration, err error) {
	for i := 0; !l.measureEnd.Load() && err == nil; i++ {
		counted := l.measuring.Load()
		ctx, cancel := context.WithTimeout(context.Background(), timeout)
		start := time.Now()
		err = one(ctx, fmt.Sprint(prefix, i%keysEach))
		if counted {
			latencies = append(latencies, time.Since(start))
		}
		cancel()
	}
	return latencies, err
}

func (l *load) watch() (any, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*timeout)
	defer cancel()
	const prefix = "/registry/secrets/watched/"
	events := l.client.Watch(clientv3.WithRequireLeader(ctx), prefix, clientv3.WithPrefix(), clientv3.WithCreatedNotify(), clientv3.WithPrevKV())
	<-events
	var latencies []time.Duration
	for i := range l.count {
		start := time.Now()
		written := make(chan error, 1)
		go func() { written <- l.put(ctx, fmt.Sprint(prefix, i%10)) }()
		event, open := <-events
		if !open || event.Err() != nil || len(event.Events) != 1 {
			return nil, fmt.Errorf("the watch ended, or has not one event: %w", event.Err())
		}
		latencies = append(latencies, time.Since(start))
		if err := <-written; err != nil {
			return nil, err
		}
	}
	slices.Sort(latencies)
	return report{Op: l.op, Calls: len(latencies), P50Us: microseconds(latencies[len(latencies)/2]), P99Us: microseconds(latencies[len(latencies)*99/100])}, nil
}

func (l *load) list() (any, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*timeout)
	defer cancel()
	const prefix = "/registry/secrets/list/"
	start := time.Now()
	seen, next, revision := 0, prefix, int64(0)
	for more := true; more; {
		page, err := l.client.Get(ctx, next, clientv3.WithRange(clientv3.GetPrefixRangeEnd(prefix)), clientv3.WithLimit(pageSize), clientv3.WithRev(revision))
		if err != nil {
			return nil, err
		}
		if len(page.Kvs) == 0 {
			break
		}
		seen += len(page.Kvs)
		next = string(page.Kvs[len(page.Kvs)-1].Key) + "\x00"
		revision, more = page.Header.Revision, page.More
	}
	elapsed := time.Since(start)
	if seen != l.count {
		return nil, fmt.Errorf("listed %d of %d", seen, l.count)
	}
	process, err := usage.Read(l.pid)
	return report{Op: l.op, Calls: seen, Ms: microseconds(elapsed) / 1000, RSSKiB: process.RSS}, err
}

// fill writes what list reads.
func (l *load) fill() (any, error) {
	const writers = 32
	failures := make([]error, writers)
	var group sync.WaitGroup
	for writer := range writers {
		group.Go(func() {
			for i := writer; i < l.count && failures[writer] == nil; i += writers {
				failures[writer] = l.put(context.Background(), fmt.Sprintf("/registry/secrets/list/%06d", i))
			}
		})
	}
	group.Wait()
	return report{Op: l.op, Calls: l.count}, errors.Join(failures...)
}

func microseconds(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1000 }
