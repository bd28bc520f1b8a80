// Fsx does random reads, writes, truncations, mappings, allocations and copies on a file, and after each compares with what a model in memory
// says the file must hold.
//
//	fsx [-seed N] [-n operations] [-size bytes] [-direct] [-without op,op] FILE
//
// The same seed gives the same operations on the same filesystem. When file and model differ it prints the operations that led there, newest last,
// and leaves the file; the exit code is then 1, and 2 when fsx could not run.
package main

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"time"
)

func main() {
	seed := flag.Uint64("seed", 1, "seed of the random operations; 0: from the clock")
	count := flag.Int("n", 10000, "how many operations")
	size := flag.Int("size", 256<<10, "largest size of the file")
	direct := flag.Bool("direct", false, "open with O_DIRECT half of the time")
	without := flag.String("without", "", "operations to leave out, separated by commas")
	verbose := flag.Bool("v", false, "print each operation as it is done")
	flag.Parse()
	if flag.NArg() != 1 || *size < pageSize {
		fmt.Fprintln(os.Stderr, "usage: fsx [-seed N] [-n operations] [-size bytes] [-direct] [-without op,op] [-v] FILE")
		os.Exit(2)
	}
	if *seed == 0 {
		*seed = uint64(time.Now().UnixNano())
	}
	os.Exit(exercise(config{
		path: flag.Arg(0), seed: *seed, count: *count, size: *size, direct: *direct,
		without: strings.Split(*without, ","), verbose: *verbose,
	}))
}

func exercise(cfg config) int {
	begin := time.Now()
	e, err := newExerciser(cfg)
	if err != nil {
		fmt.Fprintln(os.Stderr, "fsx:", err)
		return 2
	}
	if err := e.run(); err != nil {
		e.report(os.Stdout, err)
		return 1
	}
	fmt.Printf("fsx: %d operations (seed %d) in %.1fs: %s\n", cfg.count, cfg.seed, time.Since(begin).Seconds(), e.summary())
	return 0
}
