package main

import (
	"fmt"
	"math/rand"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
)

// worker does random things to a filesystem that others use too, and forgets what it has looked up.
type worker struct {
	fs   *memfs
	req  *lowlevel.Request
	rnd  *rand.Rand
	dirs []lowlevel.Ino
}

func (w *worker) name() string { return fmt.Sprint(w.rnd.Intn(10)) }

func (w *worker) dir() lowlevel.Ino { return w.dirs[w.rnd.Intn(len(w.dirs))] }

// drop forgets an entry that a handler has returned.
func (w *worker) drop(e lowlevel.EntryParam, err error) {
	if err == nil && e.Ino != 0 {
		w.fs.forget(w.req, e.Ino, 1)
	}
}

// use finds a file and calls f for it, before it is forgotten.
func (w *worker) use(f func(lowlevel.Ino)) {
	e, err := w.fs.lookup(w.req, w.dir(), w.name())
	if err == nil && e.Ino != 0 {
		f(e.Ino)
	}
	w.drop(e, err)
}

func (w *worker) copy(in, out lowlevel.Ino) {
	a, errA := w.fs.regular(in)
	b, errB := w.fs.regular(out)
	if errA == nil && errB == nil {
		_, _ = copyContent(a, 0, b, 0, 1<<20, never)
	}
}

func (w *worker) step() {
	fi := new(lowlevel.FileInfo)
	switch w.rnd.Intn(12) {
	case 0, 1:
		w.drop(w.fs.createFile(w.req, w.dir(), w.name(), 0o644, fi))
	case 2:
		w.drop(w.fs.mkdir(w.req, w.dir(), w.name(), 0o755))
	case 3:
		w.drop(w.fs.symlink(w.req, "target", w.dir(), w.name()))
	case 4:
		_ = w.fs.unlink(w.req, w.dir(), w.name())
	case 5:
		_ = w.fs.rmdir(w.req, w.dir(), w.name())
	case 6, 7:
		_ = w.fs.rename(w.req, w.dir(), w.name(), w.dir(), w.name(), lowlevel.RenameFlags(w.rnd.Intn(3)))
	case 8:
		w.use(func(ino lowlevel.Ino) { w.drop(w.fs.link(w.req, ino, w.dir(), w.name())) })
	case 9:
		w.use(func(ino lowlevel.Ino) {
			_, _ = w.fs.write(w.req, ino, make([]byte, 10000), w.rnd.Int63n(50000), fi)
			_, _ = w.fs.read(w.req, ino, make([]byte, 10000), w.rnd.Int63n(50000), fi)
			_ = w.fs.fallocate(w.req, ino, unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, w.rnd.Int63n(50000), 5000, fi)
			_ = w.fs.setxattr(w.req, ino, "user."+w.name(), []byte("value"), 0)
		})
	case 10:
		w.use(func(in lowlevel.Ino) {
			w.use(func(out lowlevel.Ino) { w.copy(in, out) })
		})
	case 11:
		_ = w.fs.list(w.dir(), 0, func(_ string, n *inode, _ int64) bool { n.entry(); return true })
		_, _, _ = w.fs.getattr(w.req, w.dir(), nil)
	}
}

// empty removes everything below a directory.
func (k *kernel) empty(dir lowlevel.Ino) {
	for name, ino := range k.list(dir) {
		if name == "." || name == ".." {
			continue
		}
		if k.fs.table.get(ino).isDir() {
			k.empty(ino)
			k.noError(k.fs.rmdir(k.req, dir, name))
		} else {
			k.noError(k.fs.unlink(k.req, dir, name))
		}
	}
}

// checkLinks compares the link counts of a directory and those below with what is in them.
func (k *kernel) checkLinks(dir lowlevel.Ino) {
	k.t.Helper()
	want := uint32(2)
	for name, ino := range k.list(dir) {
		if name == "." || name == ".." || !k.fs.table.get(ino).isDir() {
			continue
		}
		want++
		if got := k.list(ino)[".."]; got != dir {
			k.t.Errorf("'..' of %d: got %d, want %d", ino, got, dir)
		}
		k.checkLinks(ino)
	}
	if got := k.stat(dir).Nlink; got != want {
		k.t.Errorf("links of directory %d: got %d, want %d", dir, got, want)
	}
}

func TestMemfs_Concurrency(t *testing.T) {
	k := newKernel(t, options{Size: "512k", NrInodes: "60"})
	dirs := []lowlevel.Ino{root}
	for i := range 5 { // the names of other entries: they are renamed and removed too
		dirs = append(dirs, k.mkdir(dirs[i/2], fmt.Sprint(i)))
	}
	var wg sync.WaitGroup
	for seed := range int64(8) {
		wg.Add(1)
		go func() {
			defer wg.Done()
			w := &worker{k.fs, &lowlevel.Request{}, rand.New(rand.NewSource(seed)), dirs}
			for range 3000 {
				w.step()
			}
		}()
	}
	wg.Wait()
	k.checkLinks(root)
	k.empty(root)
	k.checkEmpty()
}
