// Posixsuite checks the POSIX behaviour of the filesystem that holds a directory: permissions, ownership, errors, file types, times.
//
//	posixsuite [-run regexp] [-skip regexp] [-list] [-v] DIR
//
// It runs as root, for it takes on other users call by call, and prints every assertion that fails with what was tried, what came and what was
// wanted, then "N passed, M failed". The exit code is 1 when an assertion failed, 2 when the suite could not run.
//
// It is a program and not a test package because the client of a filesystem under test must be another process: a client in the process that
// serves can deadlock with itself.
package main

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"time"
)

func main() {
	if len(os.Args) == 2 && os.Args[1] == holdArg {
		hold()
		return
	}
	run := flag.String("run", "", "run only the tests whose name matches this `regexp`")
	skip := flag.String("skip", "", "leave out the tests whose name matches this `regexp`")
	list := flag.Bool("list", false, "list the tests and end")
	verbose := flag.Bool("v", false, "print each test with its count and time")
	flag.Parse()
	if *list {
		for _, c := range cases() {
			fmt.Println(c.name)
		}
		return
	}
	os.Exit(start(*run, *skip, *verbose, flag.Args()))
}

func start(run, skip string, verbose bool, args []string) int {
	match, err := selector(run, skip)
	if err != nil || len(args) != 1 {
		fmt.Fprintln(os.Stderr, "usage: posixsuite [-run regexp] [-skip regexp] [-list] [-v] DIR")
		return 2
	}
	begin := time.Now()
	res, err := runSuite(args[0], match, verbose, os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, "posixsuite:", err)
		return 2
	}
	for _, s := range res.skips {
		fmt.Println("SKIP", s)
	}
	fmt.Printf("%d passed, %d failed (%d tests, %d skipped, %.1fs)\n", res.passed, res.failed, res.tests, len(res.skips), time.Since(begin).Seconds())
	if res.failed > 0 || res.passed == 0 {
		return 1
	}
	return 0
}

// selector says which tests to run. A pattern for tests to skip that is empty skips none.
func selector(run, skip string) (func(name string) bool, error) {
	runs, err := regexp.Compile(run)
	if err != nil {
		return nil, err
	}
	skips, err := regexp.Compile(skip)
	if err != nil {
		return nil, err
	}
	return func(name string) bool { return runs.MatchString(name) && (skip == "" || !skips.MatchString(name)) }, nil
}
