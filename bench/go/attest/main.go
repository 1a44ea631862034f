// Command attest verifies real TDX and SEV-SNP evidence with google/go-tdx-guest and google/go-sev-guest, offline and at the time
// that each case's manifest names, and measures what one verification costs with nothing remembered:
//
//	attest --evidence DIR [--length 300ms] [case...]
//
// It prints one JSON line, {"case": {"us", "cpuUs", "bytes", "refused"}}. go-tdx-guest 0.3.1 refuses, after it has verified every signature,
// platforms that are not UpToDate and TCB info with the FMSPC in capitals: these are measured as far as it goes, and say so. Other
// cases that a library refuses, such as versions it does not know, have no figures. Every case that is measured has shown before
// that a flipped bit changes the answer.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"
)

type result struct {
	Us      float64 `json:"us,omitempty"`
	CPUUs   float64 `json:"cpuUs,omitempty"`
	Bytes   float64 `json:"bytes,omitempty"`
	Refused string  `json:"refused,omitempty"`
}

// verifier verifies evidence of one case; everything but the files' bytes is made anew with each call.
type verifier func(evidence []byte) error

func main() {
	log.SetFlags(0)
	evidence := flag.String("evidence", "", "folder of the evidence")
	length := flag.Duration("length", 300*time.Millisecond, "how long to measure each case")
	flag.Parse()
	results := map[string]result{}
	for tee, open := range map[string]func(dir string, at time.Time) (verifier, []byte, error){"tdx": openTDX, "snp": openSNP} {
		manifests, _ := filepath.Glob(filepath.Join(*evidence, tee, "*", "manifest.json"))
		for _, manifest := range manifests {
			dir := filepath.Dir(manifest)
			name := filepath.Base(dir)
			if flag.NArg() > 0 && !slices.Contains(flag.Args(), name) {
				continue
			}
			results[name] = run(dir, open, *length)
		}
	}
	json.NewEncoder(os.Stdout).Encode(results)
}

func run(dir string, open func(string, time.Time) (verifier, []byte, error), length time.Duration) result {
	at, err := judgedAt(dir)
	if err != nil {
		log.Fatalln("attest:", err)
	}
	verify, evidence, err := open(dir, at)
	if err != nil {
		log.Fatalln("attest:", dir, err)
	}
	answer := text(verify(evidence))
	if answer != "" && !slices.ContainsFunc(late, func(part string) bool { return strings.Contains(answer, part) }) {
		return result{Refused: answer}
	}
	bad := slices.Clone(evidence)
	bad[100] ^= 1
	if text(verify(bad)) == answer {
		log.Fatalln("attest:", dir, "a flipped bit made no difference")
	}
	measured := measure(func() {
		if now := text(verify(evidence)); now != answer {
			log.Fatalln("attest:", dir, now)
		}
	}, length)
	measured.Refused = answer
	return measured
}

// late are go-tdx-guest's refusals that come when all signatures have been verified.
var late = []string{"TCB Status is not \"UpToDate\"", "FMSPC from PCK Certificate"}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// measure times each verification, so that the median is not moved by those during which something else ran. CPU time is that of
// the whole process, garbage collection included.
func measure(verify func(), length time.Duration) result {
	for start := time.Now(); time.Since(start) < length/4; {
		verify()
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	cpu := cpuTime()
	var times []time.Duration
	for start := time.Now(); time.Since(start) < length || len(times) < 20; {
		one := time.Now()
		verify()
		times = append(times, time.Since(one))
	}
	cpu = cpuTime() - cpu
	runtime.ReadMemStats(&after)
	slices.Sort(times)
	count := float64(len(times))
	return result{
		Us:    float64(times[len(times)/2].Nanoseconds()) / 1000,
		CPUUs: float64(cpu.Nanoseconds()) / 1000 / count,
		Bytes: math.Round(float64(after.TotalAlloc-before.TotalAlloc) / count),
	}
}

func cpuTime() time.Duration {
	var usage syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func judgedAt(dir string) (time.Time, error) {
	var manifest struct {
		Verdicts []struct{ At time.Time }
	}
	bytes, err := os.ReadFile(filepath.Join(dir, "manifest.json"))
	if err == nil {
		err = json.Unmarshal(bytes, &manifest)
	}
	if err == nil && len(manifest.Verdicts) == 0 {
		err = fmt.Errorf("%s: no verdict", dir)
	}
	if err != nil {
		return time.Time{}, err
	}
	return manifest.Verdicts[0].At, nil
}
