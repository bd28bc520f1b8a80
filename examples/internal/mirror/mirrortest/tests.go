package mirrortest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-libfuse3/go-libfuse3/examples/internal/exampletest"
	"github.com/go-libfuse3/go-libfuse3/test/fusetest"
)

// POSIX runs the project's POSIX suite, which must pass whole.
func POSIX(t *testing.T, args ...string) {
	fusetest.RequireRoot(t)
	suite := fusetest.Build(t, "../../test/posix")
	m := Mount(t, append(args, "-o", posixOptions)...)
	out, err := fusetest.RunError(t, 4*time.Minute, suite, m.Dir)
	if err != nil {
		t.Error(err)
	}
	lines := strings.Split(strings.TrimSpace(out), "\n")
	t.Log(lines[len(lines)-1])
}

// Fsx does random I/O on a file, with and without O_DIRECT.
func Fsx(t *testing.T, options ...string) {
	fsx := fusetest.Build(t, "../../test/fsx")
	m := Mount(t, options...)
	for _, direct := range []string{"false", "true"} {
		out := fusetest.Run(t, 90*time.Second, fsx, "-n", "3000", "-seed", "7", "-direct="+direct, filepath.Join(m.Dir, "fsx-"+direct))
		if strings.Contains(out, "unsupported") {
			t.Errorf("direct=%s: what ext4 supports is missing: %s", direct, out)
		}
	}
}

// Owner checks that what a user creates looks as it does on the filesystem below.
func Owner(t *testing.T) {
	const create = `umask 027; touch f; mkdir d; ln -s target l; mkfifo p; umask 0; touch g; mkdir e; umask 0777; touch h`
	closed := newDir(t)
	src := filepath.Join(closed, "src")
	if err := os.Mkdir(src, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(closed, 0o700); err != nil { // who uses the mount need not be able to get at the source
		t.Fatal(err)
	}
	m := mountSource(t, exampletest.Self(t), src, "-o", posixOptions)
	all := `chmod 777 .`
	m.sameAsBelow(root, "root", all, create)
	m.sameAsBelow(user{uid: 0, gid: 2001}, "root in another group", all, create)
	m.sameAsBelow(alice, "user", all, create)
	m.sameAsBelow(alice, "sticky", `chmod 1777 .; touch x; mkdir y; chmod 777 y`, create+`; rm -f x y/z; rmdir y`)
	m.sameAsBelow(alice, "sgid directory", `chgrp 2002 .; chmod 2777 .`, create+`; mkdir -m 2755 s; install -m 2755 f t`)
	m.sameAsBelow(alice, "sgid directory of an own group", `chgrp 3002 .; chmod 2777 .`, create+`; mkdir -m 2755 s`)
	m.sameAsBelow(alice, "right by supplementary group", `chgrp 3002 .; chmod 770 .`, create)
	m.sameAsBelow(alice, "no right", `chmod 755 .`, create)
	m.sameAsBelow(bob, "refused by group", `chgrp 2002 .; chmod 707 .`, create)
	m.sameAsBelow(root, "devices", `:`, `mknod c c 1 3; mknod b b 7 200; stat -c %t:%T c b; mknod -m 642 p p`)
	m.sameAsBelow(alice, "device", all, `mknod c c 1 3`)
	own := `chmod 777 .; touch f; chown 1001:2001 f; `
	m.sameAsBelow(alice, "chmod own", own, `chmod 6755 f; chmod g+s .; chmod 640 f`)
	m.sameAsBelow(bob, "chmod not own", own, `chmod 777 f`)
	m.sameAsBelow(alice, "chgrp", own+`chmod 6755 f`, `chgrp 3001 f; chgrp 2002 f; chown 1002 f`)
	m.sameAsBelow(root, "chown of a link", `ln -s none l`, `chown -h 1002:2002 l; touch -h -d @1000 l; stat -c %Y l`)
	m.sameAsBelow(bob, "write drops suid", own+`chmod 6777 f`, `echo x >> f`)
	m.sameAsBelow(bob, "open with O_TRUNC drops suid", own+`echo x > f; chmod 6777 f`, `: > f`)
	m.sameAsBelow(alice, "mode 0", all, `umask 777; echo x > f; cat f; echo y > f`)
	m.Run(`mkdir acl; $CLIENT client setacl $S/acl; umask 077; touch acl/f; mkdir acl/e`)
	m.Want("-rw-rw-r-- drwxrwxr-x", `echo $(stat -c %A acl/f acl/e)`) // a default ACL takes the place of the umask
}

// OwnerConcurrent has users create files at the same time: none may get another's, and no thread of the server may stay somebody else.
func OwnerConcurrent(t *testing.T) {
	m := Mount(t, "-o", posixOptions)
	m.Run(`chmod 777 .; mkdir sgid; chgrp 3001 sgid; chmod 2777 sgid`)
	var wg sync.WaitGroup
	for _, u := range []user{alice, bob, root, {uid: 1003, gid: 3001}} {
		wg.Add(1)
		go func() {
			defer wg.Done()
			out, err := m.sh(u, m.Dir, fmt.Sprintf(`for i in $(seq 60); do
				for d in . sgid; do : > $d/f.%[1]d.$i; mkdir $d/d.%[1]d.$i; done; done`, u.uid))
			if err != nil {
				t.Errorf("user %d: %v\n%s", u.uid, err, out)
			}
		}()
	}
	wg.Wait()
	// Names have the owner's number. All groups in sgid are 3001.
	m.Want("960 0 0", `cd $S; find . -mindepth 1 -name '[fd].*' -printf '%f %U %G %h\n' |
		awk 'split($1, n, ".") && n[2] != $2 { wrong++ } $4 == "./sgid" && $3 != 3001 { wrongGroup++ }
			END { print NR, wrong+0, wrongGroup+0 }'`)
	m.Want("4", fmt.Sprintf(`grep -h -E '^(Uid|Gid|Groups|CapEff):' /proc/%d/task/*/status | sort | uniq -c | wc -l`, m.Prog.Cmd.Process.Pid))
}

// ODirect does I/O past the page cache.
func ODirect(t *testing.T) {
	m := Mount(t)
	m.Run(`head -c 1M /dev/urandom > $S/in
		dd if=$M/in of=$M/out bs=64k iflag=direct oflag=direct status=none
		cmp $S/in $S/out
		dd if=$S/in of=$M/out bs=4k count=3 seek=7 skip=5 oflag=direct conv=notrunc status=none
		dd if=$M/out bs=4k count=3 skip=7 iflag=direct status=none > $S/part
		dd if=$S/in bs=4k count=3 skip=5 status=none | cmp - $S/part
		head -c 5000 $S/in > $S/tail
		dd if=$M/tail bs=4k iflag=direct status=none | cmp - $S/tail`)
	// What the kernel takes from its cache may come through a descriptor with O_DIRECT, and be no whole block.
	m.Want("abc3456789", `printf 0123456789 > $S/f; $CLIENT client mmap $M/f abc; cat $S/f`)
}

// Files does what people do with files.
func Files(t *testing.T) {
	m := Mount(t, "-o", posixOptions)
	for name, script := range map[string]string{
		"sparse":          `truncate -s 1M f; echo x | dd of=f bs=1 seek=500000 conv=notrunc status=none; cp --sparse=always f g; cmp f g; du -k f`,
		"fallocate":       `fallocate -l 100k f; fallocate -p -o 8k -l 8k f; fallocate -n -l 300k f; stat -c '%s %b' f`,
		"copy":            `seq 50000 > f; cp --reflink=auto f g; cmp f g`,
		"unlinked":        `echo x > f; exec 3<>f; rm f; cat <&3; echo y >&3; stat -L -c %h /proc/self/fd/3; chmod 600 /proc/self/fd/3; truncate -s 9 /proc/self/fd/3; stat -L -c '%s %a' /proc/self/fd/3`,
		"rm -r of open":   `mkdir -p d/e; echo x > d/e/f; echo z > d/g; exec 3<>d/e/f 4<d/g; rm -r d; ls; cat <&3; cat <&4; echo y >&3; stat -L -c '%h %s' /proc/self/fd/3`,
		"replaced":        `echo x > f; exec 3<f; echo y > g; mv g f; cat <&3; cat f; stat -L -c %h /proc/self/fd/3`,
		"rename":          `mkdir a b; touch a/f b/g; mv a/f b/f; mv -T b/f b/g; mv -n b/g a; mv a c; mv c b; mv b b/x; ls -R`,
		"rename over dir": `mkdir -p a b/c; mv -T a b; mv -T b/c a; ls -R`,
		"rename flags":    `echo a > a; echo b > b; $CLIENT client renames noreplace a b; $CLIENT client renames exchange a b; cat a b; $CLIENT client renames noreplace b c; cat c`,
		"links":           `touch f; ln f g; ln -s f s; ln -P s t; readlink t; ln f g; rm f; stat -c %h g`,
		"long names":      `n=$(printf %0255d 1); touch $n; mkdir -p $n/x; touch ${n}1; ls`,
		"append":          `for i in 1 2 3 4; do (for j in $(seq 100); do echo $i $j >> f; done) & done; wait; wc -l < f; sort f | uniq -d`,
		"errors":          `cat none; rmdir none; mkdir d; touch d/f; rmdir d; rm d 2>&1; touch d/f/x; ls d/f/; cd d/none`,
		"symlink loop":    `ln -s b a; ln -s a b; cat a; readlink a`,
		"seek":            `truncate -s 1M f; printf x | dd of=f bs=4k seek=100 conv=notrunc status=none; tar cSf t f; mkdir o; tar xf t -C o; cmp f o/f; stat -c %b f o/f`,
		"statfs":          `stat -f -c '%s %S %b %l' .`,
		"flock":           `exec 3>f 4<f; flock 3; flock -n 4 || echo locked; flock -u 3; flock -n 4 && echo free`,
		"xattr":           `touch f; setfattr -n user.a -v 1 f; getfattr -d f; setfattr -x user.a f; getfattr -d f; getfattr -n user.a f; setfattr -n bad -v 1 f`,
		"times":           `touch -d '2001-02-03 04:05:06.789012345' f; touch -a -d @5 f; stat -c '%x %y' f; exec 3<>f; $CLIENT client futimens 3 77; stat -c '%X %Y' f`,
		"text busy":       `cp /bin/true t; chmod 755 t; exec 3>>t; ./t 2>&1 | sed 's/.*: //'; exec 3>&-; ./t && echo ran`,
	} {
		m.sameAsBelow(root, name, ":", script)
	}
	m.Want("", `ls -A $S | xargs -I{} find $S/{} -name '.fuse_hidden*'`)
}

// LongPaths uses files that no path leads to below.
func LongPaths(t *testing.T) {
	m := Mount(t, "-o", posixOptions)
	bin := newDir(t)
	m.Run(`chmod 777 $M; cp $CLIENT ` + bin + `/client`) // where the other user gets at it
	for _, u := range []user{root, alice} {
		for _, levels := range []int{15, 16, 17, 40} { // names of 250 bytes: from just below PATH_MAX to far beyond
			out, err := m.sh(u, m.Dir, fmt.Sprintf(`umask 022; exec %s/client client deep d%d.%d %[3]d`, bin, u.uid, levels))
			want := fmt.Sprintf("owner %d:%d, mode 644, size 5, links 2\ncontent hello\nlink target\nxattr value\n3 entries\n", u.uid, u.gid)
			if err != nil || out != want {
				t.Errorf("user %d, %d levels: %v\ngot:\n%s\nwant:\n%s", u.uid, levels, err, out, want)
			}
		}
	}
	m.Want("", `ls -A $S`)
}

// Readdir lists large directories, whole and while they change.
func Readdir(t *testing.T, args ...string) {
	m := Mount(t, args...)
	m.Run(`cd $S; seq -f file%g 5000 | xargs touch`)
	m.Want("5000", `ls | sort | uniq | wc -l; test "$(ls $S)" = "$(ls $M)"`)
	m.Run(`cmp <(ls -laiU --full-time $M | tail -n +4 | sort) <(ls -laiU --full-time $S | tail -n +4 | sort)`)
	m.Want("0", `rm -r $M/file*; ls -A $S | wc -l`)
}

// LeavesNothing checks for what the server keeps of files that were used, and of one that is open, and removed, when it ends.
func LeavesNothing(t *testing.T) {
	m := Mount(t)
	fds := fmt.Sprintf("ls /proc/%d/fd | wc -l", m.Prog.Cmd.Process.Pid)
	before := m.Run(fds)
	m.Run(`for i in $(seq 100); do echo $i > f$i; cat f$i > /dev/null; ls > /dev/null; mkdir d$i; done; rm -r *`)
	fusetest.Eventually(t, 20*time.Second, "all files closed", func() bool { return m.Run(fds) == before })
	m.Run(`cd /; (exec 3> $M/open; rm $M/open; ls -A $S | grep -q fuse_hidden; umount -l $M)`)
	if err := m.Prog.StopBy(func() error { return nil }); err != nil {
		t.Error(err)
	}
	if list, err := os.ReadDir(m.Src); err != nil || len(list) > 0 {
		t.Errorf("left below: %v, %v", list, err)
	}
}
