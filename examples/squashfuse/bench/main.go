// Bench compares C's squashfuse_ll, halfway (some handlers in C, some in Go) and the port on one archive: they take turns, each time mounted anew, and what is printed are medians and their ratios to C's.
//
//	go run ./bench [-image archive.sqsh]
//
// It is no test: it passes no judgement, and wants a machine that does nothing else. "Cold" is the first time on a new mount, when every request reaches the server
// (the archive itself is in the page cache), "warm" the second.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

type config struct {
	image   string
	comp    string
	rounds  int
	servers []string          // names
	argv    map[string]string // programs
}

func main() {
	if len(os.Args) == 4 && os.Args[1] == clientCommand {
		if err := clientMain(os.Args[2], os.Args[3]); err != nil {
			fmt.Fprintln(os.Stderr, "bench client:", err)
			os.Exit(1)
		}
		return
	}
	var c config
	flag.StringVar(&c.image, "image", "", "the `archive`, with a file named "+bigFile+"; made of Go's sources if there is none")
	flag.StringVar(&c.comp, "comp", "gzip", "how to compress it: gzip, xz, lzo, lz4, zstd")
	flag.IntVar(&c.rounds, "rounds", 7, "`number` of rounds")
	only := flag.String("only", "", "`name` of the only measurement")
	flag.Parse()
	if err := run(c, *only); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(c config, only string) error {
	dir, err := os.MkdirTemp("", "squashfuse-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	c.servers = []string{"c", "half", "go"}
	c.argv = map[string]string{"c": "squashfuse_ll", "half": filepath.Join(dir, "halfway"), "go": filepath.Join(dir, "squashfuse_go")}
	for name, module := range map[string]string{"half": "halfway", "go": "."} {
		if err := command("go", "-C", module, "build", "-o", c.argv[name], "."); err != nil {
			return err
		}
	}
	if c.image == "" {
		c.image = filepath.Join(dir, "image.sqsh")
		if err := makeImage(dir, c.image, c.comp); err != nil {
			return err
		}
	}
	results := map[string]map[string]*samples{} // by measurement and server
	for round := range c.rounds {
		for i := range c.servers {
			name := c.servers[(round+i)%len(c.servers)]
			for _, m := range measurements {
				if only != "" && m.name != only {
					continue
				}
				if err := measure(c, m, name, filepath.Join(dir, "mnt"), results); err != nil {
					return fmt.Errorf("%s: %s: %w", name, m.name, err)
				}
			}
		}
	}
	return print(c, results)
}

// makeImage makes an archive of Go's sources and a large file.
func makeImage(dir, image, comp string) error {
	out, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return fmt.Errorf("go env GOROOT: %w", err)
	}
	goroot := strings.TrimSpace(string(out))
	big := filepath.Join(dir, bigFile)
	if err := makeBigFile(big, filepath.Join(goroot, "src", "*", "*.go")); err != nil {
		return err
	}
	return command("mksquashfs", filepath.Join(goroot, "src"), big, image, "-quiet", "-no-progress", "-comp", comp)
}

// makeBigFile makes a file of what the files of a pattern have, over and over.
func makeBigFile(path, pattern string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	var text []byte
	names, err := filepath.Glob(pattern)
	if err != nil {
		return err
	}
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		text = append(text, data...)
	}
	for n := 0; n < bigSize; n += len(text) {
		// Differently each time, lest mksquashfs finds blocks that it has.
		if _, err := fmt.Fprintf(f, "%d\n%s", n, text[:min(len(text), bigSize-n)]); err != nil {
			return err
		}
	}
	return f.Close()
}

func command(name string, args ...string) error {
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, out)
	}
	return nil
}

// samples are what a measurement took, round by round: seconds, and of the server's CPU time.
type samples struct{ wall, cpu []float64 }

// measure mounts, measures, and unmounts.
func measure(c config, m measurement, name, mnt string, results map[string]map[string]*samples) error {
	s, err := start(c.argv[name], c.image, mnt)
	if err != nil {
		return err
	}
	defer s.stop()
	for _, step := range m.steps {
		before, begin := s.cpuTime(), time.Now()
		if err := step.run(mnt); err != nil {
			return err
		}
		wall, cpu := time.Since(begin), s.cpuTime()-before
		if results[step.name] == nil {
			results[step.name] = map[string]*samples{}
		}
		r := results[step.name][name]
		if r == nil {
			r = &samples{}
			results[step.name][name] = r
		}
		r.wall = append(r.wall, wall.Seconds())
		r.cpu = append(r.cpu, cpu.Seconds())
	}
	return nil
}

// print prints for each server seconds, and CPU seconds of the server; for all but the first, both in relation to the first's.
func print(c config, results map[string]map[string]*samples) error {
	tw := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(tw, "seconds\t")
	for _, name := range c.servers {
		fmt.Fprintf(tw, "%s\tspread\tcpu\t", name)
	}
	for _, name := range c.servers[1:] {
		fmt.Fprintf(tw, "%s/%s\tcpu\t", name, c.servers[0])
	}
	fmt.Fprintln(tw)
	for _, m := range measurements {
		for _, step := range m.steps {
			if r := results[step.name]; r != nil {
				printStep(tw, c.servers, step.name, r)
			}
		}
	}
	return tw.Flush()
}

func printStep(w io.Writer, servers []string, name string, r map[string]*samples) {
	fmt.Fprintf(w, "%s\t", name)
	for _, s := range servers {
		fmt.Fprintf(w, "%.3f\t%.0f%%\t%.2f\t", median(r[s].wall), 100*spread(r[s].wall), median(r[s].cpu))
	}
	first := r[servers[0]]
	for _, s := range servers[1:] {
		fmt.Fprintf(w, "%.2f\t%.2f\t", median(r[s].wall)/median(first.wall), median(r[s].cpu)/median(first.cpu))
	}
	fmt.Fprintln(w)
}

func median(v []float64) float64 {
	s := slices.Sorted(slices.Values(v))
	return (s[(len(s)-1)/2] + s[len(s)/2]) / 2
}

// spread is half the distance between the quartiles, relative to the median.
func spread(v []float64) float64 {
	s := slices.Sorted(slices.Values(v))
	return (s[len(s)*3/4] - s[len(s)/4]) / 2 / median(v)
}
