package highlevel

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"syscall"
	"testing"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
	"github.com/go-libfuse3/go-libfuse3/test/fusetest"
	"golang.org/x/sys/unix"
)

// TestLocks_AsAModelOfBytes has random owners lock and unlock random ranges, and compares with who holds each byte.
func TestLocks_AsAModelOfBytes(t *testing.T) {
	const size, owners, steps = 24, 3, 20000
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 1))
	var list lockList
	var model [owners][size]int16 // F_UNLCK, F_RDLCK or F_WRLCK
	for o := range model {
		for b := range model[o] {
			model[o][b] = unix.F_UNLCK
		}
	}
	for step := range steps {
		owner, start := rnd.IntN(owners), rnd.IntN(size)
		end := start + rnd.IntN(size-start)
		lock := FileLock{Type: []int16{unix.F_RDLCK, unix.F_WRLCK, unix.F_UNLCK}[rnd.IntN(3)], Start: int64(start), Len: int64(end - start + 1)}
		if end == size-1 {
			lock.Len = 0 // to the end of the file
		}
		p := lockOf(&lock, lowlevel.LockOwner(owner))
		if got, want := list.conflict(&p) != nil, modelConflict(&model, owner, &lock, start, end); lock.Type != unix.F_UNLCK && got != want {
			t.Fatalf("step %d: conflict of %+v by %d: got %v, want %v\n%+v", step, lock, owner, got, want, list)
		}
		list.put(p, lock.Type == unix.F_UNLCK)
		for b := start; b <= end; b++ {
			model[owner][b] = lock.Type
		}
		if err := compareLocks(list, &model); err != nil {
			t.Fatalf("step %d, after %+v by %d: %v\n%+v", step, lock, owner, err, list)
		}
	}
}

func modelConflict(m *[3][24]int16, owner int, lock *FileLock, start, end int) bool {
	for o := range m {
		for b := start; b <= end; b++ {
			held := m[o][b]
			if o != owner && held != unix.F_UNLCK && (held == unix.F_WRLCK || lock.Type == unix.F_WRLCK) {
				return true
			}
		}
	}
	return false
}

// compareLocks also checks that neighbours of a kind are one lock.
func compareLocks(list lockList, model *[3][24]int16) error {
	want := 0
	for o := range model {
		for b := range model[o] {
			held := int16(unix.F_UNLCK)
			for _, l := range list {
				if l.owner == lowlevel.LockOwner(o) && l.start <= int64(b) && int64(b) <= l.end {
					held = unix.F_RDLCK
					if l.write {
						held = unix.F_WRLCK
					}
				}
			}
			if held != model[o][b] {
				return fmt.Errorf("owner %d, byte %d: got %d, want %d", o, b, held, model[o][b])
			}
			if held != unix.F_UNLCK && (b == 0 || model[o][b-1] != held) {
				want++
			}
		}
	}
	if len(list) != want {
		return fmt.Errorf("got %d locks, want %d", len(list), want)
	}
	return nil
}

// newLockRig serves f, with a Lock that grants everything but what deny says.
func newLockRig(t testing.TB, deny func(cmd int) error, change ...func(*Operations, *Config)) (*rig, uint64) {
	mem := newMemFS().put("f")
	r := newRig(t, mem, append([]func(*Operations, *Config){func(ops *Operations, _ *Config) {
		ops.Lock = func(_ context.Context, p string, fi *FileInfo, cmd int, l *FileLock) error {
			name := map[int]string{unix.F_GETLK: "GETLK", unix.F_SETLK: "SETLK", unix.F_SETLKW: "SETLKW"}[cmd]
			if err := mem.begin("lock", p, name, l.Type, l.Start, l.Len, "owner", uint64(fi.LockOwner)); err != nil {
				return err
			}
			if err := deny(cmd); err != nil {
				return err
			}
			if cmd == unix.F_GETLK {
				l.Type = unix.F_UNLCK
			}
			return nil
		}
	}}, change...)...)
	return r, r.lookup(1, "f")
}

func granted(int) error { return nil }

func lockIn(fh, owner uint64, typ uint32, start, end uint64, pid uint32) fusetest.LkIn {
	return fusetest.LkIn{Fh: fh, Owner: owner, Lk: fusetest.FileLock{Start: start, End: end, Type: typ, PID: pid}}
}

func (r *rig) getlk(ino uint64, in fusetest.LkIn) fusetest.FileLock {
	r.t.Helper()
	l, err := r.want(0, fusetest.Getlk(ino, in)).Lock()
	if err != nil {
		r.t.Error(err)
	}
	return l.Lk
}

// TestLocks_GetlkTellsWhoHoldsIt: the process, not the thread that made the request.
func TestLocks_GetlkTellsWhoHoldsIt(t *testing.T) {
	r, f := newLockRig(t, granted)
	fh := r.open(f)
	r.want(0, fusetest.Setlk(f, lockIn(fh, 1, unix.F_WRLCK, 10, 19, 777)).As(0, 0, 778))
	r.mem.took()
	got := r.getlk(f, lockIn(fh, 2, unix.F_RDLCK, 0, math.MaxInt64, 999))
	same(t, "conflict", got, fusetest.FileLock{Start: 10, End: 19, Type: unix.F_WRLCK, PID: 777})
	sameList(t, "calls for what is known", r.mem.took(), nil)
	got = r.getlk(f, lockIn(fh, 2, unix.F_RDLCK, 20, math.MaxInt64, 999))
	same(t, "no conflict: type", got.Type, uint32(unix.F_UNLCK))
	got = r.getlk(f, lockIn(fh, 1, unix.F_WRLCK, 10, 19, 777))
	same(t, "one's own is no conflict: type", got.Type, uint32(unix.F_UNLCK))
	sameList(t, "calls", r.mem.took(), []string{"lock /f GETLK 0 20 0 owner 2", "lock /f GETLK 1 10 10 owner 1"})
	r.want(0, fusetest.Setlk(f, lockIn(fh, 1, unix.F_UNLCK, 0, math.MaxInt64, 0)))
	got = r.getlk(f, lockIn(fh, 2, unix.F_WRLCK, 0, math.MaxInt64, 999))
	same(t, "after unlock: type", got.Type, uint32(unix.F_UNLCK))
	r.release(f, fh)
}

func TestLocks_WhatIsDeniedIsNotKept(t *testing.T) {
	deny := error(syscall.EAGAIN)
	r, f := newLockRig(t, func(cmd int) error {
		if cmd == unix.F_GETLK {
			return nil
		}
		return deny
	})
	r.want(syscall.EAGAIN, fusetest.Setlk(f, lockIn(0, 1, unix.F_WRLCK, 0, 9, 5)))
	same(t, "type", r.getlk(f, lockIn(0, 2, unix.F_WRLCK, 0, 9, 6)).Type, uint32(unix.F_UNLCK))
	r.mem.took()
	deny = nil
	r.want(0, fusetest.Setlkw(f, lockIn(0, 1, unix.F_WRLCK, 0, 9, 5)))
	sameList(t, "calls", r.mem.took(), []string{"lock /f SETLKW 1 0 10 owner 1"})
	same(t, "holder", r.getlk(f, lockIn(0, 2, unix.F_WRLCK, 0, 9, 6)).PID, 5)
}

func TestLocks_FlushReleasesTheOwnersLocks(t *testing.T) {
	r, f := newLockRig(t, granted)
	fh := r.open(f)
	r.want(0, fusetest.Setlk(f, lockIn(fh, 1, unix.F_WRLCK, 0, 9, 5)))
	r.want(0, fusetest.Setlk(f, lockIn(fh, 2, unix.F_WRLCK, 10, 19, 6)))
	r.mem.took()
	r.want(0, fusetest.Flush(f, fusetest.FlushIn{Fh: fh, LockOwner: 1}))
	sameList(t, "calls", r.mem.took(), []string{"flush /f", "lock /f SETLK 2 0 0 owner 1"})
	same(t, "the owner's", r.getlk(f, lockIn(fh, 3, unix.F_WRLCK, 0, 9, 7)).Type, uint32(unix.F_UNLCK))
	same(t, "the other's", r.getlk(f, lockIn(fh, 3, unix.F_WRLCK, 10, 19, 7)).PID, 6)
	r.mem.took()
	r.want(0, fusetest.Release(f, fusetest.ReleaseIn{Fh: fh, ReleaseFlags: fusetest.ReleaseFlush, LockOwner: 2}))
	sameList(t, "calls of a release that flushes", r.mem.took(), []string{"flush /f", "lock /f SETLK 2 0 0 owner 2", "release /f"})
	same(t, "the other's", r.getlk(f, lockIn(fh, 3, unix.F_WRLCK, 10, 19, 7)).Type, uint32(unix.F_UNLCK))
}

// TestLocks_FlushWithLocksNeverSaysENOSYS: the kernel would not tell of the next close.
func TestLocks_FlushWithLocksNeverSaysENOSYS(t *testing.T) {
	enosys := func(int) error { return syscall.ENOSYS }
	for _, c := range []struct {
		name  string
		deny  func(int) error
		flush error
		want  syscall.Errno
	}{
		{"no Flush", granted, syscall.ENOSYS, 0},
		{"an error of Flush", granted, syscall.ENOSPC, syscall.ENOSPC},
		{"unlock fails", func(int) error { return syscall.EIO }, syscall.ENOSYS, 0},
		{"neither", enosys, syscall.ENOSYS, syscall.ENOSYS},
		{"no Lock", enosys, nil, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, f := newLockRig(t, c.deny, func(ops *Operations, _ *Config) {
				ops.Flush = func(context.Context, string, *FileInfo) error { return c.flush }
			})
			fh := r.open(f)
			r.want(c.want, fusetest.Flush(f, fusetest.FlushIn{Fh: fh, LockOwner: 1}))
			r.release(f, fh)
		})
	}
}

func TestLocks_FlockIsPassedOn(t *testing.T) {
	var got []string
	r := newRig(t, newMemFS().put("f"), func(ops *Operations, _ *Config) {
		ops.Flock = func(_ context.Context, p string, fi *FileInfo, op FlockOp) error {
			got = append(got, fmt.Sprint(p, " ", uint64(fi.LockOwner), " ", int(op)))
			return nil
		}
	})
	f := r.lookup(1, "f")
	for _, typ := range []uint32{unix.F_RDLCK, unix.F_WRLCK, unix.F_UNLCK} {
		in := lockIn(0, 9, typ, 0, math.MaxInt64, 0)
		in.LkFlags = fusetest.LkFlock
		r.want(0, fusetest.Setlkw(f, in))
	}
	sameList(t, "calls", got, []string{
		fmt.Sprint("/f 9 ", unix.LOCK_SH), fmt.Sprint("/f 9 ", unix.LOCK_EX), fmt.Sprint("/f 9 ", unix.LOCK_UN),
	})
}

// More wait for a lock than there are threads; who holds it must get through, and who is killed must not wait on.
func TestLocks_WaitersTakeNoThread(t *testing.T) {
	const waiters = 40 // of 32 threads
	held := make(chan struct{}, 1)
	held <- struct{}{}
	take := func(ctx context.Context) error {
		select {
		case held <- struct{}{}:
			return nil
		case <-ctx.Done():
			same(t, "Interrupted", Interrupted(ctx), true)
			return ctx.Err()
		}
	}
	for name, nullpath := range map[string]bool{"with paths": false, "without": true} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, newMemFS().put("f"), func(ops *Operations, cfg *Config) {
				cfg.NullpathOK = nullpath
				ops.Lock = func(ctx context.Context, _ string, _ *FileInfo, cmd int, lock *FileLock) error {
					if lock.Type == unix.F_UNLCK {
						<-held
						return nil
					}
					return take(ctx)
				}
				ops.Flock = func(ctx context.Context, _ string, _ *FileInfo, _ FlockOp) error { return take(ctx) }
			})
			f := r.lookup(1, "f")
			fh := r.open(f)
			var list []uint64
			for i := range uint64(waiters) {
				in := lockIn(fh, 100+i, unix.F_WRLCK, 0, 9, 5)
				if i%2 == 0 {
					in.LkFlags = fusetest.LkFlock
				}
				list = append(list, r.send(fusetest.Setlkw(f, in)))
			}
			r.getattr(f) // there is a thread for it
			if err := r.Send(fusetest.Interrupt(list[0])); err != nil {
				t.Fatal(err)
			}
			r.answer(list[0], syscall.EINTR)
			for range list[1:] {
				r.want(0, fusetest.Setlk(f, lockIn(fh, 1, unix.F_UNLCK, 0, 9, 5)))
			}
			for _, unique := range list[1:] {
				r.answer(unique, 0)
			}
			r.release(f, fh)
		})
	}
}
