// Command attest verifies real TDX and SEV-SNP evidence with google/go-tdx-guest and google/go-sev-guest, offline and at the time
// that each case's manifest names, and measures what one verification costs with nothing remembered:
//
//	attest --evidence DIR [--length 300ms] [case...]
//
// It prints one JSON line, {"case": {"us", "bytes", "refused"}}. go-tdx-guest 0.3.1 refuses, after it has verified every signature,
// platforms that are not UpToDate and TCB info with the FMSPC in capitals: these are measured as far as it goes, and say so. Other
// cases that a library refuses, such as versions it does not know, have no figures. Every case that is measured has shown before
// that a flipped bit changes the answer.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

type result struct {
	Us      float64 `json:"us,omitempty"`
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

func measure(verify func(), length time.Duration) result {
	const batch = 8
	for start := time.Now(); time.Since(start) < length/4; {
		verify()
	}
	var before, after runtime.MemStats
	count := 0
	runtime.ReadMemStats(&before)
	start := time.Now()
	for time.Since(start) < length {
		for range batch {
			verify()
		}
		count += batch
	}
	elapsed := time.Since(start)
	runtime.ReadMemStats(&after)
	return result{
		Us:    float64(elapsed.Nanoseconds()) / 1000 / float64(count),
		Bytes: float64(after.TotalAlloc-before.TotalAlloc) / float64(count),
	}
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
