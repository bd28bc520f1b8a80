package highlevel

import (
	"context"
	"fmt"
	"io/fs"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
	"github.com/go-libfuse3/go-libfuse3/test/fusetest"
	"golang.org/x/sys/unix"
)

func TestAttr_ModeAsMasksSay(t *testing.T) {
	const dir, reg = unix.S_IFDIR, unix.S_IFREG
	for _, c := range []struct {
		name      string
		set       func(cfg *Config)
		dir, file uint32
	}{
		{"as it is", func(*Config) {}, 0o755, 0o644},
		{"umask", func(c *Config) { c.SetMode, c.Umask = true, 0o27 }, 0o750, 0o750},
		{"umask 0", func(c *Config) { c.SetMode = true }, 0o777, 0o777},
		{"fmask", func(c *Config) { c.SetMode, c.SetFmask, c.Fmask, c.Umask = true, true, 0o133, 0o22 }, 0o755, 0o644},
		{"dmask", func(c *Config) { c.SetMode, c.SetDmask, c.Dmask, c.Umask = true, true, 0o77, 0o22 }, 0o700, 0o755},
		{"both", func(c *Config) { c.SetMode, c.SetFmask, c.Fmask, c.SetDmask, c.Dmask = true, true, 0o177, true, 0o77 }, 0o700, 0o600},
		{"dmask 0", func(c *Config) { c.SetMode, c.SetFmask, c.Fmask, c.SetDmask = true, true, 0o133, true }, 0o777, 0o644},
		{"dmask 0, with a umask", func(c *Config) { c.SetMode, c.SetDmask, c.Umask = true, true, 0o22 }, 0o777, 0o755},
		{"fmask 0", func(c *Config) { c.SetMode, c.SetFmask, c.Umask = true, true, 0o77 }, 0o700, 0o777},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t, newMemFS().put("f", "d/"), func(_ *Operations, cfg *Config) { c.set(cfg) })
			d := r.entry(fusetest.Lookup(1, "d"))
			f := r.entry(fusetest.Lookup(1, "f"))
			same(t, "directory, lookup", d.Attr.Mode, dir|c.dir)
			same(t, "file, lookup", f.Attr.Mode, reg|c.file)
			same(t, "directory, getattr", r.getattr(d.NodeID).Mode, dir|c.dir)
			same(t, "file, getattr", r.getattr(f.NodeID).Mode, reg|c.file)
		})
	}
}

func TestAttr_OwnerAndNumber(t *testing.T) {
	for _, c := range []struct {
		name     string
		set      func(cfg *Config)
		uid, gid uint32
		useIno   bool
	}{
		{"as it is", func(*Config) {}, 11, 22, false},
		{"uid", func(c *Config) { c.SetUID, c.UID = true, 0 }, 0, 22, false},
		{"gid", func(c *Config) { c.SetGID, c.GID = true, 7 }, 11, 7, false},
		{"use_ino", func(c *Config) { c.UseIno = true }, 11, 22, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t, newMemFS().put("f"), func(_ *Operations, cfg *Config) { c.set(cfg) })
			e := r.entry(fusetest.Lookup(1, "f"))
			ino := e.NodeID
			if c.useIno {
				ino = 4711
			}
			for what, a := range map[string]fusetest.Attr{"lookup": e.Attr, "getattr": r.getattr(e.NodeID)} {
				same(t, what+": uid", a.UID, c.uid)
				same(t, what+": gid", a.GID, c.gid)
				same(t, what+": ino", a.Ino, ino)
			}
		})
	}
}

func TestAttr_TimeoutsAsConfigured(t *testing.T) {
	r := newRig(t, newMemFS().put("f"), func(_ *Operations, cfg *Config) {
		cfg.EntryTimeout, cfg.AttrTimeout, cfg.NegativeTimeout = 2500*time.Millisecond, 7*time.Second, 3*time.Second
	})
	e := r.entry(fusetest.Lookup(1, "f"))
	same(t, "entry timeout", fmt.Sprint(e.EntryValid, e.EntryValidNsec), "2 500000000")
	same(t, "attr timeout", fmt.Sprint(e.AttrValid, e.AttrValidNsec), "7 0")
	a, err := r.want(0, fusetest.Getattr(e.NodeID, fusetest.GetattrIn{})).Attr()
	same(t, "attr timeout of getattr", fmt.Sprint(a.AttrValid, a.AttrValidNsec, err), "7 0 <nil>")
	a, err = r.want(0, fusetest.Setattr(e.NodeID, fusetest.SetattrIn{})).Attr()
	same(t, "attr timeout of setattr", fmt.Sprint(a.AttrValid, a.AttrValidNsec, err), "7 0 <nil>")
	none := r.entry(fusetest.Lookup(1, "none"))
	same(t, "negative entry", fmt.Sprint(none.NodeID, none.EntryValid), "0 3")
	same(t, "nodes (the root and f)", r.fs.tree.inodes.len(), 2)
}

func TestAttr_NegativeTimeoutIsForAnyErrorThatMeansENOENT(t *testing.T) {
	r := newRig(t, newMemFS(), func(ops *Operations, cfg *Config) {
		cfg.NegativeTimeout = time.Second
		ops.Getattr = func(_ context.Context, path string, _ *FileInfo) (Stat, error) {
			if path == "/denied" {
				return Stat{}, fs.ErrPermission
			}
			return Stat{}, fmt.Errorf("wrapped: %w", fs.ErrNotExist)
		}
	})
	same(t, "node", r.entry(fusetest.Lookup(1, "none")).NodeID, 0)
	r.want(syscall.EACCES, fusetest.Lookup(1, "denied"))
}

// setattrOps notes what Setattr is split into.
func setattrOps(m *memFS) func(*Operations, *Config) {
	return func(ops *Operations, _ *Config) {
		ops.Chmod = func(_ context.Context, p string, mode uint32, fi *FileInfo) error {
			return m.begin("chmod", p, append(fiArg(fi), fmt.Sprintf("%o", mode))...)
		}
		ops.Chown = func(_ context.Context, p string, uid, gid uint32, fi *FileInfo) error {
			return m.begin("chown", p, append(fiArg(fi), int32(uid), int32(gid))...)
		}
		ops.Truncate = func(_ context.Context, p string, size int64, fi *FileInfo) error {
			return m.begin("truncate", p, append(fiArg(fi), size)...)
		}
		ops.Utimens = func(_ context.Context, p string, a, mt unix.Timespec, fi *FileInfo) error {
			return m.begin("utimens", p, append(fiArg(fi), a.Sec, a.Nsec, mt.Sec, mt.Nsec)...)
		}
	}
}

func TestAttr_SetattrIsSplit(t *testing.T) {
	now, omit := int64(unix.UTIME_NOW), int64(unix.UTIME_OMIT)
	in := fusetest.SetattrIn{Mode: unix.S_IFREG | 0o640, UID: 5, GID: 6, Size: 77, Atime: 100, AtimeNsec: 1, Mtime: 200, MtimeNsec: 2}
	for _, c := range []struct {
		valid uint32
		want  []string
	}{
		{0, nil},
		{fusetest.FattrMode, []string{"chmod /f 100640"}},
		{fusetest.FattrUID, []string{"chown /f 5 -1"}},
		{fusetest.FattrGID, []string{"chown /f -1 6"}},
		{fusetest.FattrUID | fusetest.FattrGID, []string{"chown /f 5 6"}},
		{fusetest.FattrSize, []string{"truncate /f 77"}},
		{fusetest.FattrAtime, []string{fmt.Sprint("utimens /f 100 1 0 ", omit)}},
		{fusetest.FattrMtime, []string{fmt.Sprint("utimens /f 0 ", omit, " 200 2")}},
		{fusetest.FattrMtime | fusetest.FattrMtimeNow, []string{fmt.Sprint("utimens /f 0 ", omit, " 0 ", now)}},
		{fusetest.FattrAtime | fusetest.FattrAtimeNow | fusetest.FattrMtime | fusetest.FattrMtimeNow, []string{fmt.Sprint("utimens /f 0 ", now, " 0 ", now)}},
		{
			fusetest.FattrMode | fusetest.FattrUID | fusetest.FattrSize | fusetest.FattrAtime | fusetest.FattrMtime,
			[]string{"chmod /f 100640", "chown /f 5 -1", "truncate /f 77", "utimens /f 100 1 200 2"},
		},
	} {
		t.Run(fmt.Sprintf("%#x", c.valid), func(t *testing.T) {
			mem := newMemFS().put("f")
			r := newRig(t, mem, setattrOps(mem))
			f := r.lookup(1, "f")
			mem.took()
			in := in
			in.Valid = c.valid
			r.want(0, fusetest.Setattr(f, in))
			sameList(t, "calls", mem.took(), append(c.want, "getattr /f"))
		})
	}
}

func TestAttr_SetattrStopsAtTheFirstError(t *testing.T) {
	all := []string{"chmod", "chown", "truncate", "utimens", "getattr"}
	for i, failing := range all {
		mem := newMemFS().put("f")
		r := newRig(t, mem, setattrOps(mem))
		f := r.lookup(1, "f")
		mem.took()
		mem.setBefore(func(op, _ string) error {
			if op == failing {
				return syscall.EXDEV
			}
			return nil
		})
		valid := fusetest.FattrMode | fusetest.FattrUID | fusetest.FattrSize | fusetest.FattrAtime | fusetest.FattrMtime
		r.want(syscall.EXDEV, fusetest.Setattr(f, fusetest.SetattrIn{Valid: uint32(valid)}))
		var ops []string
		for _, call := range mem.took() {
			op, _, _ := strings.Cut(call, " ")
			ops = append(ops, op)
		}
		sameList(t, "calls until "+failing+" fails", ops, all[:i+1])
		mem.setBefore(nil)
	}
}

func TestAttr_AnOpenFileHasAHandle(t *testing.T) {
	for _, nullpath := range []bool{false, true} {
		mem := newMemFS().put("f")
		r := newRig(t, mem, setattrOps(mem), func(_ *Operations, cfg *Config) { cfg.NullpathOK = nullpath })
		f := r.lookup(1, "f")
		fh := r.open(f)
		mem.took()
		r.want(0, fusetest.Setattr(f, fusetest.SetattrIn{Valid: fusetest.FattrMode | fusetest.FattrFh, Fh: fh}))
		r.want(0, fusetest.Getattr(f, fusetest.GetattrIn{Flags: fusetest.GetattrFh, Fh: fh}))
		want := []string{"chmod /f fh 0", "getattr /f fh", "getattr /f fh"}
		if nullpath {
			want = []string{"chmod  fh 0", "getattr  fh", "getattr  fh"}
		}
		sameList(t, fmt.Sprint("calls, nullpath_ok ", nullpath), mem.took(), want)
		r.release(f, fh)
	}
}

func TestAttr_StatfsWithoutAnOperation(t *testing.T) {
	r := newRig(t, newMemFS())
	st, err := r.want(0, fusetest.Statfs(1)).Statfs()
	same(t, "statfs", fmt.Sprint(st.Bsize, st.Namelen, st.Blocks, err), "512 255 0 <nil>")
}

func TestAttr_StatfsPath(t *testing.T) {
	var got []string
	r := newRig(t, newMemFS().put("d/f"), func(ops *Operations, _ *Config) {
		ops.Statfs = func(_ context.Context, path string) (Statfs, error) {
			got = append(got, path)
			return Statfs{Blocks: 9, Bsize: 4096, Namemax: 99}, nil
		}
	})
	f := r.walk("d/f")
	for _, ino := range []uint64{1, f, 0} {
		st, err := r.want(0, fusetest.Statfs(ino)).Statfs()
		same(t, "statfs", fmt.Sprint(st.Bsize, st.Namelen, st.Blocks, err), "4096 99 9 <nil>")
	}
	sameList(t, "paths", got, []string{"/", "/d/f", "/"})
}

// openFlags opens f and returns what the kernel is told.
func openFlags(r *rig, f uint64, flags uint32) uint32 {
	r.t.Helper()
	o, err := r.want(0, fusetest.Open(f, fusetest.OpenIn{Flags: flags})).Open()
	if err != nil {
		r.t.Fatal(err)
	}
	r.release(f, o.Fh)
	return o.OpenFlags
}

func TestCache_OpenFlagsAsConfigured(t *testing.T) {
	const direct, keep, noflush = fusetest.FopenDirectIO, fusetest.FopenKeepCache, fusetest.FopenNoflush
	for _, c := range []struct {
		name   string
		set    func(cfg *Config)
		ro, rw uint32
		create uint32
	}{
		{"nothing", func(*Config) {}, 0, 0, 0},
		{"direct_io", func(c *Config) { c.DirectIO = true }, direct, direct, direct},
		{"kernel_cache", func(c *Config) { c.KernelCache = true }, keep, keep, keep},
		{"no_rofd_flush", func(c *Config) { c.NoRofdFlush = true }, noflush, 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t, newMemFS().put("f"), func(_ *Operations, cfg *Config) { c.set(cfg) })
			f := r.lookup(1, "f")
			same(t, "read-only", openFlags(r, f, unix.O_RDONLY), c.ro)
			same(t, "read-write", openFlags(r, f, unix.O_RDWR), c.rw)
			same(t, "write-only", openFlags(r, f, unix.O_WRONLY), c.rw)
			e, o, err := r.want(0, fusetest.Create(1, fusetest.CreateIn{Flags: unix.O_RDWR}, "new")).Create()
			same(t, "create", fmt.Sprint(o.OpenFlags, err), fmt.Sprint(c.create, " <nil>"))
			r.release(e.NodeID, o.Fh)
		})
	}
}

func TestCache_TheOperationsChoiceStays(t *testing.T) {
	r := newRig(t, newMemFS().put("f"), func(ops *Operations, _ *Config) {
		ops.Open = func(_ context.Context, _ string, fi *FileInfo) error {
			fi.DirectIO, fi.KeepCache = true, true
			return nil
		}
	})
	same(t, "flags", openFlags(r, r.lookup(1, "f"), 0), uint32(fusetest.FopenDirectIO|fusetest.FopenKeepCache))
}

func TestCache_AutoCacheKeepsWhatHasNotChanged(t *testing.T) {
	const keep = fusetest.FopenKeepCache
	mem := newMemFS().put("f")
	r := newRig(t, mem, func(_ *Operations, cfg *Config) {
		cfg.AutoCache, cfg.SetACAttrTimeout, cfg.ACAttrTimeout = true, true, 0 // asks each time
	})
	f := r.lookup(1, "f")
	same(t, "first", openFlags(r, f, 0), 0)
	same(t, "again", openFlags(r, f, 0), keep)
	mem.edit("f", func(n *memNode) { n.Size++ })
	same(t, "size changed", openFlags(r, f, 0), 0)
	same(t, "again", openFlags(r, f, 0), keep)
	mem.edit("f", func(n *memNode) { n.Mtim.Nsec++ })
	same(t, "mtime changed", openFlags(r, f, 0), 0)
	mem.edit("f", func(n *memNode) { n.Ctim.Nsec++ })
	same(t, "only ctime changed", openFlags(r, f, 0), keep)
	mem.edit("f", func(n *memNode) { n.Size++ })
	r.getattr(f) // the kernel asks: that is enough to know
	same(t, "changed, by getattr", openFlags(r, f, 0), 0)
	mem.setBefore(func(op, _ string) error {
		if op == "getattr" {
			return syscall.EIO
		}
		return nil
	})
	same(t, "attributes not to be had", openFlags(r, f, 0), 0)
}

func TestCache_AutoCacheBelievesAttributesForAWhile(t *testing.T) {
	for _, c := range []struct {
		name string
		set  func(cfg *Config)
		asks bool
	}{
		{"ac_attr_timeout an hour", func(c *Config) { c.SetACAttrTimeout, c.ACAttrTimeout, c.AttrTimeout = true, time.Hour, 0 }, false},
		{"attr_timeout an hour", func(c *Config) { c.AttrTimeout = time.Hour }, false},
		{"ac_attr_timeout 0", func(c *Config) { c.SetACAttrTimeout, c.AttrTimeout = true, time.Hour }, true},
		{"attr_timeout 0", func(c *Config) { c.AttrTimeout = 0 }, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			mem := newMemFS().put("f")
			r := newRig(t, mem, func(_ *Operations, cfg *Config) { cfg.AutoCache = true; c.set(cfg) })
			f := r.lookup(1, "f")
			openFlags(r, f, 0)
			mem.edit("f", func(n *memNode) { n.Size++ })
			mem.took()
			flags := openFlags(r, f, 0)
			same(t, "keeps the cache", flags&fusetest.FopenKeepCache != 0, !c.asks)
			want := []string{"open /f", "getattr /f fh", "release /f"}
			if !c.asks {
				want = []string{"open /f", "release /f"}
			}
			sameList(t, "calls", mem.took(), want)
		})
	}
}

func TestCache_ParallelDirectWrites(t *testing.T) {
	if v := lowlevel.HeaderVersion(); v < 317 {
		t.Skipf("needs libfuse 3.17, has %d.%d: older ones do not pass it on", v/100, v%100)
	}
	r := newRig(t, newMemFS().put("f"), func(_ *Operations, cfg *Config) { cfg.ParallelDirectWrites, cfg.DirectIO = true, true })
	same(t, "flags", openFlags(r, r.lookup(1, "f"), 0), uint32(fusetest.FopenDirectIO|fusetest.FopenParallelDirectWrites))
}
