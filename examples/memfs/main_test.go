package main

import (
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-libfuse3/go-libfuse3/examples/internal/exampletest"
	"github.com/go-libfuse3/go-libfuse3/test/fusetest"
)

func TestMain(m *testing.M) { exampletest.Main(m, main) }

func mount(t *testing.T, options ...string) string {
	t.Helper()
	return exampletest.Mount(t, exampletest.Self(t), append(options, "-o", "allow_other")...).Mountpoint
}

// need skips a test where programs are missing.
func need(t *testing.T, names ...string) {
	t.Helper()
	for _, name := range names {
		if _, err := exec.LookPath(name); err != nil {
			fusetest.Skip(t, "needs %s: %v", name, err)
		}
	}
}

var (
	passed  = regexp.MustCompile(`(?m)^(\d+) passed, 0 failed`)
	skipped = regexp.MustCompile(`(?m)^SKIP (\S+):`)
)

// The project's POSIX suite passes whole, but for O_TMPFILE: it makes a file that has no path.
func TestPOSIX(t *testing.T) {
	fusetest.RequireRoot(t)
	suite := fusetest.Build(t, "../../test/posix")
	for _, threads := range []string{"-omax_threads=10", "-s"} {
		t.Run(threads, func(t *testing.T) {
			out := fusetest.Run(t, 2*time.Minute, suite, mount(t, threads))
			m := passed.FindStringSubmatch(out)
			if m == nil {
				t.Fatalf("got:\n%s\nwant: 0 failed", out)
			}
			if n, err := strconv.Atoi(m[1]); err != nil || n < 28000 {
				t.Errorf("got %d assertions (%v), want at least 28000", n, err)
			}
			for _, s := range skipped.FindAllStringSubmatch(out, -1) {
				if s[1] != "open/tmpfile" {
					t.Errorf("not done: %s", s[1])
				}
			}
		})
	}
}

// Shell scripts, and what they print. Each has a directory of its own.
var scripts = []struct{ name, script, want string }{
	{"hard links", `
		echo one >a; ln a b; stat -c '%h %i' a b | sort -u | wc -l; stat -c %h a b; [ $(stat -c %i a) = $(stat -c %i b) ] && echo same number
		cat b; echo two >a; cat b; echo longer than before >>b; cat a; truncate -s 3 b; cat a; echo
		for i in {1..50}; do echo $i >a; [ $(cat b) = $i ]; echo x$i >b; [ $(cat a) = x$i ]; done
		chmod 640 a; chown 7:8 b; touch -d @1000000000 b; stat -c '%a %u %g %Y' a
		setfattr -n user.k -v v a; getfattr --only-values -n user.k b; echo
		mv b c; rm a; cat c; stat -c %h c; ln c d; python3 -c 'import os; os.rename("c", "d")'; ls
	`, "1\n2\n2\nsame number\none\ntwo\ntwo\nlonger than before\ntwo\n640 7 8 1000000000\nv\nx50\n1\nc\nd"},
	{"removed while open", `
		echo content >f; exec 3<>f 4<f; rm f; ls -A | wc -l; cat <&4; echo more >&3; stat -L -c '%h %s' /dev/fd/3; chmod 600 /dev/fd/3
		echo other >f; cat f; cat /dev/fd/3; exec 3>&- 4>&-; ls -A
		echo a >x; echo b >y; exec 3<x; mv y x; cat x; cat <&3; exec 3>&-; ls -A
		mkdir d; cd d; rmdir ../d; stat -c '%F %h' .; try touch new; ls -A .; try ls ..none; cd ..
	`, "0\ncontent\n0 8\nother\nmore\nnt\nf\nb\na\nf\nx\ndirectory 0\ntouch: cannot touch 'new': No such file or directory\nexit code 1\n" +
		"ls: cannot access '..none': No such file or directory\nexit code 2"},
	{"sparse files", `
		truncate -s 1T s; stat -c '%s %b' s; printf end | dd of=s bs=1 seek=1000000000000 conv=notrunc status=none; stat -c '%s %b' s
		dd if=s bs=1 skip=1000000000000 count=3 status=none; echo; cp --sparse=always s t; stat -c '%s %b' t; truncate -s 1000000000001 t; truncate -s 1000000000003 t
		tail -c 3 t | od -An -c; fallocate -p -o 999999995904 -l 1M s; stat -c '%s %b' s; truncate -s 0 s; stat -c '%s %b' s
		printf abcdef >p; fallocate -z -o 1 -l 2 p; od -An -c p; fallocate -l 10 p; od -An -c p; fallocate -n -l 100 p; stat -c %s p
		try fallocate -c -o 0 -l 4096 p
	`, "1099511627776 0\n1099511627776 8\nend\n1099511627776 8\n   e  \\0  \\0\n1099511627776 0\n0 0\n   a  \\0  \\0   d   e   f\n   a  \\0  \\0   d   e   f  \\0  \\0  \\0  \\0\n10\n" +
		"fallocate: fallocate failed: Operation not supported\nexit code 1"},
	{"files of all types", `
		mkfifo p; mknod c c 1 3; mknod b b 7 9; ln -s target l; mkdir -m 2750 d; touch f; python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("s")'
		stat -c '%n %F %h %t:%T %a' p c b l d f s; echo through >p & cat p; readlink l; chgrp 5 d; mkdir d/e; touch d/g; stat -c '%n %a %g' d/e d/g
	`, "p fifo 1 0:0 644\nc character special file 1 1:3 644\nb block special file 1 7:9 644\nl symbolic link 1 0:0 777\nd directory 2 0:0 2750\nf regular empty file 1 0:0 644\ns socket 1 0:0 755\n" +
		"through\ntarget\nd/e 2755 5\nd/g 644 5"},
	{"attributes", `
		touch f; setfattr -n user.a -v 1 f; setfattr -n user.empty f; setfattr -n trusted.t -v 2 f; getfattr -d -m - f | grep -v ^$; setfattr -x user.a f; try setfattr -x user.a f
		try setfattr -n system.x -v 1 f; getfattr -d f | grep -v ^$; setpriv --reuid 1000 --clear-groups getfattr -d -m - f | grep -v ^$
	`, "# file: f\ntrusted.t=\"2\"\nuser.a=\"1\"\nuser.empty=\"\"\nsetfattr: f: No such attribute\nexit code 1\n" +
		"setfattr: f: Operation not supported\nexit code 1\n# file: f\nuser.empty=\"\"\n# file: f\nuser.empty=\"\""},
	{"listing", `
		mkdir d; touch d/{1..3000}; ls d | wc -l; ls -f d | sort -u | wc -l; rm d/*5; ls d | wc -l; stat -c %h d; mkdir d/{a..e}; stat -c %h d; rm -r d; ls
	`, "3000\n3002\n2700\n2\n7"},
}

func TestMemfs_Scripts(t *testing.T) {
	fusetest.RequireRoot(t)
	need(t, "setfattr", "getfattr", "setpriv", "fallocate", "python3")
	dir := mount(t)
	for i, s := range scripts {
		t.Run(s.name, func(t *testing.T) {
			sub := dir + "/" + strconv.Itoa(i)
			exampletest.Sh(t, dir, "mkdir -m 755 "+sub)
			if got := exampletest.Sh(t, sub, s.script); got != s.want {
				t.Errorf("%s\ngot:\n%s\nwant:\n%s", s.script, got, s.want)
			}
		})
	}
}

// makeTree makes a tree with all that a tree can have.
const makeTree = `
	mkdir -p tree/sub/deep tree/empty
	for i in $(seq 1 60); do seq 1 $((i * 37)) >tree/sub/file$i.txt; done
	head -c 3000000 <(yes "some text that repeats") >tree/sub/deep/large; echo '#!/bin/sh' >tree/tool; chmod 4755 tree/tool
	ln -s sub/file1.txt tree/link; ln -s nowhere tree/dangling; ln tree/sub/file2.txt tree/hard1; ln tree/sub/file2.txt tree/sub/deep/hard2
	mkfifo tree/fifo; mknod tree/null c 1 3; truncate -s 10M tree/sparse; echo data | dd of=tree/sparse bs=1 seek=5000000 conv=notrunc status=none
	touch "tree/name with space" $'tree/new\nline'; chown 1001:1002 tree/sub/file3.txt; chmod 2775 tree/sub/deep; setfattr -n user.comment -v "an attribute" tree/sub/file4.txt
	find tree -print0 | xargs -0 touch -h -d '2020-02-02 02:02:02.123456789'
	list() { find "$1" -mindepth 1 -printf '%P %y %m %U:%G %n %l ' \( ! -type d -printf '%s' , -printf ' %T+\n' \) | sort; find "$1" -type f -print0 | sort -z | xargs -0 cat | sha256sum; }
`

// programs are scripts that print the same wherever they run.
var programs = []struct {
	name  string
	needs []string
	text  string
}{
	{"tar", []string{"tar"}, makeTree + `
		tar --xattrs -S -cf t.tar tree; mkdir out; tar -C out --xattrs --xattrs-include='user.*' -xpSf t.tar; list out; tar -C out --compare -f t.tar; getfattr -d out/tree/sub/file4.txt
		tar -C out --sort=name --numeric-owner --format=ustar -cf - tree | sha256sum`},
	{"rsync", []string{"rsync"}, makeTree + `
		rsync -aHX --numeric-ids tree/ copy/; list copy; rsync -aHXn --checksum --delete -i tree/ copy/
		echo changed >copy/sub/file5.txt; rm copy/sub/file6.txt copy/hard1; echo more >copy/extra; rsync -aHX --checksum --delete -i tree/ copy/; rsync -aHXn --checksum --delete -i tree/ copy/`},
	{"git", []string{"git"}, makeTree + `
		export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=c GIT_COMMITTER_EMAIL=c@d
		export GIT_AUTHOR_DATE='2020-01-01 00:00:00 +0000' GIT_COMMITTER_DATE='2020-01-01 00:00:00 +0000'
		git() { command git -c init.defaultBranch=main -c safe.directory='*' -c gc.auto=0 -c maintenance.auto=false "$@"; }
		git init -q origin; cd origin; cp -a ../tree/sub .; git add -A; git commit -qm first; for i in {1..20}; do echo $i >>sub/file$i.txt; git mv sub/file$((i + 30)).txt sub/moved$i.txt; done
		git commit -qam second; git checkout -qb topic HEAD~1; echo topic >topic; git add topic; git commit -qm topic; git checkout -q main; git merge -q -m merged topic
		git rev-parse HEAD; git fsck --full --strict; cd ..; git clone -q --no-local origin clone; cd clone; git log --oneline; echo x >>sub/file1.txt; touch new; git stash -qu; git stash pop -q
		git status --porcelain; git repack -qad; git gc -q --prune=now; git fsck --full --strict`},
	{"sqlite3", []string{"sqlite3"}, `
		for mode in delete wal; do
			sqlite3 -batch $mode.db "PRAGMA journal_mode=$mode; CREATE TABLE t(id INTEGER PRIMARY KEY, k TEXT, v BLOB); CREATE INDEX i ON t(k);
				WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM n WHERE x<3000) INSERT INTO t SELECT x, 'key' || (x * 7919 % 5003), zeroblob(x % 600) FROM n;
				BEGIN; DELETE FROM t WHERE id % 3 = 0; ROLLBACK; BEGIN; UPDATE t SET k = k || 'x' WHERE id % 2; COMMIT; SELECT count(*), sum(length(v)) FROM t; PRAGMA integrity_check;"
			for w in 1 2 3; do for n in {1..10}; do sqlite3 -batch -cmd '.timeout 30000' $mode.db "BEGIN IMMEDIATE; INSERT INTO t(k) VALUES ('w$w-$n'); COMMIT;"; done & done; wait
			sqlite3 -batch $mode.db "VACUUM; PRAGMA integrity_check; SELECT k, length(v) FROM t ORDER BY k" | sha256sum
		done`},
	{"go build", []string{"go"}, `
		mkdir -p m/inner tmp; cd m; export GOTMPDIR=$PWD/../tmp GOFLAGS=-mod=mod GOPROXY=off GOWORK=off CGO_ENABLED=0 GOTOOLCHAIN=local
		printf 'module example.test/m\n\ngo 1.24\n' >go.mod; printf 'package inner\n\nfunc Text() string { return "built here\\n" }\n' >inner/inner.go
		printf 'package main\n\nimport (\n\t"os"\n\n\t"example.test/m/inner"\n)\n\nfunc main() { os.Stdout.WriteString(inner.Text()) }\n' >main.go
		go build -trimpath -buildvcs=false -ldflags=-buildid= -o prog . ; ./prog; sha256sum <prog; echo '// changed' >>inner/inner.go; go vet ./... && go run .; ls ../tmp`},
}

func TestPrograms_DoAsOnTheLocalFilesystem(t *testing.T) {
	fusetest.RequireRoot(t)
	need(t, "setfattr", "getfattr")
	local, dir := t.TempDir(), mount(t)
	for i, p := range programs {
		t.Run(p.name, func(t *testing.T) {
			need(t, p.needs...)
			var out []string
			for _, top := range []string{local, dir} {
				sub := top + "/" + strconv.Itoa(i)
				exampletest.Sh(t, top, "mkdir "+sub)
				out = append(out, exampletest.Sh(t, sub, p.text))
			}
			if got, want := out[1], out[0]; got != want || want == "" {
				t.Errorf("got:\n%s\nwant:\n%s", got, want)
			}
		})
	}
}

// Many are at work, in directories of their own and in common ones. They do not replace each other's files: that may fail (see main.go).
func TestMemfs_AtTheSameTime(t *testing.T) {
	got := exampletest.Sh(t, mount(t), `
		work() {
			for i in {1..8}; do
				mkdir -p own$1 shared; for j in {1..10}; do echo $1 $i $j >own$1/$j; done
				cp -r own$1 shared/$1; rm -rf moved$1; mv own$1 moved$1; diff -r moved$1 shared/$1
				for j in {1..10}; do ln -f moved$1/$j shared/link$1-$j; mv -f moved$1/$j shared/last$1-$j; done
				echo $1 $i >>log; rm -r shared/$1
			done
		}
		jobs=; for n in {1..5}; do work $n & jobs="$jobs $!"; done; for job in $jobs; do wait $job; done
		wc -l <log; cut -d' ' -f1 log | sort | uniq -c | tr -s ' '; ls -A shared | wc -l; stat -c %h shared shared/last1-1`)
	if want := "40\n 8 1\n 8 2\n 8 3\n 8 4\n 8 5\n100\n2\n2"; got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

func TestHelp(t *testing.T) {
	out := exampletest.Run(t, exampletest.Self(t), "memfs", "", "--help")
	if out.Code != 0 || !strings.HasPrefix(out.Stdout, "usage: memfs [options] <mountpoint>\n") {
		t.Errorf("got %+v", out)
	}
}
