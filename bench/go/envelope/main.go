// Command envelope measures, in nanoseconds per operation, what wrapping costs with Go's standard library:
//
//	aesgcm    AES-256-GCM of 32 bytes, key schedule reused, random nonce
//	envelope  fresh random DEK of 32 bytes, AES-256-GCM of a 32-byte payload under it, DEK wrapped by AES-256-GCM under a reused KEK
//	xaeswrap  fresh random DEK of 32 bytes wrapped by XAES-256-GCM (C2SP) under a reused KEK
//
// It prints one JSON line: {"name": {"median","min","max"}} over several rounds, which take turns.
package main

import (
	"encoding/json"
	"flag"
	"log"
	"os"
	"slices"
	"time"
)

type spread struct {
	Median float64 `json:"median"`
	Min    float64 `json:"min"`
	Max    float64 `json:"max"`
}

func main() {
	log.SetFlags(0)
	rounds := flag.Int("rounds", 11, "rounds of each measurement")
	length := flag.Duration("round", 200*time.Millisecond, "length of a round")
	flag.Parse()
	if err := checkXAES(); err != nil {
		log.Fatalln("envelope:", err)
	}
	operations := []struct {
		name string
		run  func()
	}{
		{"aesgcm", newAESGCM()},
		{"envelope", newEnvelope()},
		{"xaeswrap", newXAESWrap()},
	}
	samples := map[string][]float64{}
	for range max(*rounds, 1) {
		for _, operation := range operations {
			samples[operation.name] = append(samples[operation.name], measure(operation.run, *length))
		}
	}
	report := map[string]spread{}
	for name, values := range samples {
		slices.Sort(values)
		report[name] = spread{values[len(values)/2], values[0], values[len(values)-1]}
	}
	json.NewEncoder(os.Stdout).Encode(report)
}

// measure runs in batches so that reading the clock does not count.
func measure(run func(), length time.Duration) float64 {
	const batch = 256
	for range batch {
		run()
	}
	count := 0
	start := time.Now()
	for time.Since(start) < length {
		for range batch {
			run()
		}
		count += batch
	}
	return float64(time.Since(start).Nanoseconds()) / float64(count)
}
