package highlevel

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
	"golang.org/x/sys/unix"
)

// newScaleFS returns a filesystem where every name is a file.
func newScaleFS() *FS {
	return New(&Operations{
		Getattr: func(_ context.Context, path string, _ *FileInfo) (Stat, error) {
			if path[len(path)-1] == 'd' {
				return Stat{Mode: unix.S_IFDIR | 0o755}, nil
			}
			return Stat{Mode: unix.S_IFREG | 0o644, Nlink: 1}, nil
		},
	}, DefaultConfig())
}

// perDirectory is how many files a directory has.
const perDirectory = 100

// fill has the kernel know n inodes, and returns those of directories.
func fill(t testing.TB, f *FS, n int) (dirs []Ino) {
	t.Helper()
	req := new(lowlevel.Request)
	look := func(parent Ino, name string) Ino {
		e, err := f.lookup(req, parent, name)
		if err != nil {
			t.Fatal(err)
		}
		return e.Ino
	}
	for left := n; left > 0; left -= perDirectory + 1 {
		dir := look(lowlevel.RootIno, fmt.Sprintf("%dd", len(dirs)))
		dirs = append(dirs, dir)
		for i := range min(perDirectory, left-1) {
			look(dir, fileNames[i])
		}
	}
	return dirs
}

// lookups looks up names that are known, at random out of all (but for a last directory that is not full), and forgets them again.
func lookups(t testing.TB, f *FS, dirs []Ino, n int) {
	t.Helper()
	req := new(lowlevel.Request)
	full := max(len(dirs)-1, 1)
	for range n {
		e, err := f.lookup(req, dirs[rand.IntN(full)], fileNames[rand.IntN(perDirectory)])
		if err != nil {
			t.Fatal(err)
		}
		f.forget(req, e.Ino, 1)
	}
}

var fileNames = func() (list [perDirectory]string) {
	for i := range list {
		list[i] = fmt.Sprintf("file%d", i)
	}
	return list
}()

// cpuTime is what this thread has computed so far. What others do on the machine is not in it.
func cpuTime(t testing.TB) time.Duration {
	t.Helper()
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &ts); err != nil {
		t.Fatal(err)
	}
	return time.Duration(ts.Nano())
}

// perLookup returns the least of several measurements.
func perLookup(t testing.TB, f *FS, dirs []Ino) time.Duration {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	const n = 20000
	best := time.Hour
	for range 5 {
		start := cpuTime(t)
		lookups(t, f, dirs, n)
		best = min(best, (cpuTime(t)-start)/n)
	}
	return best
}

// TestScale_ALookupCostsTheSameInALargeTree: more in the processor's caches is missed, and that is all.
func TestScale_ALookupCostsTheSameInALargeTree(t *testing.T) {
	small, large := newScaleFS(), newScaleFS()
	few, many := fill(t, small, 1000), fill(t, large, 200_000)
	a, b := perLookup(t, small, few), perLookup(t, large, many)
	t.Logf("a lookup and a forget: %v with 1000 inodes, %v with 200,000", a, b)
	if b > 5*a {
		t.Errorf("a lookup with 200,000 inodes: got %v, want at most five times the %v with 1000", b, a)
	}
}

// timed measures n rounds, and what they cost all processors together: others on the machine are not in that.
func timed(b *testing.B, rounds func(n int)) {
	b.ReportAllocs()
	cpu := func() (t time.Duration) {
		var u unix.Rusage
		if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
			b.Fatal(err)
		}
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	start := cpu()
	rounds(b.N)
	b.ReportMetric(float64(cpu()-start)/float64(b.N), "cpu-ns/op")
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func TestScale_AnInodeTakesAtMost200BytesOfHeap(t *testing.T) {
	const n, most = 200_000, 200
	f := newScaleFS()
	before := heap()
	fill(t, f, n)
	got := float64(heap()-before) / float64(f.tree.inodes.len())
	t.Logf("%.0f bytes for each of %d inodes", got, f.tree.inodes.len())
	if got > most {
		t.Errorf("heap: got %.0f bytes an inode, want at most %d", got, most)
	}
	runtime.KeepAlive(f)
}

func TestScale_MemoryGoesBackWithWhatTheKernelForgets(t *testing.T) {
	const n, most = 200_000, 400_000
	f := newScaleFS()
	before := heap()
	fill(t, f, n)
	var all []Ino
	for nd := range f.tree.inodes.all() {
		all = append(all, nd.ino)
	}
	rand.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	for _, ino := range all {
		f.forget(nil, ino, 1)
	}
	same(t, "inodes (the root)", f.tree.inodes.len(), 1)
	got := int64(heap()-before) - int64(8*cap(all))
	t.Logf("%d bytes", got)
	if got > most {
		t.Errorf("heap: got %d bytes more than before, want at most %d: two bytes an inode", got, most)
	}
	runtime.KeepAlive(f)
	runtime.KeepAlive(all)
}

// TestScale_Allocations: the operation's context, and its path, unless that came before.
func TestScale_Allocations(t *testing.T) {
	f := New(&Operations{
		Getattr: func(_ context.Context, path string, _ *FileInfo) (Stat, error) {
			return Stat{Mode: unix.S_IFREG | 0o644, Nlink: 1}, nil
		},
		Open:    func(context.Context, string, *FileInfo) error { return nil },
		Release: func(context.Context, string, *FileInfo) error { return nil },
		Read:    func(_ context.Context, _ string, dst []byte, _ int64, _ *FileInfo) (int, error) { return len(dst), nil },
		Write: func(_ context.Context, _ string, data []byte, _ int64, _ *FileInfo) (int, error) {
			return len(data), nil
		},
	}, DefaultConfig())
	req, fi, buf := new(lowlevel.Request), new(FileInfo), make([]byte, 16)
	var file Ino
	var err error
	check := func(what string, most float64, op func()) {
		if got := testing.AllocsPerRun(1000, op); got > most || err != nil {
			t.Errorf("%s: got %v allocations (%v), want at most %v", what, got, err, most)
		}
	}
	lookup := func(name string) {
		var e lowlevel.EntryParam
		e, err = f.lookup(req, lowlevel.RootIno, name)
		file = e.Ino
	}
	check("lookup", 1, func() { lookup("file") })
	check("getattr", 1, func() { _, _, err = f.getattr(req, file, nil) })
	check("open", 1, func() { err = f.open(req, file, fi) })
	check("read", 1, func() { _, err = f.read(req, file, buf, 0, fi) })
	check("write", 1, func() { _, err = f.write(req, file, buf, 0, fi) })
	check("release", 1, func() { err = f.release(req, file, fi) })
	check("forget", 0, func() { f.forget(req, file, 1) })
	next := 0
	check("lookup of another file each time", 2, func() { next++; lookup(fileNames[next%perDirectory]) })
}

func BenchmarkLookup(b *testing.B) {
	for _, n := range []int{1000, 100_000, 1_000_000} {
		f := newScaleFS()
		dirs := fill(b, f, n)
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			timed(b, func(n int) { lookups(b, f, dirs, n) })
		})
	}
}

// deep has the kernel know a path of so many levels, and returns the inode at its end.
func deep(t testing.TB, f *FS, depth int) Ino {
	ino := Ino(lowlevel.RootIno)
	for i := range depth {
		e, err := f.lookup(new(lowlevel.Request), ino, fmt.Sprintf("level%dd", i))
		if err != nil {
			t.Fatal(err)
		}
		ino = e.Ino
	}
	return ino
}

// BenchmarkDeep is a lookup and a forget, by how deep the directory is.
func BenchmarkDeep(b *testing.B) {
	for _, depth := range []int{1, 10, 100} {
		f := newScaleFS()
		dir := deep(b, f, depth)
		for _, name := range fileNames {
			if _, err := f.lookup(new(lowlevel.Request), dir, name); err != nil {
				b.Fatal(err)
			}
		}
		b.Run(fmt.Sprint(depth), func(b *testing.B) {
			timed(b, func(n int) { lookups(b, f, []Ino{dir}, n) })
		})
	}
}

// BenchmarkDeepLock is what each operation on a path pays for it.
func BenchmarkDeepLock(b *testing.B) {
	for _, depth := range []int{1, 10, 100} {
		f := newScaleFS()
		ino := deep(b, f, depth)
		b.Run(fmt.Sprint(depth), func(b *testing.B) {
			timed(b, func(n int) {
				for range n {
					h, err := f.tree.one(want{ino: ino})
					if err != nil {
						b.Fatal(err)
					}
					f.tree.release(h)
				}
			})
		})
	}
}

// BenchmarkThreads has 64 of them look up names in one directory.
func BenchmarkThreads(b *testing.B) {
	f := newScaleFS()
	dirs := fill(b, f, perDirectory+1)
	for _, threads := range []int{1, 64} {
		b.Run(fmt.Sprint(threads), func(b *testing.B) {
			timed(b, func(n int) {
				var wg sync.WaitGroup
				for range threads {
					wg.Add(1)
					go func() {
						defer wg.Done()
						lookups(b, f, dirs, n/threads)
					}()
				}
				wg.Wait()
			})
		})
	}
}
