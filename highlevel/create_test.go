package highlevel

import (
	"context"
	"fmt"
	"slices"
	"syscall"
	"testing"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
	"github.com/go-libfuse3/go-libfuse3/test/fusetest"
	"golang.org/x/sys/unix"
)

var createIn = fusetest.CreateIn{Flags: unix.O_RDWR, Mode: unix.S_IFREG | 0o640}

func TestCreate_IsCreateAndGetattr(t *testing.T) {
	r := newRig(t, newMemFS())
	e, o, err := r.want(0, fusetest.Create(1, createIn, "f")).Create()
	if err != nil {
		t.Fatal(err)
	}
	same(t, "mode", e.Attr.Mode, unix.S_IFREG|0o640)
	sameList(t, "calls", r.mem.took(), []string{"create /f", "getattr /f fh"})
	r.want(0, fusetest.Unlink(1, "f")) // it counts as open
	r.hidden()
	r.release(e.NodeID, o.Fh)
	sameList(t, "files", r.mem.list(), nil)
}

// TestCreate_WithoutCreateTheKernelUsesMknodAndOpen: that is what ENOSYS has it do.
func TestCreate_WithoutCreateTheKernelUsesMknodAndOpen(t *testing.T) {
	r := newRig(t, newMemFS(), func(ops *Operations, _ *Config) { ops.Create = nil })
	r.want(syscall.ENOSYS, fusetest.Create(1, createIn, "f"))
	f := r.entry(fusetest.Mknod(1, fusetest.MknodIn{Mode: createIn.Mode}, "f")).NodeID
	r.release(f, r.open(f))
	sameList(t, "calls", r.mem.took(), []string{"mknod /f", "getattr /f", "open /f", "release /f"})
}

func TestCreate_MknodOfARegularFileIsCreate(t *testing.T) {
	r := newRig(t, newMemFS())
	f := r.entry(fusetest.Mknod(1, fusetest.MknodIn{Mode: unix.S_IFREG | 0o600}, "f"))
	same(t, "mode", f.Attr.Mode, unix.S_IFREG|0o600)
	sameList(t, "calls", r.mem.took(), []string{"create /f", "getattr /f fh", "release /f"})
	r.entry(fusetest.Mknod(1, fusetest.MknodIn{Mode: unix.S_IFIFO}, "pipe"))
	sameList(t, "calls for a pipe", r.mem.took(), []string{"mknod /pipe", "getattr /pipe"})
	r.want(0, fusetest.Unlink(1, "f")) // it is not open
	sameList(t, "files", r.mem.list(), []string{"/pipe"})
}

func TestCreate_MknodWhereCreateSaysENOSYS(t *testing.T) {
	r := newRig(t, newMemFS(), func(ops *Operations, _ *Config) {
		ops.Create = func(context.Context, string, uint32, *FileInfo) error { return fmt.Errorf("no: %w", syscall.ENOSYS) }
	})
	r.entry(fusetest.Mknod(1, fusetest.MknodIn{Mode: unix.S_IFREG | 0o600}, "f"))
	sameList(t, "calls", r.mem.took(), []string{"mknod /f", "getattr /f"})
}

func TestCreate_MknodFails(t *testing.T) {
	r := newRig(t, newMemFS().put("f"))
	r.want(syscall.EEXIST, fusetest.Mknod(1, fusetest.MknodIn{Mode: unix.S_IFREG}, "f"))
	sameList(t, "calls", r.mem.took(), []string{"create /f"})
}

func TestCreate_ANonRegularFileIsEIO(t *testing.T) {
	r := newRig(t, newMemFS(), func(ops *Operations, _ *Config) {
		ops.Create = func(_ context.Context, p string, _ uint32, _ *FileInfo) error {
			return ops.Mknod(context.Background(), p, unix.S_IFIFO, 0)
		}
	})
	r.want(syscall.EIO, fusetest.Create(1, createIn, "pipe"))
	sameList(t, "calls", r.mem.took(), []string{"mknod /pipe", "getattr /pipe fh", "release /pipe"})
	same(t, "nodes (the root)", r.fs.tree.inodes.len(), 1)
}

func TestCreate_ReleasedWhereGetattrFails(t *testing.T) {
	r := newRig(t, newMemFS())
	r.mem.setBefore(func(op, _ string) error {
		if op == "getattr" {
			return syscall.ENOMEM
		}
		return nil
	})
	r.want(syscall.ENOMEM, fusetest.Create(1, createIn, "f"))
	sameList(t, "calls", r.mem.took(), []string{"create /f", "getattr /f fh", "release /f"})
}

func TestCreate_TheFilesystemsHandleComesBack(t *testing.T) {
	var got []lowlevel.FileHandle
	r := newRig(t, newMemFS(), func(ops *Operations, _ *Config) {
		release := ops.Release
		ops.Release = func(ctx context.Context, p string, fi *FileInfo) error {
			got = append(got, fi.Fh)
			return release(ctx, p, fi)
		}
	})
	e, o, _ := r.want(0, fusetest.Create(1, createIn, "f")).Create()
	fh := r.open(e.NodeID)
	r.release(e.NodeID, fh)
	r.release(e.NodeID, o.Fh)
	sameList(t, "released", got, []lowlevel.FileHandle{2, 1})
}

func TestCreate_Tmpfile(t *testing.T) {
	if v := lowlevel.HeaderVersion(); v < 317 {
		t.Skipf("needs libfuse 3.17, has %d.%d", v/100, v%100)
	}
	r := newRig(t, newMemFS(), func(ops *Operations, _ *Config) {
		ops.Tmpfile = func(_ context.Context, dir string, mode uint32, fi *FileInfo) (Stat, error) {
			fi.Fh = 77
			return Stat{Mode: mode, Nlink: 0}, ops.Fsync(context.Background(), dir, false, fi)
		}
	})
	e, o, err := r.want(0, fusetest.Tmpfile(1, createIn)).Create()
	if err != nil {
		t.Fatal(err)
	}
	r.want(0, fusetest.Write(e.NodeID, fusetest.WriteIn{Fh: o.Fh}, []byte("x")))
	r.want(syscall.ESTALE, fusetest.Open(e.NodeID, fusetest.OpenIn{}))
	r.release(e.NodeID, o.Fh)
	sameList(t, "calls", r.mem.took(), []string{"fsync /", "write", "release"})
}

func TestCreate_CallerAndModePassedOn(t *testing.T) {
	var caller Caller
	r := newRig(t, newMemFS(), func(ops *Operations, _ *Config) {
		create := ops.Create
		ops.Create = func(ctx context.Context, p string, mode uint32, fi *FileInfo) error {
			caller = CallerOf(ctx)
			return create(ctx, p, mode, fi)
		}
	})
	in := createIn
	in.Umask = 0o22
	e, o, _ := r.want(0, fusetest.Create(1, in, "f").As(1, 2, 3)).Create()
	same(t, "caller", caller, Caller{UID: 1, GID: 2, PID: 3, Umask: 0o22})
	r.release(e.NodeID, o.Fh)
}

// TestNil_MembersAreAsNULLInC: one member missing at a time, and what the kernel is told then.
func TestNil_MembersAreAsNULLInC(t *testing.T) {
	type rq = *fusetest.Request
	lk := fusetest.LkIn{Lk: fusetest.FileLock{End: 9, Type: unix.F_WRLCK}}
	flock := fusetest.LkIn{Lk: fusetest.FileLock{Type: unix.F_WRLCK}, LkFlags: fusetest.LkFlock}
	for _, c := range []struct {
		member string
		req    func(f uint64) rq
		want   syscall.Errno
	}{
		{"Getattr", func(uint64) rq { return fusetest.Getattr(1, fusetest.GetattrIn{}) }, syscall.ENOSYS},
		{"Getattr (lookup)", func(uint64) rq { return fusetest.Lookup(1, "f") }, syscall.ENOSYS},
		{"Readlink", func(f uint64) rq { return fusetest.Readlink(f) }, syscall.ENOSYS},
		{"Mknod", func(uint64) rq { return fusetest.Mknod(1, fusetest.MknodIn{Mode: unix.S_IFIFO}, "n") }, syscall.ENOSYS},
		{"Mkdir", func(uint64) rq { return fusetest.Mkdir(1, fusetest.MkdirIn{}, "n") }, syscall.ENOSYS},
		{"Unlink", func(uint64) rq { return fusetest.Unlink(1, "f") }, syscall.ENOSYS},
		{"Rmdir", func(uint64) rq { return fusetest.Rmdir(1, "f") }, syscall.ENOSYS},
		{"Symlink", func(uint64) rq { return fusetest.Symlink(1, "n", "t") }, syscall.ENOSYS},
		{"Rename", func(uint64) rq { return fusetest.Rename(1, 1, "f", "n") }, syscall.ENOSYS},
		{"Link", func(f uint64) rq { return fusetest.Link(1, f, "n") }, syscall.ENOSYS},
		{"Chmod", func(f uint64) rq { return fusetest.Setattr(f, fusetest.SetattrIn{Valid: fusetest.FattrMode}) }, syscall.ENOSYS},
		{"Chown", func(f uint64) rq { return fusetest.Setattr(f, fusetest.SetattrIn{Valid: fusetest.FattrUID}) }, syscall.ENOSYS},
		{"Truncate", func(f uint64) rq { return fusetest.Setattr(f, fusetest.SetattrIn{Valid: fusetest.FattrSize}) }, syscall.ENOSYS},
		{"Utimens", func(f uint64) rq { return fusetest.Setattr(f, fusetest.SetattrIn{Valid: fusetest.FattrMtime}) }, syscall.ENOSYS},
		{"Open", func(f uint64) rq { return fusetest.Open(f, fusetest.OpenIn{}) }, 0},
		{"Read", func(f uint64) rq { return fusetest.Read(f, fusetest.ReadIn{Size: 1}) }, syscall.ENOSYS},
		{"Write", func(f uint64) rq { return fusetest.Write(f, fusetest.WriteIn{}, []byte("x")) }, syscall.ENOSYS},
		{"Statfs", func(uint64) rq { return fusetest.Statfs(1) }, 0},
		{"Flush", func(f uint64) rq { return fusetest.Flush(f, fusetest.FlushIn{}) }, syscall.ENOSYS},
		{"Release", func(f uint64) rq { return fusetest.Release(f, fusetest.ReleaseIn{}) }, 0},
		{"Fsync", func(f uint64) rq { return fusetest.Fsync(f, fusetest.FsyncIn{}) }, syscall.ENOSYS},
		{"Setxattr", func(f uint64) rq { return fusetest.Setxattr(f, fusetest.SetxattrIn{}, "user.x", []byte("v")) }, syscall.ENOSYS},
		{"Getxattr", func(f uint64) rq { return fusetest.Getxattr(f, fusetest.GetxattrIn{}, "user.x") }, syscall.ENOSYS},
		{"Listxattr", func(f uint64) rq { return fusetest.Listxattr(f, fusetest.GetxattrIn{}) }, syscall.ENOSYS},
		{"Removexattr", func(f uint64) rq { return fusetest.Removexattr(f, "user.x") }, syscall.ENOSYS},
		{"Opendir", func(uint64) rq { return fusetest.Opendir(1, fusetest.OpenIn{}) }, 0},
		{"Readdir", func(uint64) rq { return fusetest.Readdir(1, fusetest.ReadIn{Size: 4096}) }, syscall.ENOSYS},
		{"Readdir (plus)", func(uint64) rq { return fusetest.Readdirplus(1, fusetest.ReadIn{Size: 4096}) }, syscall.ENOSYS},
		{"Releasedir", func(uint64) rq { return fusetest.Releasedir(1, fusetest.ReleaseIn{}) }, 0},
		{"Fsyncdir", func(uint64) rq { return fusetest.Fsyncdir(1, fusetest.FsyncIn{}) }, syscall.ENOSYS},
		{"Access", func(f uint64) rq { return fusetest.Access(f, 4) }, syscall.ENOSYS},
		{"Create", func(uint64) rq { return fusetest.Create(1, createIn, "n") }, syscall.ENOSYS},
		{"Lock (getlk)", func(f uint64) rq { return fusetest.Getlk(f, lk) }, syscall.ENOSYS},
		{"Lock (setlk)", func(f uint64) rq { return fusetest.Setlk(f, lk) }, syscall.ENOSYS},
		{"Bmap", func(f uint64) rq { return fusetest.Bmap(f, fusetest.BmapIn{}) }, syscall.ENOSYS},
		{"Ioctl", func(f uint64) rq { return fusetest.Ioctl(f, fusetest.IoctlIn{}, nil) }, syscall.ENOSYS},
		{"Poll", func(f uint64) rq { return fusetest.Poll(f, fusetest.PollIn{}) }, syscall.ENOSYS},
		{"Flock", func(f uint64) rq { return fusetest.Setlk(f, flock) }, syscall.ENOSYS},
		{"Fallocate", func(f uint64) rq { return fusetest.Fallocate(f, fusetest.FallocateIn{Length: 1}) }, syscall.ENOSYS},
		{"CopyFileRange", func(f uint64) rq { return fusetest.CopyFileRange(f, fusetest.CopyFileRangeIn{NodeIDOut: f}) }, syscall.ENOSYS},
		{"Lseek", func(f uint64) rq { return fusetest.Lseek(f, fusetest.LseekIn{}) }, syscall.ENOSYS},
		{"Statx", func(f uint64) rq { return fusetest.Statx(f, fusetest.StatxIn{}) }, syscall.ENOSYS},
		{"Syncfs", func(uint64) rq { return fusetest.Syncfs(1) }, syscall.ENOSYS},
		{"Tmpfile", func(uint64) rq { return fusetest.Tmpfile(1, createIn) }, syscall.ENOSYS},
	} {
		t.Run(c.member, func(t *testing.T) {
			r := newRig(t, newMemFS().put("f"), func(ops *Operations, _ *Config) {
				getattr := ops.Getattr
				*ops = Operations{Getattr: getattr}
				if c.member == "Getattr" || c.member == "Getattr (lookup)" {
					ops.Getattr = nil
				}
			})
			f := uint64(1)
			if r.fs.ops.Getattr != nil {
				f = r.lookup(1, "f")
			}
			req := c.req(f)
			if slices.Contains([]fusetest.Opcode{fusetest.OpReaddir, fusetest.OpReaddirplus}, req.Opcode) {
				r.opendir(1)
			}
			r.want(c.want, req)
		})
	}
}

// TestNil_WriteAndReadFallToTheirBufs, and the other way round.
func TestNil_WriteAndReadFallToTheirBufs(t *testing.T) {
	readBuf := func(_ context.Context, _ string, _ int, _ int64, _ *FileInfo) (BufVec, error) {
		return lowlevel.BufMem([]byte("buf")), nil
	}
	writeBuf := func(_ context.Context, _ string, buf BufVec, _ int64, _ *FileInfo) (int, error) {
		return buf.Size(), nil
	}
	for _, c := range []struct {
		name string
		set  func(ops *Operations)
		read string
	}{
		{"only Read and Write", func(*Operations) {}, "data"},
		{"only ReadBuf and WriteBuf", func(o *Operations) { o.Read, o.Write, o.ReadBuf, o.WriteBuf = nil, nil, readBuf, writeBuf }, "buf"},
		{"all", func(o *Operations) { o.ReadBuf, o.WriteBuf = readBuf, writeBuf }, "data"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t, newMemFS().put("f"), func(ops *Operations, _ *Config) { c.set(ops) })
			f := r.lookup(1, "f")
			fh := r.open(f)
			data, err := r.want(0, fusetest.Read(f, fusetest.ReadIn{Fh: fh, Size: 100})).Data()
			same(t, "read", fmt.Sprintf("%s %v", data, err), c.read+" <nil>")
			w, err := r.want(0, fusetest.Write(f, fusetest.WriteIn{Fh: fh}, []byte("12345"))).Written()
			same(t, "written", fmt.Sprint(w.Size, err), "5 <nil>")
			r.release(f, fh)
		})
	}
}
