package main

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"runtime/debug"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

const pageSize = 4096

type config struct {
	path    string
	seed    uint64
	count   int
	size    int
	direct  bool
	without []string
	verbose bool
}

// An exerciser holds the file and its model: model[:size] is what the file must hold.
type exerciser struct {
	cfg    config
	rnd    *rand.Rand
	fd     int
	direct bool // how fd is open
	model  []byte
	size   int
	mapped []byte // a mapping that stays over other operations, of mapSize bytes; nil: none
	log    []string
	ops    []operation
	counts map[string]int
	absent map[string]bool // what the filesystem does not support
}

// An operation does one thing to file and model and says what it did. errUnsupported makes it be left out from then on.
type operation struct {
	name   string
	weight int
	do     func(e *exerciser) (string, error)
}

func newExerciser(cfg config) (*exerciser, error) {
	e := &exerciser{
		cfg: cfg, rnd: rand.New(rand.NewPCG(cfg.seed, 0x5eed)), fd: -1,
		model: make([]byte, cfg.size), counts: map[string]int{}, absent: map[string]bool{},
	}
	for _, op := range operations {
		if !slices.Contains(cfg.without, op.name) {
			for range op.weight {
				e.ops = append(e.ops, op)
			}
		}
	}
	if len(e.ops) == 0 {
		return nil, fmt.Errorf("no operation left")
	}
	fd, err := unix.Open(cfg.path, unix.O_CREAT|unix.O_TRUNC|unix.O_RDWR|unix.O_CLOEXEC, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", cfg.path, err)
	}
	e.fd = fd
	return e, nil
}

// fullCheck is how many operations there are between two comparisons of the whole file.
const fullCheck = 64

func (e *exerciser) run() error {
	for i := range e.cfg.count {
		op := e.ops[e.rnd.IntN(len(e.ops))]
		if e.absent[op.name] {
			continue
		}
		what, err := e.try(op)
		e.note(i, op.name, what)
		if isUnsupported(err) && e.counts[op.name] == 0 {
			e.absent[op.name] = true
			continue
		}
		if err != nil {
			return fmt.Errorf("operation %d, %s: %w", i, op.name, err)
		}
		e.counts[op.name]++
		if err := e.checkSize(); err != nil {
			return err
		}
		if i%fullCheck == 0 || i == e.cfg.count-1 {
			if err := e.checkAll(); err != nil {
				return err
			}
		}
	}
	return e.finish()
}

// try turns a fault in a mapping, which is how an error of the filesystem shows there, into an error.
func (e *exerciser) try(op operation) (what string, err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v", r)
		}
	}()
	return op.do(e)
}

// finish compares once more what a fresh descriptor reads, and takes the file away.
func (e *exerciser) finish() error {
	if err := e.unmap(); err != nil {
		return err
	}
	if err := e.reopen(0); err != nil {
		return err
	}
	if err := e.checkAll(); err != nil {
		return err
	}
	if err := unix.Close(e.fd); err != nil {
		return fmt.Errorf("close: %w", err)
	}
	return unix.Unlink(e.cfg.path)
}

func isUnsupported(err error) bool {
	return errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.ENODEV)
}

func (e *exerciser) note(i int, name, what string) {
	line := fmt.Sprintf("%6d %-12s %s", i, name, what)
	if e.cfg.verbose {
		fmt.Println(line)
	}
	e.log = append(e.log, line)
	if len(e.log) > 2000 {
		e.log = slices.Delete(e.log, 0, 1000)
	}
}

func (e *exerciser) checkSize() error {
	var st unix.Stat_t
	if err := unix.Fstat(e.fd, &st); err != nil {
		return fmt.Errorf("fstat: %w", err)
	}
	if st.Size != int64(e.size) {
		return fmt.Errorf("fstat: size %d, want %d", st.Size, e.size)
	}
	var byName unix.Stat_t
	if err := unix.Stat(e.cfg.path, &byName); err != nil {
		return fmt.Errorf("stat: %w", err)
	}
	if byName.Size != int64(e.size) {
		return fmt.Errorf("stat: size %d, want %d", byName.Size, e.size)
	}
	return nil
}

func (e *exerciser) checkAll() error {
	got := alignedBuffer(roundUp(e.size+1, pageSize))
	n, err := readFull(e.fd, got, 0)
	if err != nil {
		return fmt.Errorf("read everything: %w", err)
	}
	return e.compare("read everything", got[:n], 0, e.size)
}

// compare wants got to be model[off:off+length], cut at the end of the file.
func (e *exerciser) compare(what string, got []byte, off, length int) error {
	want := e.model[min(off, e.size):min(off+length, e.size)]
	if len(got) != len(want) {
		return fmt.Errorf("%s: %d bytes at %#x, want %d (size %#x)", what, len(got), off, len(want), e.size)
	}
	bad := -1
	wrong := 0
	for i := range got {
		if got[i] != want[i] {
			wrong++
			if bad < 0 {
				bad = i
			}
		}
	}
	if bad < 0 {
		return nil
	}
	return fmt.Errorf("%s: %d of %d bytes differ, first at %#x: %#02x, want %#02x", what, wrong, len(got), off+bad, got[bad], want[bad])
}

// report prints why the run failed, and how to repeat it.
func (e *exerciser) report(w io.Writer, err error) {
	for _, line := range e.log[max(0, len(e.log)-200):] {
		fmt.Fprintln(w, line)
	}
	fmt.Fprintf(w, "fsx: FAILED: %v\nfsx: repeat with: %s\n", err, strings.Join(os.Args, " "))
	fmt.Fprintf(w, "fsx: seed %d, file %s left as it is\n", e.cfg.seed, e.cfg.path)
}

func (e *exerciser) summary() string {
	var parts []string
	for _, op := range operations {
		switch {
		case e.absent[op.name]:
			parts = append(parts, op.name+" unsupported")
		case e.counts[op.name] > 0:
			parts = append(parts, fmt.Sprintf("%s %d", op.name, e.counts[op.name]))
		}
	}
	return strings.Join(parts, ", ")
}
