package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"time"
)

// clientCommand as first argument makes the program the client; the second is a clientConfig.
const clientCommand = "client"

type target struct {
	Name string
	Dir  string
	PID  int
}

type clientConfig struct {
	Targets []target
	Ops     string
	Rounds  int
	Batch   time.Duration
	Clients int
}

// A result is what one operation took on one target, round by round.
type result struct {
	Op, Target string
	Nanos      []float64 // per operation
	CPU        float64   // nanoseconds of the server's CPU time per operation, over all rounds
}

func runClient(c clientConfig) ([]result, error) {
	arg, err := json.Marshal(c)
	if err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self, clientCommand, string(arg))
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("client: %w", err)
	}
	var results []result
	return results, json.Unmarshal(out, &results)
}

// clientMain measures, and prints results as JSON.
func clientMain(arg string) error {
	var c clientConfig
	if err := json.Unmarshal([]byte(arg), &c); err != nil {
		return err
	}
	only, err := regexp.Compile(c.Ops)
	if err != nil {
		return err
	}
	debug.SetGCPercent(-1) // no collector in the middle of a batch; there is next to nothing to collect
	runtime.GOMAXPROCS(c.Clients + 2)
	results := []result{}
	for _, op := range operations {
		if !only.MatchString(op.name) {
			continue
		}
		rs, err := measure(c, op)
		if err != nil {
			return fmt.Errorf("%s: %w", op.name, err)
		}
		results = append(results, rs...)
	}
	return json.NewEncoder(os.Stdout).Encode(results)
}

// measure runs one operation on all targets in turns. The first target of a round is another one each time.
func measure(c clientConfig, op operation) ([]result, error) {
	n := len(c.Targets)
	results := make([]result, n)
	counts := make([]int, n)
	total := make([]int, n)
	cpu := make([]time.Duration, n)
	for i, t := range c.Targets {
		results[i] = result{Op: op.name, Target: t.Name}
		per, err := calibrate(op, t.Dir, c)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", t.Name, err)
		}
		counts[i] = max(1, int(c.Batch/per)/c.Clients)
	}
	for round := range c.Rounds {
		for j := range n {
			i := (round + j) % n
			t := c.Targets[i]
			before := cpuTime(t.PID)
			took, err := batch(op, t.Dir, counts[i], c.Clients)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", t.Name, err)
			}
			done := counts[i] * c.Clients
			cpu[i] += cpuTime(t.PID) - before
			total[i] += done
			results[i].Nanos = append(results[i].Nanos, float64(took)/float64(done))
		}
	}
	for i := range results {
		results[i].CPU = float64(cpu[i]) / float64(total[i])
	}
	return results, nil
}

// calibrate warms the target up and returns about how long one operation takes. The best of several tries counts: a hiccup must not
// make the batches short.
func calibrate(op operation, dir string, c clientConfig) (time.Duration, error) {
	best := time.Duration(math.MaxInt64)
	for count, tries := 1, 0; tries < 3; {
		took, err := batch(op, dir, count, c.Clients)
		if err != nil {
			return 0, err
		}
		best = min(best, max(1, took/time.Duration(count*c.Clients)))
		if best*time.Duration(count*c.Clients) > c.Batch/4 {
			tries++
		} else {
			count *= 4
		}
	}
	return best, nil
}

// batch does the operation count times in each of a number of threads.
func batch(op operation, dir string, count, clients int) (time.Duration, error) {
	workers := make([]*worker, clients)
	for i := range workers {
		w, err := newWorker(dir)
		if err != nil {
			return 0, err
		}
		defer w.close()
		workers[i] = w
	}
	errs := make([]error, clients)
	var ready, end sync.WaitGroup
	begin := make(chan struct{})
	for i, w := range workers {
		ready.Add(1)
		end.Add(1)
		go func() {
			defer end.Done()
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			ready.Done()
			<-begin
			for n := range count {
				if errno := op.do(w, n); errno != 0 {
					errs[i] = errno
					return
				}
			}
		}()
	}
	ready.Wait()
	startTime := time.Now()
	close(begin)
	end.Wait()
	took := time.Since(startTime)
	for _, err := range errs {
		if err != nil {
			return 0, err
		}
	}
	return took, nil
}

// clockTick is USER_HZ, the same on every Linux that Go runs on.
const clockTick = 10 * time.Millisecond

// cpuTime returns the user and system time that a process has used so far.
func cpuTime(pid int) time.Duration {
	data, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return 0
	}
	// The fields after the name, which ends with the last ")": state is the first, utime and stime are 12th and 13th.
	f := strings.Fields(string(data[bytes.LastIndexByte(data, ')')+1:]))
	if len(f) < 13 {
		return 0
	}
	utime, _ := strconv.Atoi(f[11])
	stime, _ := strconv.Atoi(f[12])
	return time.Duration(utime+stime) * clockTick
}
