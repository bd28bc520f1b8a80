// Namesx has several workers create, link, rename, remove, list, read and write files at the same time, in directories that one more keeps moving about, and compares
// each result with what a model says.
//
//	namesx [-seed N] [-n steps] [-workers N] DIR
//
// Each worker has names of its own, in directories that all share, so that it knows at any time what must be there; it reaches the directories by descriptors, wherever they
// are. A file tells by its content which one it is. The seed decides what each worker does, not who comes first. The exit code is 1 when
// something was not as the model says, and 2 when namesx could not run.
package main

import (
	"flag"
	"fmt"
	"os"
	"sync"
	"time"
)

func main() {
	seed := flag.Uint64("seed", 1, "seed of the random steps; 0: from the clock")
	steps := flag.Int("n", 5000, "how many steps each worker takes")
	workers := flag.Int("workers", 8, "how many workers")
	flag.Parse()
	if flag.NArg() != 1 || *workers < 1 {
		fmt.Fprintln(os.Stderr, "usage: namesx [-seed N] [-n steps] [-workers N] DIR")
		os.Exit(2)
	}
	if *seed == 0 {
		*seed = uint64(time.Now().UnixNano())
	}
	os.Exit(run(flag.Arg(0), *seed, *steps, *workers))
}

func run(dir string, seed uint64, steps, workers int) int {
	begin := time.Now()
	s, err := newShared(dir)
	if err != nil {
		fmt.Fprintln(os.Stderr, "namesx:", err)
		return 2
	}
	var all []*worker
	for i := range workers {
		all = append(all, newWorker(s, i, seed))
	}
	if errs := work(s, all, seed, steps); len(errs) > 0 {
		for _, err := range errs {
			fmt.Println(err)
		}
		fmt.Printf("seed %d: %d workers of %d failed\n", seed, len(errs), workers+1)
		return 1
	}
	fmt.Printf("namesx: %d steps by each of %d workers (seed %d) in %.1fs, %d moves of directories\n", steps, workers, seed, time.Since(begin).Seconds(), s.moves)
	return 0
}

// work runs all workers, and the one who moves directories as long as they work. The first failure ends everything.
func work(s *shared, all []*worker, seed uint64, steps int) (errs []error) {
	var mu sync.Mutex
	failed := func(err error) {
		if err != nil {
			s.stop.Store(true)
			mu.Lock()
			defer mu.Unlock()
			errs = append(errs, err)
		}
	}
	var workers, mover sync.WaitGroup
	for _, w := range all {
		workers.Add(1)
		go func() {
			defer workers.Done()
			failed(w.run(steps))
		}()
	}
	mover.Add(1)
	go func() {
		defer mover.Done()
		failed(s.moveAbout(seed))
	}()
	workers.Wait()
	s.stop.Store(true)
	mover.Wait()
	return errs
}
