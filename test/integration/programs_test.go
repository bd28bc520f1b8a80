package integration

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-libfuse3/go-libfuse3/test/fusetest"
)

// Real programs do the same on a mount as on the local filesystem: what a script prints there is what it must print here. A script works in $D, finds
// what treeScript has made in $SRC, and prints nothing that depends on time or place.
func samePrograms(t *testing.T, list []filesystem, limit time.Duration, text string) {
	t.Helper()
	fusetest.RequireRoot(t)
	src := newDir(t)
	script{dir: src, text: treeScript}.must(t)
	env := []string{"SRC=" + src}
	want := script{dir: newDir(t), text: text, env: env, timeout: limit}.must(t)
	if len(strings.TrimSpace(want)) == 0 {
		t.Fatal("the script prints nothing")
	}
	for _, f := range list {
		t.Run(f.name, func(t *testing.T) {
			p := f.mount(t, posixOptions...)
			fusetest.Watchdog(t, limit+30*time.Second, p.Mountpoint)
			work := filepath.Join(p.Mountpoint, "work")
			got := script{dir: work, text: "mkdir $D\n" + text, env: env, timeout: limit}.must(t)
			if got != want {
				t.Errorf("not as on the local filesystem:\n%s", differentLines(got, want))
			}
		})
	}
}

// differentLines shows what is in only one of two outputs.
func differentLines(got, want string) string {
	var all []string
	only := func(sign, a, b string) {
		in := map[string]bool{}
		for line := range strings.Lines(b) {
			in[line] = true
		}
		for line := range strings.Lines(a) {
			if !in[line] {
				all = append(all, sign+line)
			}
		}
	}
	only("mount: ", got, want)
	only("local: ", want, got)
	if len(all) == 0 {
		return "the same lines in another order"
	}
	return strings.Join(all[:min(len(all), 60)], "")
}

// treeScript makes a tree with all that a tree can have.
const treeScript = `
	cd $D
	mkdir -p tree/sub/deep/er tree/empty tree/bin
	for i in $(seq 1 120); do
		seq 1 $((i * 37)) > tree/sub/file$i.txt
	done
	head -c 3000000 <(yes "some text that repeats") > tree/sub/deep/large
	echo '#!/bin/sh' > tree/bin/tool; chmod 4755 tree/bin/tool
	echo secret > tree/sub/deep/er/secret; chmod 600 tree/sub/deep/er/secret
	ln -s ../sub/file1.txt tree/bin/link; ln -s nowhere tree/dangling; ln -s sub tree/dirlink
	ln tree/sub/file2.txt tree/hard1; ln tree/sub/file2.txt tree/sub/deep/hard2
	mkfifo tree/fifo; mknod tree/null c 1 3; mknod tree/block b 7 99
	truncate -s 10M tree/sparse; echo data | dd of=tree/sparse bs=1 seek=5000000 conv=notrunc status=none
	touch "tree/name with space" $'tree/new\nline' "tree/$(printf 'n%.0s' $(seq 1 250))" $'tree/\xc3\xa4\xff'
	chown 1001:1002 tree/sub/file3.txt; chown -h 1003:1004 tree/dangling; chmod 2775 tree/sub/deep; chmod 1777 tree/empty
	if command -v setfattr >/dev/null; then
		setfattr -n user.comment -v "an attribute" tree/sub/file4.txt; setfattr -n user.dir -v x tree/empty
	fi
	find tree -print0 | xargs -0 touch -h -d '2020-02-02 02:02:02.123456789'
`

// listTree prints all there is to know of the tree $1, and of its files the content.
const listTree = `
	list_tree() {
		(cd "$1" && find . -mindepth 1 -printf '%P %y %m %U:%G %n %l ' \( ! -type d -printf '%s' , -printf ' %TY-%Tm-%Td %TH:%TM:%TS\n' \) | sort)
		(cd "$1" && find . -type f -print0 | sort -z | xargs -0 sha256sum)
		if command -v getfattr >/dev/null; then (cd "$1" && getfattr -h -R -P -d -m '^user' . | sort); fi
	}
`

func TestPrograms_Tar(t *testing.T) {
	need(t, "tar")
	samePrograms(t, allFilesystems(), time.Minute, listTree+`
		cd $D
		tar -C $SRC --xattrs -S -cf in.tar tree
		mkdir out && tar -C out --xattrs --xattrs-include='user.*' -xpSf in.tar
		list_tree out
		tar -C out --compare -f in.tar
		tar -C out --sort=name --numeric-owner --format=posix --xattrs --pax-option=exthdr.name=%d/x/%f,delete=atime,delete=ctime -cf back.tar tree
		sha256sum < back.tar
		rm -r out && ls`)
}

func TestPrograms_Rsync(t *testing.T) {
	need(t, "rsync")
	samePrograms(t, allFilesystems(), time.Minute, listTree+`
		cd $D
		rsync -aHAX --numeric-ids $SRC/tree/ copy/
		rsync -aHAXn --numeric-ids --checksum --delete --itemize-changes $SRC/tree/ copy/
		list_tree copy
		echo changed > copy/sub/file5.txt; rm copy/sub/file6.txt copy/hard1; echo more > copy/extra; chmod 600 copy/sub/file7.txt
		rsync -aHAX --numeric-ids --checksum --delete --itemize-changes $SRC/tree/ copy/
		rsync -aHAXn --numeric-ids --checksum --delete --itemize-changes $SRC/tree/ copy/
		rsync -aHX --inplace --numeric-ids copy/ again/
		list_tree again`)
}

func TestPrograms_Git(t *testing.T) {
	need(t, "git")
	samePrograms(t, allFilesystems(), 90*time.Second, `
		export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=c GIT_COMMITTER_EMAIL=c@d
		export GIT_AUTHOR_DATE='2020-01-01 00:00:00 +0000' GIT_COMMITTER_DATE='2020-01-01 00:00:00 +0000' GIT_PAGER=cat
		git() { command git -c init.defaultBranch=main -c advice.detachedHead=false -c safe.directory='*' -c gc.auto=0 -c maintenance.auto=false "$@"; }
		cd $D
		git init -q origin && cd origin
		cp -a $SRC/tree/sub $SRC/tree/bin . && git add -A && git commit -qm first
		for i in $(seq 1 30); do echo $i >> sub/file$i.txt; git mv sub/file$((i + 30)).txt sub/moved$i.txt; done
		git commit -qam second && git tag v1
		git checkout -qb topic HEAD~1 && echo topic > topic && git add topic && git commit -qm topic
		git checkout -q main && git merge -q -m merged topic
		git rev-parse HEAD && git fsck --full --strict 2>&1 && git status --porcelain
		cd .. && git clone -q --no-local origin clone && cd clone
		git rev-parse HEAD && git log --oneline && git ls-tree -r HEAD | sha256sum
		echo x >> sub/file1.txt && rm sub/file9.txt && touch new && git status --porcelain && git stash -qu && git status --porcelain && git stash pop -q
		git status --porcelain && git checkout -qf v1 && git clean -qfd && git status --porcelain && git describe --tags
		git repack -qad && git gc -q --prune=now && git fsck --full --strict 2>&1 && git count-objects -v | grep -E '^(in-pack|packs|garbage)'
		git worktree add -q ../tree topic && ls ../tree && git diff --stat v1 main | tail -1
		command git --version > /dev/null`)
}

func TestPrograms_SQLite(t *testing.T) {
	need(t, "sqlite3")
	var shared []filesystem
	for _, f := range allFilesystems() {
		if !strings.Contains(f.name, "uncached") { // WAL wants a shared mapping
			shared = append(shared, f)
		}
	}
	samePrograms(t, shared, 90*time.Second, `
		cd $D
		for mode in delete truncate persist wal; do
			sqlite3 -batch $mode.db "
				PRAGMA journal_mode=$mode; PRAGMA synchronous=NORMAL;
				CREATE TABLE t(id INTEGER PRIMARY KEY, k TEXT, v BLOB); CREATE INDEX i ON t(k);
				WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM n WHERE x<5000)
					INSERT INTO t SELECT x, 'key' || (x * 7919 % 5003), zeroblob(x % 600) FROM n;
				BEGIN; DELETE FROM t WHERE id % 3 = 0; ROLLBACK;
				BEGIN; UPDATE t SET k = k || 'x' WHERE id % 2; DELETE FROM t WHERE id % 5 = 0; COMMIT;
				SELECT count(*), sum(length(v)), min(k), max(k) FROM t; PRAGMA integrity_check;"
			for writer in 1 2 3; do
				for n in $(seq 1 15); do
					sqlite3 -batch -cmd '.timeout 30000' $mode.db "BEGIN IMMEDIATE; INSERT INTO t(k, v) VALUES ('w$writer-$n', 'concurrent'); COMMIT;"
				done &
			done
			wait
			sqlite3 -batch $mode.db "SELECT count(*) FROM t WHERE v = 'concurrent'; VACUUM; PRAGMA integrity_check; SELECT count(*) FROM t;"
			sqlite3 -batch $mode.db "SELECT k, length(v) FROM t ORDER BY k" | sha256sum
		done
		rm *.db* && ls`)
}

// The build cache, the temporary files and the program lie on the mount too.
func TestPrograms_GoBuild(t *testing.T) {
	samePrograms(t, filesystems(), 3*time.Minute, `
		mkdir -p $D/m/inner $D/tmp && cd $D/m
		export GOCACHE=$D/cache GOTMPDIR=$D/tmp GOFLAGS=-mod=mod GOPROXY=off GOWORK=off GOENV=off CGO_ENABLED=0 GOPATH=$D/gopath GOTOOLCHAIN=local GOTELEMETRY=off
		printf 'module example.test/m\n\ngo 1.24\n' > go.mod
		printf 'package inner\n\nimport "strings"\n\nfunc Shout(s string) string { return strings.ToUpper(s) }\n' > inner/inner.go
		printf 'package main\n\nimport (\n\t"os"\n\n\t"example.test/m/inner"\n)\n\nfunc main() { os.Stdout.WriteString(inner.Shout("built here\\n")) }\n' > main.go
		go build -trimpath -buildvcs=false -ldflags=-buildid= -o prog . && ./prog && sha256sum < prog
		echo '// changed' >> inner/inner.go && go build -trimpath -buildvcs=false -ldflags=-buildid= -o prog2 . && ./prog2
		go clean -cache && chmod -R u+w . && rm -r prog prog2 inner && ls`)
}

// A mix of everything at once, by several users of one mount.
func TestPrograms_AtTheSameTime(t *testing.T) {
	need(t, "tar", "rsync")
	src := newDir(t)
	script{dir: src, text: treeScript}.must(t)
	eachFilesystem(t, filesystems(), 2*time.Minute, func(t *testing.T, dir string) {
		if err := os.Chmod(dir, 0o1777); err != nil {
			t.Fatal(err)
		}
		work := []script{
			{text: `rsync -a $SRC/tree/sub/ $D/r1/ && rsync -a --checksum -n -i $D/r1/ $SRC/tree/sub/ && diff -r $D/r1 $SRC/tree/sub`},
			{text: `mkdir $D/t1 && tar -C $SRC -cf - tree | tar -C $D/t1 -xpf - && tar -C $D/t1 -cf - tree | tar -C $SRC --compare -f -`},
			{text: `mkdir $D/u1 && cp -r $SRC/tree/sub/file*.txt $D/u1 && cat $D/u1/*.txt | sha256sum | cmp - <(cat $SRC/tree/sub/file*.txt | sha256sum)`, uid: 65534},
			{text: `mkdir $D/u2 && for i in $(seq 1 300); do echo $i > $D/u2/a; mv $D/u2/a $D/u2/b$((i % 7)); done; [ $(ls $D/u2 | wc -l) = 7 ]`, uid: 65533},
			{text: `for i in $(seq 1 60); do ls -lR $D >/dev/null 2>&1 || true; find $D -type f -newer /etc/hostname >/dev/null 2>&1 || true; done`},
		}
		var wg sync.WaitGroup
		for _, s := range work {
			wg.Add(1)
			go func() {
				defer wg.Done()
				s.dir, s.env, s.timeout = dir, []string{"SRC=" + src}, 90*time.Second
				if _, err := s.run(); err != nil {
					t.Error(err)
				}
			}()
		}
		wg.Wait()
	})
}
