// Notify measures notifications: how many a second, and how many bytes a second go into the kernel's cache, in C and in Go, taking turns in one run. What it
// prints are medians over the rounds.
package main

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

// serverCommand as first argument makes this program the server at the directory that follows.
const serverCommand = "server"

// tests are what is measured: how often a round, how many bytes each time, and whether C can do it.
var tests = []struct {
	name  string
	count int
	bytes int
	inC   bool
}{
	{"inval_attr", 20000, 0, true},
	{"inval_inode", 20000, 0, true},
	{"inval_entry", 20000, 0, true},
	{"queue", 20000, 0, false},
	{"store_4k", 20000, 4096, true},
	{"store_128k", 2000, 128 << 10, true},
	{"store_1m", 200, 1 << 20, true},
	{"store_vector_1m", 200, 1 << 20, false},
	{"store_copied_1m", 200, 1 << 20, false},
	{"store_fd_1m", 200, 1 << 20, true},
}

func main() {
	if len(os.Args) == 3 && os.Args[1] == serverCommand {
		check(serve(os.Args[2]))
		return
	}
	rounds := flag.Int("rounds", 15, "`number` of rounds")
	source := flag.String("c-source", "notify/c/server.c", "the C server's `file`")
	flag.Parse()
	check(run(*rounds, *source))
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "notify:", err)
		os.Exit(1)
	}
}

func run(rounds int, source string) (err error) {
	dir, err := os.MkdirTemp("", "bench-notify-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir) // last: after the unmounts below
	bin := filepath.Join(dir, "c")
	if err := buildC(source, bin); err != nil {
		return err
	}
	var servers [2]*process
	for i, argv := range [][]string{{bin}, {"/proc/self/exe", serverCommand}} {
		p, err := start(argv, filepath.Join(dir, "mnt"+strconv.Itoa(i)))
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, p.stop()) }()
		servers[i] = p
	}
	results, err := measure(rounds, servers)
	if err != nil {
		return err
	}
	printTable(results)
	return nil
}

func buildC(source, bin string) error {
	flags, err := exec.Command("pkg-config", "--cflags", "--libs", "fuse3").Output()
	if err != nil {
		return fmt.Errorf("pkg-config --cflags --libs fuse3: %w", err)
	}
	args := append([]string{"-O2", "-o", bin, source, "-pthread"}, strings.Fields(string(flags))...)
	if out, err := exec.Command("cc", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("cc: %w\n%s", err, out)
	}
	return nil
}

// process is one of the servers.
type process struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Scanner
	mnt string
}

func start(argv []string, mnt string) (*process, error) {
	if err := os.Mkdir(mnt, 0o700); err != nil {
		return nil, err
	}
	p := &process{cmd: exec.Command(argv[0], append(argv[1:], mnt)...), mnt: mnt}
	p.cmd.Stderr = os.Stderr
	var err error
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.out = bufio.NewScanner(out)
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	if !p.out.Scan() || p.out.Text() != "ready" {
		return nil, errors.Join(fmt.Errorf("%s: not ready: %q", argv[0], p.out.Text()), p.stop())
	}
	// The kernel must know the file, to store in it.
	if out, err := exec.Command("stat", filepath.Join(mnt, "file")).CombinedOutput(); err != nil {
		return nil, errors.Join(fmt.Errorf("stat: %w\n%s", err, out), p.stop())
	}
	return p, nil
}

func (p *process) stop() error {
	return errors.Join(p.in.Close(), p.cmd.Wait())
}

// ask has the server do something count times, and returns how long each took.
func (p *process) ask(what string, count int) (time.Duration, error) {
	if _, err := fmt.Fprintln(p.in, what, count); err != nil {
		return 0, err
	}
	if !p.out.Scan() {
		return 0, fmt.Errorf("%s: the server has ended", what)
	}
	ns, err := strconv.ParseInt(p.out.Text(), 10, 64)
	if err != nil || ns < 0 {
		return 0, fmt.Errorf("%s: failed: %s", what, p.out.Text())
	}
	return time.Duration(ns) / time.Duration(count), nil
}

// measure returns the medians: for each test that of C (0: none) and that of Go.
func measure(rounds int, servers [2]*process) ([][2]time.Duration, error) {
	all := make([][2][]time.Duration, len(tests))
	for range rounds {
		for i, t := range tests {
			for side, p := range servers {
				if side == 0 && !t.inC {
					continue
				}
				d, err := p.ask(t.name, t.count)
				if err != nil {
					return nil, err
				}
				all[i][side] = append(all[i][side], d)
			}
		}
	}
	medians := make([][2]time.Duration, len(tests))
	for i := range all {
		for side, list := range all[i] {
			if len(list) > 0 {
				slices.Sort(list)
				medians[i][side] = list[len(list)/2]
			}
		}
	}
	return medians, nil
}

func printTable(medians [][2]time.Duration) {
	w := tabwriter.NewWriter(os.Stdout, 0, 8, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "notification\tC\tGo\tGo/C\tC per second\tGo per second\t")
	for i, t := range tests {
		c, g := medians[i][0], medians[i][1]
		if !t.inC {
			fmt.Fprintf(w, "%s\t-\t%v\t-\t-\t%s\t\n", t.name, g, rate(g, t.bytes))
			continue
		}
		fmt.Fprintf(w, "%s\t%v\t%v\t%.2f\t%s\t%s\t\n", t.name, c, g, float64(g)/float64(c), rate(c, t.bytes), rate(g, t.bytes))
	}
	_ = w.Flush()
}

// rate is what there is of them in a second.
func rate(d time.Duration, bytes int) string {
	if bytes > 0 {
		return fmt.Sprintf("%.0f MB", float64(bytes)/d.Seconds()/1e6)
	}
	return fmt.Sprintf("%.0f", 1/d.Seconds())
}
