package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
	"github.com/go-libfuse3/go-libfuse3/test/fusetest"
)

func TestODirect(t *testing.T) {
	for _, opts := range modes {
		t.Run("options "+opts, func(t *testing.T) {
			m := newMount(t, opts)
			m.run(`head -c 1M /dev/urandom > $S/in
				dd if=$M/in of=$M/out bs=64k iflag=direct oflag=direct status=none
				cmp $S/in $S/out
				dd if=$S/in of=$M/out bs=4k count=3 seek=7 skip=5 oflag=direct conv=notrunc status=none
				dd if=$M/out bs=4k count=3 skip=7 iflag=direct status=none > $S/part
				dd if=$S/in bs=4k count=3 skip=5 status=none | cmp - $S/part
				head -c 5000 $S/in > $S/tail
				dd if=$M/tail bs=4k iflag=direct status=none | cmp - $S/tail`)
		})
	}
}

// What the kernel takes from its cache may come through a descriptor with O_DIRECT, and be no whole block.
func TestODirect_Mmap(t *testing.T) {
	for _, opts := range []string{"", "writeback"} {
		t.Run("options "+opts, func(t *testing.T) {
			m := newMount(t, opts)
			m.want("abc3456789", `printf 0123456789 > $S/f; $CLIENT client mmap $M/f abc; cat $S/f`)
		})
	}
}

// A symbolic link that comes in the way of a new file must not lead the server out of the source.
func TestCreate_FollowsNoLink(t *testing.T) {
	fs, dir := newTestFS(t)
	target := filepath.Join(t.TempDir(), "target")
	if err := os.Symlink(target, filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	req := &lowlevel.Request{UID: fs.self.uid, GID: fs.self.gid}
	_, err := fs.create(req, lowlevel.RootIno, "link", 0o644, &lowlevel.FileInfo{Flags: unix.O_RDWR})
	if err != unix.ESTALE { // which makes the kernel look again, and follow the link by itself
		t.Errorf("got %v, want ESTALE", err)
	}
	if _, err := os.Lstat(target); err == nil {
		t.Error("a file was created where the link leads")
	}
}

func TestFiles_SameAsBelow(t *testing.T) {
	m := newMount(t, posixOptions, "xattr")
	for name, script := range map[string]string{
		"sparse":          `truncate -s 1M f; echo x | dd of=f bs=1 seek=500000 conv=notrunc status=none; cp --sparse=always f g; cmp f g; du -k f`,
		"fallocate":       `fallocate -l 100k f; fallocate -p -o 8k -l 8k f; fallocate -n -l 300k f; stat -c '%s %b' f`,
		"copy":            `seq 50000 > f; cp --reflink=auto f g; cmp f g`,
		"unlinked":        `echo x > f; exec 3<f; rm f; cat <&3; stat -L -c %h /proc/self/fd/3`,
		"rename":          `mkdir a b; touch a/f b/g; mv a/f b/f; mv -T b/f b/g; mv -n b/g a; mv a c; mv c b; mv b b/x; ls -R`,
		"rename over dir": `mkdir -p a b/c; mv -T a b; mv -T b/c a; ls -R`,
		"links":           `touch f; ln f g; ln -s f s; ln -P s t; readlink t; ln f g; rm f; stat -c %h g`,
		"long names":      `n=$(printf %0255d 1); touch $n; mkdir -p $n/x; touch ${n}1; ls`,
		"append":          `for i in 1 2 3 4; do (for j in $(seq 100); do echo $i $j >> f; done) & done; wait; wc -l < f; sort f | uniq -d`,
		"errors":          `cat none; rmdir none; mkdir d; touch d/f; rmdir d; rm d 2>&1; touch d/f/x; ls d/f/; cd d/none`,
		"symlink loop":    `ln -s b a; ln -s a b; cat a; readlink a`,
		"seek":            `truncate -s 1M f; printf x | dd of=f bs=4k seek=100 conv=notrunc status=none; tar cSf t f; mkdir o; tar xf t -C o; cmp f o/f; stat -c %b f o/f`,
		"statfs":          `stat -f -c '%s %S %b %l' .`,
	} {
		m.sameAsBelow(root, name, ":", script)
	}
}

func TestRename_Flags(t *testing.T) {
	m := newMount(t)
	m.run(`echo a > a; echo b > b`)
	m.want("file exists\nb a", `$CLIENT client renames noreplace a b || true; $CLIENT client renames exchange a b; echo $(cat a b)`)
	m.want("a", `$CLIENT client renames noreplace b c; cat c`)
	m.want("character special file 0:0", `$CLIENT client renames whiteout a d; stat -c '%F %t:%T' a`)
}

// clientRenames renames args[1] to args[2], with a flag.
func clientRenames(args []string) error {
	flags := map[string]uint{"noreplace": unix.RENAME_NOREPLACE, "exchange": unix.RENAME_EXCHANGE, "whiteout": unix.RENAME_WHITEOUT}
	return unix.Renameat2(unix.AT_FDCWD, args[1], unix.AT_FDCWD, args[2], flags[args[0]])
}

// Names that move while others look them up and list them: every file must still be there at the end, once.
func TestRename_Races(t *testing.T) {
	m := newMount(t, "timeout=0")
	m.want("200 200", `mkdir a b; for i in $(seq 200); do echo $i > a/$i; done
		for w in 1 2 3; do (for i in $(seq 200); do mv -f a/$i b/$i 2>/dev/null; mv -f b/$i a/$i 2>/dev/null; done; true) & done
		(for i in $(seq 30); do ls -l a b > /dev/null 2>&1; done; true) &
		(for i in $(seq 30); do cat a/* > /dev/null 2>&1; done; true) &
		wait
		echo $(ls a b | grep -c '^[0-9]') $(cat a/* b/* 2>/dev/null | sort -un | wc -l)`)
	m.run(`diff -r $S $M`)
}

func TestReaddir_ManyEntries(t *testing.T) {
	for _, opts := range []string{"", "readdirplus=no", "readdirplus=yes", "cache=always"} {
		t.Run("options "+opts, func(t *testing.T) {
			m := newMount(t, opts)
			m.run(`cd $S; seq -f file%g 20000 | xargs touch`)
			for range 2 { // the second time most are known
				m.want("20000", `ls | sort | uniq | wc -l; test "$(ls $S)" = "$(ls $M)"`)
				m.want("20000", `ls -lU | grep -c file`)
			}
			m.want("0", `rm -r $M/file*; ls $S | wc -l`)
		})
	}
}

// Each lookup that a listing counts must be forgotten, or the server keeps a descriptor for good.
func TestReaddir_LookupCounts(t *testing.T) {
	fusetest.RequireRoot(t)
	m := newMount(t, "readdirplus=yes,timeout=0")
	fds := filepath.Join("/proc", strconv.Itoa(m.prog.Cmd.Process.Pid), "fd")
	count := func() int {
		entries, err := os.ReadDir(fds)
		if err != nil {
			t.Fatal(err)
		}
		return len(entries)
	}
	before := count()
	m.run(`cd $S; seq -f file%g 3000 | xargs touch`)
	for range 5 {
		m.want("3000", `ls -l | grep -c file`)
	}
	if got := count(); got < before+3000 {
		t.Errorf("after listing: %d descriptors, want one for each of 3000 files", got)
	}
	fusetest.Eventually(t, 20*time.Second, "all inodes forgotten", func() bool {
		m.run(`echo 2 > /proc/sys/vm/drop_caches`)
		return count() <= before+5
	})
}

// The kernel may know many more files than the server can have open.
func TestManyInodes_FewDescriptors(t *testing.T) {
	fusetest.RequireRoot(t) // else there are no handles to open files by
	fusetest.RequireFUSE(t)
	// Without CAP_SYS_RESOURCE root cannot raise the limit.
	m := mountBy(t, []string{"setpriv", "--bounding-set", "-sys_resource", "prlimit", "--nofile=200:200", program},
		newDir(t), posixOptions, "xattr")
	m.run(`mkdir d; cd d; seq -f file%g 2000 | xargs touch; mkdir sub; echo x > sub/f; ln -s sub/f link`)
	m.want("2003", `ls -l d | wc -l`)
	m.want("x x", `echo $(cat d/sub/f d/link)`)
	m.run(`cd d; for i in 1000 1999; do echo $i > file$i; chmod 600 file$i; chown 1:2 file$i; touch -d @5 file$i
		$CLIENT client setxattr file$i user.a b; ln file$i hard$i; mv file$i sub; done; rm file2000; mkdir sub/dir; rmdir sub/dir`)
	m.want("1999 600 1:2 5 2", `echo $(cat d/sub/file1999) $(stat -c '%a %u:%g %Y %h' d/hard1999)`)
	// A file that is replaced below gets the inode number of the one before.
	m.want("500", `cd $S/d; for i in $(seq 500); do rm file$i; echo $i > file$i; done; sleep 1.1
		cd $M/d; for i in $(seq 500); do echo $i | cmp - file$i && stat file$i; done | grep -c Size`)
	m.run(`diff -r $S $M; rm -r d`)
}

func TestHandles(t *testing.T) {
	fusetest.RequireRoot(t)
	m := newMount(t)
	m.run(`mkdir -p d/e; echo content > d/e/f`)
	m.want("content", `$CLIENT client handle $M d/e/f cached`)
	m.want("content", `$CLIENT client handle $M d/e/f dropped`)
	m.want("stale file handle", `$CLIENT client handle $M d/e/f removed || true`)
	// A directory's handle is connected to the tree through "..".
	m.want("d", `$CLIENT client handle $M d dropped`)
	m.want(".", `$CLIENT client handle $M . dropped`)
}

// clientHandle takes a handle of the file args[1] on the mount args[0]. Then, as args[2] says, it makes the kernel forget the file
// or removes it, and opens it by the handle. It prints the content of a file, or the path of a directory.
func clientHandle(args []string) error {
	path := filepath.Join(args[0], args[1])
	h, _, err := unix.NameToHandleAt(unix.AT_FDCWD, path, 0)
	if err != nil {
		return err
	}
	top, err := unix.Open(args[0], unix.O_RDONLY, 0)
	if err != nil {
		return err
	}
	switch args[2] {
	case "dropped":
		err = os.WriteFile("/proc/sys/vm/drop_caches", []byte("2"), 0)
	case "removed":
		err = replaceFile(path)
	}
	if err != nil {
		return err
	}
	fd, err := unix.OpenByHandleAt(top, h, unix.O_RDONLY)
	if err != nil {
		return err
	}
	text := make([]byte, 100)
	n, err := unix.Read(fd, text)
	if err == unix.EISDIR {
		var target string
		target, err = os.Readlink(fmt.Sprintf("/proc/self/fd/%d", fd))
		if err == nil {
			target, err = filepath.Rel(args[0], target)
		}
		n = copy(text, target+"\n")
	}
	fmt.Printf("%s", text[:n])
	return err
}

// replaceFile removes a file and creates others, one of which will have its inode number.
func replaceFile(path string) error {
	if err := os.Remove(path); err != nil {
		return err
	}
	if err := os.WriteFile("/proc/sys/vm/drop_caches", []byte("2"), 0); err != nil {
		return err
	}
	for i := range 20 {
		if err := os.WriteFile(path+strconv.Itoa(i), nil, 0o644); err != nil {
			return err
		}
	}
	return nil
}

func TestTmpfile(t *testing.T) {
	m := newMount(t, "timeout=0")
	if lowlevel.Version() < 317 { // it is not called then
		m.want("operation not supported", `$CLIENT client tmpfile . linked || true`)
		return
	}
	m.want("text -rw-r----- 1", `umask 027; $CLIENT client tmpfile . linked; echo $(cat linked) $(stat -c '%A %h' linked)`)
}

// The handlers that the kernel calls on newer libfuse only.
func TestTmpfile_Handler(t *testing.T) {
	fs, dir := newTestFS(t)
	fi := &lowlevel.FileInfo{Flags: unix.O_RDWR}
	req := &lowlevel.Request{UID: fs.self.uid, GID: fs.self.gid, Umask: 0o027}
	e, err := fs.tmpfile(req, lowlevel.RootIno, 0o666, fi)
	if err != nil {
		t.Fatal(err)
	}
	if e.Attr.Nlink != 0 || e.Attr.Mode != unix.S_IFREG|0o640 {
		t.Errorf("got %d links, mode %o, want 0, %o", e.Attr.Nlink, e.Attr.Mode, unix.S_IFREG|0o640)
	}
	if n, err := fs.write(req, e.Ino, []byte("text"), 0, fi); n != 4 || err != nil {
		t.Errorf("write: %d, %v", n, err)
	}
	linked, err := fs.link(req, e.Ino, lowlevel.RootIno, "linked")
	if err != nil || linked.Ino != e.Ino || linked.Attr.Nlink != 1 {
		t.Errorf("link: node %d with %d links, %v, want node %d with 1", linked.Ino, linked.Attr.Nlink, err, e.Ino)
	}
	if text, err := os.ReadFile(filepath.Join(dir, "linked")); string(text) != "text" {
		t.Errorf("content: %q, %v", text, err)
	}
	if err := fs.release(req, e.Ino, fi); err != nil {
		t.Errorf("release: %v", err)
	}
}

func TestStatx_Handler(t *testing.T) {
	fs, dir := newTestFS(t)
	writeFile(t, filepath.Join(dir, "a"), "text")
	e := mustLookup(t, fs, "a")
	stx, timeout, err := fs.statx(nil, e.Ino, 0, unix.STATX_BASIC_STATS|unix.STATX_BTIME, nil)
	if err != nil || stx.Ino != e.Attr.Ino || stx.Size != 4 || stx.Mask&unix.STATX_BASIC_STATS != unix.STATX_BASIC_STATS {
		t.Errorf("got %+v, %v", stx, err)
	}
	if timeout != fs.timeout {
		t.Errorf("timeout: got %v, want %v", timeout, fs.timeout)
	}
}

// clientTmpfile creates a file without a name in a directory, writes to it, and gives it a name.
func clientTmpfile(args []string) error {
	fd, err := unix.Open(args[0], unix.O_TMPFILE|unix.O_RDWR, 0o666)
	if err != nil {
		return err
	}
	if _, err := unix.Write(fd, []byte("text\n")); err != nil {
		return err
	}
	return unix.Linkat(unix.AT_FDCWD, procPath(fd), unix.AT_FDCWD, args[1], unix.AT_SYMLINK_FOLLOW)
}

// Programs that people run on filesystems, with a part of Go's own source.
func TestTools(t *testing.T) {
	goroot := strings.TrimSpace(fusetest.Run(t, time.Minute, "go", "env", "GOROOT"))
	tree := filepath.Join(goroot, "src", "net")
	for _, opts := range []string{"", "cache=never", "cache=always,writeback,xattr"} {
		m := newMount(t, posixOptions, opts)
		t.Run("tar "+opts, func(t *testing.T) {
			m.in(t).run(`mkdir tar; tar cf - -C ` + tree + ` . | tar xf - -C tar
				diff -r ` + tree + ` tar; tar cf - -C tar . | tar df - -C $S/tar`)
		})
		t.Run("rsync "+opts, func(t *testing.T) {
			if _, err := exec.LookPath("rsync"); err != nil {
				fusetest.Skip(t, "needs rsync")
			}
			m.in(t).want("", `rsync -aH `+tree+`/ rsync/; rsync -aHnic --delete `+tree+`/ rsync/`)
		})
		t.Run("git "+opts, func(t *testing.T) {
			m.in(t).run(`git init -q repo; cp -r ` + tree + ` repo; cd repo
				git add -f .; git -c user.name=x -c user.email=x@x commit -qm one; git status --porcelain | wc -l | grep -qx 0
				git gc -q; cd ..; git clone -q repo clone; git -C clone fsck --full --strict 2>&1; diff -r repo/net clone/net`)
		})
		t.Run("sqlite3 "+opts, func(t *testing.T) {
			if _, err := exec.LookPath("sqlite3"); err != nil {
				fusetest.Skip(t, "needs sqlite3")
			}
			m.in(t).want("ok 1000 500500", `sqlite3 db 'create table t(n); with recursive c(n) as (select 1 union all select n+1 from c limit 1000)
				insert into t select n from c'; echo $(sqlite3 db 'pragma integrity_check' 'select count(*) from t' 'select sum(n) from t')`)
		})
		t.Run("go build "+opts, func(t *testing.T) {
			m.in(t).want("hello", `mkdir hello; cd hello; export GOCACHE=$M/gocache GOFLAGS=-buildvcs=false
				printf 'module hello\n' > go.mod; printf 'package main\nfunc main() { print("hello") }\n' > main.go
				go build -o hello . && ./hello 2>&1; chmod -R u+w $GOCACHE`)
		})
	}
}
