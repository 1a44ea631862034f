package main

import (
	"fmt"
	"os"
	"regexp"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// process is what a process has used: CPU time of all its threads, ended ones too, and memory in KiB.
type process struct {
	cpu      time.Duration
	rss, hwm int
}

func readProcess(pid int) (process, error) {
	if pid == 0 {
		return process{}, nil
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return process{}, err
	}
	return process{cpuTime(pid), kibibytes(status, "VmRSS"), kibibytes(status, "VmHWM")}, nil
}

func kibibytes(status []byte, name string) int {
	match := regexp.MustCompile(`(?m)^` + name + `:\s+(\d+) kB$`).FindSubmatch(status)
	if match == nil {
		return 0
	}
	value, _ := strconv.Atoi(string(match[1]))
	return value
}

// cpuTime reads the CPU clock of a process (0: this one), whose clock number is made as the kernel's
// MAKE_PROCESS_CPUCLOCK(pid, CPUCLOCK_SCHED) makes it.
func cpuTime(pid int) time.Duration {
	var now unix.Timespec
	clock := (^int32(pid))<<3 | 2
	if err := unix.ClockGettime(clock, &now); err != nil {
		return 0
	}
	return time.Duration(now.Nano())
}
