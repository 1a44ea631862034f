// Package usage reads what processes have used.
package usage

import (
	"fmt"
	"os"
	"regexp"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// Process is what a process has used: CPU time of all its threads, ended ones too, and memory in KiB.
type Process struct {
	CPU      time.Duration
	RSS, HWM int
}

// Read reads a process; 0 is none.
func Read(pid int) (Process, error) {
	if pid == 0 {
		return Process{}, nil
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return Process{}, err
	}
	return Process{CPUTime(pid), kibibytes(status, "VmRSS"), kibibytes(status, "VmHWM")}, nil
}

func kibibytes(status []byte, name string) int {
	match := regexp.MustCompile(`(?m)^` + name + `:\s+(\d+) kB$`).FindSubmatch(status)
	if match == nil {
		return 0
	}
	value, _ := strconv.Atoi(string(match[1]))
	return value
}

// CPUTime reads the CPU clock of a process (0: this one), whose clock number is made as the kernel's
// MAKE_PROCESS_CPUCLOCK(pid, CPUCLOCK_SCHED) makes it.
func CPUTime(pid int) time.Duration {
	var now unix.Timespec
	clock := (^int32(pid))<<3 | 2
	if err := unix.ClockGettime(clock, &now); err != nil {
		return 0
	}
	return time.Duration(now.Nano())
}
