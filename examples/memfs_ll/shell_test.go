package main

// shellTests are scripts that use a mount like anybody would, and what they must print. Each runs in an empty directory.
var shellTests = []struct{ name, script, want string }{
	{"copy", `
		head -c 3000000 /dev/urandom >a
		cp a b; cp -a a c; mv c d
		cmp a b; cmp a d
		cat a >>b; stat -c %s b
		head -c 10 a >>a; tail -c 10 a | cmp - <(head -c 10 a)
		echo short >a; cat a`, `
6000000
short`},
	{"links", `
		echo x >a; ln a b; ln -s a c; ln -s none d
		stat -c '%h %s' a; readlink c d
		rm a; cat b; stat -c %h b
		cat c 2>/dev/null || echo dangling
		ln b . 2>/dev/null || echo exists`, `
2 2
a
none
x
1
dangling
exists`},
	{"special", `
		mkfifo p; mknod c c 1 3; mknod b b 7 300; client socket s
		stat -c '%F %t %T %h' p c b s
		(echo through >p &); cat p
		rm p c b s; ls`, `
fifo 0 0 1
character special file 1 3 1
block special file 7 12c 1
socket 0 0 1
through`},
	{"xattr", `
		touch f; mkdir d
		setfattr -n user.a -v 1 f; setfattr -n user.b -v "" f; setfattr -n trusted.t -v 2 f; setfattr -n security.s -v 3 d
		getfattr -d -m - f d
		setfattr -x user.a f; getfattr -d f
		{ getfattr -n user.a f 2>&1 || true; } | sed 's/.*: //'
		setfattr -n user.big -v $(head -c 65000 /dev/zero | tr '\0' x) f; getfattr --only-values -n user.big f | wc -c
		{ setfattr -n other.x -v 1 f 2>&1 || true; } | sed 's/.*: //'`, `
# file: f
trusted.t="2"
user.a="1"
user.b=""

# file: d
security.s="3"

# file: f
user.b=""

No such attribute
65000
Operation not supported`},
	{"sparse", `
		truncate -s 100M s; stat -c '%s %b' s
		printf data | dd of=s bs=1 seek=50000000 conv=notrunc status=none
		stat -c '%s %b' s
		client extents s
		cp --sparse=always s t; cmp s t; client extents t
		truncate -s 40000000 s; stat -c '%s %b' s
		truncate -s 100M s; tail -c 62M s | tr -d '\0' | wc -c
		dd if=/dev/zero of=h bs=4096 count=1 seek=3 status=none; client extents h`, `
104857600 0
104857600 8
49999872-50003968
49999872-50003968
40000000 0
0
12288-16384`},
	{"fallocate", `
		fallocate -l 1M f; stat -c '%s %b' f
		fallocate -n -l 2M f; stat -c '%s %b' f
		head -c 64k /dev/zero | tr '\0' x | dd of=f conv=notrunc status=none
		fallocate -p -o 5000 -l 20000 f; stat -c '%s %b' f; tr -d '\0' <f | wc -c
		fallocate -z -o 40000 -l 1000 f; tr -d '\0' <f | wc -c
		client extents f
		fallocate -c -o 0 -l 4096 f 2>/dev/null || echo no collapse
		fallocate -i -o 0 -l 4096 f 2>/dev/null || echo no insert`, `
1048576 2048
1048576 4096
1048576 4064
45536
44536
0-8192
24576-65536
no collapse
no insert`},
	{"copyrange", `
		seq 100000 >a
		client copy-range a 100 b 0 10; client copy-range a 0 b 10 1000000; client copy-range a 600000 b 0 5
		cmp <(head -c 110 a | tail -c 10; cat a) b
		client copy-range a 0 a 1000000 588895; tail -c +1000001 a | cmp - <(seq 100000)`, `
10
588895
0
588895`},
	{"rename", `
		echo 1 >a; echo 2 >b; mkdir d e; echo 3 >d/x
		client rename a b noreplace || true
		client rename a b exchange; cat a b
		client rename a d exchange; cat d a/x
		client rename d c noreplace; cat c
		client rename c none exchange || true
		client rename c w whiteout || true
		client rename e a "" || true
		client rename a e ""; ls -F . e
		client rename e e/x "" || true
		client rename c e "" || true
		client rename e c "" || true
		mv c b; cat b; ls`, `
renameat2: file exists
2
1
2
3
2
renameat2: no such file or directory
renameat2: invalid argument
renameat2: directory not empty
.:
b
c
e/

e:
x
renameat2: invalid argument
renameat2: is a directory
renameat2: not a directory
2
b
e`},
	{"unlinked", `
		echo hello >f; exec 3>>f 4<f
		rm f; ls
		echo more >&3; stat -L -c '%h %s' /proc/self/fd/3; cat <&4
		mkdir d; cd d; rmdir ../d
		touch x 2>/dev/null || echo no more files
		ls -a | wc -l; stat -c %h .`, `
0 11
hello
more
no more files
0
0`},
	{"owner", `
		chmod 777 .
		mkdir s; chgrp 5 s; chmod 2777 s
		setpriv --reuid 1000 --regid 1000 --clear-groups bash -c 'umask 27; touch f s/f; mkdir d s/d; ln -s f l'
		stat -c '%u %g %a' f d l s/f s/d
		touch x; chmod 6755 x; chown 1000 x; stat -c %a x
		chmod 6755 x; setpriv --reuid 1000 --regid 1000 --clear-groups bash -c 'echo >>x'; stat -c %a x
		chgrp 5 x; setpriv --reuid 1000 --regid 1000 --clear-groups chmod 2755 x; stat -c %a x
		setpriv --reuid 1000 --regid 1000 --groups 5 chmod 2755 x; stat -c %a x
		setpriv --reuid 1000 --regid 1000 --clear-groups chmod 700 s 2>/dev/null || echo not allowed`, `
1000 1000 640
1000 1000 750
1000 1000 777
1000 5 640
1000 5 2750
755
755
755
2755
not allowed`},
	{"times", `
		touch -d @1 a; touch -a -d @1000000000.123456789 a; touch -m -d '1960-01-01 UTC' a
		stat -c '%.9X %Y' a
		cp -p a d; stat -c '%.9X %Y' d
		echo >>a; [ $(stat -c %Y a) -gt 1000000000 ]
		touch -d @1 .; touch x; [ $(stat -c %Y .) -gt 1000000000 ]
		touch -d @1 .; rm x; [ $(stat -c %Y .) -gt 1000000000 ]
		touch -d @5 a; cat a >/dev/null; touch -r a e; stat -c %Y e`, `
1000000000.123456789 -315619200
1000000000.123456789 -315619200
5`},
	{"tar", `
		mkdir -p src/sub/dir dst
		seq 10000 >src/numbers; : >src/empty; head -c 200000 /dev/urandom >src/sub/random
		ln src/numbers src/sub/hard; ln -s ../numbers src/sub/soft; mkfifo src/pipe; truncate -s 10M src/sparse; echo >>src/sparse
		chmod 4711 src/empty; chmod 1777 src/sub; setfattr -n user.x -v y src/sub/random; touch -d @12345 src/numbers
		tar -C src -cf t.tar --sparse --xattrs .
		tar -C dst -xpf t.tar --xattrs
		tar -C dst -df t.tar
		diff <(cd src; find . -printf '%p %y %m %s %n %U %G %t %l\n' | sort) <(cd dst; find . -printf '%p %y %m %s %n %U %G %t %l\n' | sort)
		getfattr --only-values -n user.x dst/sub/random; echo; stat -c %h dst/numbers`, `
y
2`},
	{"mmap", `
		head -c 20000 /dev/zero >f; touch -d @5 f
		client mmap f 10000; tr -d '\0' <f; echo
		[ $(stat -c %Y f) -gt 5 ] && echo modified`, `
M
modified`},
	{"direct", `
		head -c 1000000 /dev/urandom >a
		dd if=a of=b bs=64k oflag=direct iflag=direct status=none; cmp a b
		dd if=b bs=64k iflag=direct status=none | cmp - a; stat -c %s b`, `
1000000`},
	{"many", `
		touch {1..3000}; ls | wc -l; ls -l | wc -l; find . -type f | wc -l
		client seekdir .
		find . -name '*7*' -delete; ls -U | sort -u | grep -c 7 || true
		rm -rf ./*; ls -A`, `
3000
3001
3000
true 3002 true
0`},
	{"tmpfile", `client tmpfile . t; cat t; echo; stat -c '%h %a' t`, `
tmpfile
1 600`},
	{"git", `
		git() { command git -c gc.auto=0 -c maintenance.auto=false "$@"; } # nothing that goes on in the background
		mkdir r; cd r; git init -q .; git config user.name n; git config user.email e
		for i in {1..50}; do echo $i >f$i; done; git add .; git commit -qm one; git mv f1 g1; git commit -qm two; git gc -q
		cd ..; git clone -q r s; cd s; git log --oneline | wc -l; git fsck 2>/dev/null; git status --short; ls | wc -l`, `
2
50`},
}
