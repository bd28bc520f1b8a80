// Bench compares passthrough_ll in C, as the distribution ships it with libfuse's examples, with the one in Go of this project
// and, if asked to, with go-fuse's loopback filesystem; or passthrough_fh in C and in Go, and cgofuse's passthrough filesystem, which go by paths. All serve the same directory with the same options, caches off, so that every
// operation reaches the server. A separate client process measures them in turns, round by round, and what is printed are
// medians over the rounds and their ratios.
//
// It is no test: it passes no judgement, and wants a machine that does nothing else.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

type config struct {
	root    string
	source  string
	servers string
	options string
	single  bool
	client  clientConfig
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == clientCommand {
		if err := clientMain(os.Args[2]); err != nil {
			fmt.Fprintln(os.Stderr, "bench client:", err)
			os.Exit(1)
		}
		return
	}
	var c config
	flag.StringVar(&c.root, "root", "../..", "the project's `directory`")
	flag.StringVar(&c.source, "c-source", "/usr/share/doc/libfuse3-dev/examples/passthrough_ll.c", "the C program's source `file`")
	flag.StringVar(&c.servers, "servers", "c,go", "what to measure: `list` of c, go, go-fuse (by inodes), c-fh, go-fh, cgofuse (by paths); ratios are to the first")
	flag.StringVar(&c.options, "o", "", "more mount `options` for c and go")
	flag.BoolVar(&c.single, "s", false, "c and go serve with a single thread")
	flag.StringVar(&c.client.Ops, "ops", "", "measure only the operations that this `regexp` matches")
	flag.IntVar(&c.client.Rounds, "rounds", 15, "`number` of rounds")
	flag.DurationVar(&c.client.Batch, "batch", 100*time.Millisecond, "`time` for an operation on a server in a round")
	flag.IntVar(&c.client.Clients, "clients", 1, "`number` of threads that call at a time")
	flag.Parse()
	if err := run(c); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(c config) (err error) {
	dir, err := os.MkdirTemp("", "go-libfuse3-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir) // after the unmounts below: deferred calls run last in, first out
	src := filepath.Join(dir, "source")
	if err := makeTree(src); err != nil {
		return err
	}
	// An interrupt ends the client, and then the servers in order.
	signal.Ignore(syscall.SIGINT)
	for name := range strings.SplitSeq(c.servers, ",") {
		argv, err := build(c, name, dir, src)
		if err != nil {
			return err
		}
		s, err := start(name, argv, filepath.Join(dir, "mnt-"+name))
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, s.stop()) }()
		c.client.Targets = append(c.client.Targets, target{Name: name, Dir: s.mnt, PID: s.cmd.Process.Pid})
	}
	results, err := runClient(c.client)
	if err != nil {
		return err
	}
	return printTable(os.Stdout, c.client.Targets, results)
}

// makeTree makes what the operations work on: a file of data, one to write to, one far down, and directories.
func makeTree(src string) error {
	if err := os.Mkdir(src, 0o755); err != nil {
		return err
	}
	data := make([]byte, fileSize)
	for i := range data {
		data[i] = byte(i * 7)
	}
	for _, f := range []string{treeRead, treeWrite} {
		if err := os.WriteFile(filepath.Join(src, f), data, 0o644); err != nil {
			return err
		}
	}
	deep := filepath.Join(src, treeDeep)
	if err := os.MkdirAll(filepath.Dir(deep), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(deep, nil, 0o644); err != nil {
		return err
	}
	if err := os.Mkdir(filepath.Join(src, treeShared), 0o755); err != nil {
		return err
	}
	for n, name := range treeDirs {
		if err := makeDir(filepath.Join(src, name), n); err != nil {
			return err
		}
	}
	return nil
}

func makeDir(dir string, files int) error {
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	for i := range files {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("file-%06d", i)), nil, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// build compiles a server and returns the command line that serves src, but for the mountpoint.
func build(c config, name, dir, src string) ([]string, error) {
	bin := filepath.Join(dir, name)
	options := "source=" + src + ",cache=never"
	if c.options != "" {
		options += "," + c.options
	}
	argv := []string{bin, "-f", "-o", options}
	if c.single {
		argv = append(argv, "-s")
	}
	byPath := []string{bin, "-f", "-o", "modules=subdir,subdir=" + src}
	if c.options != "" {
		byPath[3] += "," + c.options
	}
	if c.single {
		byPath = append(byPath, "-s")
	}
	switch name {
	case "c-fh":
		return byPath, buildC(filepath.Join(filepath.Dir(c.source), "passthrough_fh.c"), bin)
	case "go-fh":
		return byPath, command(c.root, "go", "build", "-o", bin, "./examples/passthrough_fh")
	case "cgofuse":
		return []string{bin, src}, command(".", "go", "build", "-tags", "fuse3", "-o", bin, "./cgofuse")
	case "c":
		return argv, buildC(c.source, bin)
	case "go":
		return argv, command(c.root, "go", "build", "-o", bin, "./examples/passthrough_ll")
	case "go-fuse":
		return []string{bin, src}, command(".", "go", "build", "-o", bin, "./gofuse")
	}
	return nil, fmt.Errorf("%s: no such server: c, go, go-fuse, c-fh, go-fh, cgofuse", name)
}

func buildC(source, bin string) error {
	if _, err := os.Stat(source); err != nil {
		return fmt.Errorf("%w: the distribution's package of libfuse examples has it (Debian: libfuse3-dev); or give -c-source", err)
	}
	out, err := exec.Command("pkg-config", "--cflags", "--libs", "fuse3").Output()
	if err != nil {
		return fmt.Errorf("pkg-config --cflags --libs fuse3: %w", err)
	}
	// What libfuse's own build finds out, and the examples ask for.
	args := []string{"-O2", "-w", "-DHAVE_FSTATAT", "-DHAVE_UTIMENSAT", "-DHAVE_POSIX_FALLOCATE", "-DHAVE_SETXATTR", "-o", bin, source, "-pthread"}
	return command(".", "cc", append(args, strings.Fields(string(out))...)...)
}

func command(dir, name string, args ...string) error {
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, out)
	}
	return nil
}
