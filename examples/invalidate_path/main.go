// Command invalidate_path is libfuse's example of that name in Go: a filesystem with two files that change by themselves. current_time tells the time, growing gets
// longer by a byte each second. The kernel may keep what it has read for ever, so it has to be told when they have changed: InvalidatePath.
//
// See first what happens without that. The clock stands still, and nothing grows:
//
//	invalidate_path --no-notify /mnt
//	for i in 1 2 3; do cat /mnt/current_time; stat -c %s /mnt/growing; sleep 1; done
//	fusermount3 -u /mnt
//
// With notifications all goes, although nothing else is different:
//
//	invalidate_path /mnt
//	for i in 1 2 3; do cat /mnt/current_time; stat -c %s /mnt/growing; sleep 1; done
package main

import (
	"context"
	"errors"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/go-libfuse3/go-libfuse3/highlevel"
	"github.com/go-libfuse3/go-libfuse3/lowlevel"
	"golang.org/x/sys/unix"
)

const (
	clock   = "/current_time"
	growing = "/growing"
)

// filesystem is the two files, and the program's own options.
type filesystem struct {
	mu       sync.Mutex
	contents map[string]string // by path

	NoNotify bool `fuse:"--no-notify"`
	Interval uint `fuse:"--update-interval=%u"` // seconds
}

const help = `
File-system specific options:
    --update-interval=SECS   change the files that often (default: 1)
    --no-notify              do not tell the kernel of it
`

func main() {
	f := &filesystem{contents: map[string]string{}, Interval: 1}
	f.update() // what is there before anybody looks
	cfg := highlevel.DefaultConfig()
	cfg.EntryTimeout, cfg.AttrTimeout = lowlevel.Forever, lowlevel.Forever
	os.Exit(highlevel.Main(&highlevel.Program{
		Ops: &highlevel.Operations{
			Getattr: f.getattr,
			Readdir: f.readdir,
			Open:    f.open,
			Read:    f.read,
		},
		Config:  &cfg,
		Options: f,
		// C's program does not use fuse_main: it returns 1 whatever fails.
		ExitCodes: &lowlevel.ExitCodes{},
		Help:      help,
		Serving:   f.run,
	}))
}

// run changes the files beside the operations. When the kernel is told, they must have changed already; and no lock may be held that an operation needs, as
// InvalidatePath waits for reads that are under way.
func (f *filesystem) run(ctx context.Context, fs *highlevel.FS) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(time.Duration(f.Interval) * time.Second):
		}
		f.update()
		if f.NoNotify {
			continue
		}
		if err := errors.Join(invalidate(fs, clock), invalidate(fs, growing)); err != nil {
			return err
		}
	}
}

func (f *filesystem) update() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.contents[clock] = time.Now().Format("The current time is 15:04:05\n")
	f.contents[growing] += "x"
}

func invalidate(fs *highlevel.FS, path string) error {
	err := fs.InvalidatePath(path)
	if errors.Is(err, lowlevel.ErrNotCached) || errors.Is(err, lowlevel.ErrClosed) {
		return nil // nobody has looked at the file, or it is being unmounted
	}
	return err
}

func (f *filesystem) getattr(_ context.Context, path string, _ *highlevel.FileInfo) (highlevel.Stat, error) {
	if path == "/" {
		return highlevel.Stat{Mode: unix.S_IFDIR | 0o755, Nlink: 1}, nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	text, ok := f.contents[path]
	if !ok {
		return highlevel.Stat{}, unix.ENOENT
	}
	return highlevel.Stat{Mode: unix.S_IFREG | 0o444, Nlink: 1, Size: int64(len(text))}, nil
}

func (f *filesystem) readdir(_ context.Context, _ string, fill highlevel.FillDir, _ int64, _ *highlevel.FileInfo, _ highlevel.ReaddirFlags) error {
	for _, path := range []string{clock, growing} {
		fill(path[1:], &highlevel.Stat{Mode: unix.S_IFREG}, 0, 0)
	}
	return nil
}

// open has the kernel keep what it has read before, so that one can see what notifications are for.
func (f *filesystem) open(_ context.Context, _ string, fi *highlevel.FileInfo) error {
	fi.KeepCache = true
	return nil
}

func (f *filesystem) read(_ context.Context, path string, dst []byte, off int64, _ *highlevel.FileInfo) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return strings.NewReader(f.contents[path]).ReadAt(dst, off)
}
