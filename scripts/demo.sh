#!/bin/bash
# Mounts examples/memfs_ll, a filesystem written in Go, in a temporary directory, and shows it in use. Then examples/remotesync: a filesystem whose data
# changes behind the kernel's back.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source=$PWD
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null LC_ALL=C # the same for everyone

dir=$(mktemp -d "${TMPDIR:-/tmp}/go-libfuse3-demo-XXXXXX")
cleanup() {
	cd /
	local mnt
	for mnt in "$dir/mnt" "$dir/remote"; do
		if mountpoint -q "$mnt"; then
			fusermount3 -u -z "$mnt" || true
		fi
		# rmdir, not rm -r, for the mountpoint: were it still mounted, nothing in it would be harmed.
		if [ -d "$mnt" ]; then rmdir "$mnt"; fi
	done
	rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 1' INT TERM HUP

say() { printf '\n# %s\n' "$*"; }

# show prints a command as a shell would, and runs it. No command may hang the demo.
show() {
	printf '$ %s\n' "$1"
	timeout "${2:-60}" bash -euo pipefail -c "$1"
}

# fails is show for a command that must fail.
fails() {
	if show "$@" 2>&1; then
		echo "demo: that should have failed" >&2
		exit 1
	fi
}

# running says whether a filesystem's process is there.
running() {
	local exe
	for exe in /proc/[0-9]*/exe; do
		if [ "$(readlink "$exe")" = "$dir/$1" ]; then return 0; fi
	done
	return 1
}

# ended waits for a filesystem's process to end.
ended() {
	local deadline=$((SECONDS + 10))
	while running "$1"; do
		if [ "$SECONDS" -ge "$deadline" ]; then
			echo "demo: $1 still runs" >&2
			exit 1
		fi
		sleep 0.1
	done
}

# remote says something to remotesync, and prints its answer.
remote() {
	local answer
	echo "$1" >&"${remotesync[1]}"
	read -r -t 20 answer <&"${remotesync[0]}"
	printf '> %-32s %s\n' "$1" "$answer"
}

say "Build the filesystem and mount it: 64 MB in memory, served by a Go program over libfuse $(pkg-config --modversion fuse3)."
show "cd '$source' && go build -o '$dir/memfs_ll' ./examples/memfs_ll" 600
mkdir "$dir/mnt"
cd "$dir"
show './memfs_ll -o size=64m,fsname=demo mnt' || {
	echo "demo: mounting failed; in a container it takes --device /dev/fuse --cap-add SYS_ADMIN" >&2
	exit 1
}
show 'grep "^demo " /proc/mounts'
show 'df -h mnt'

say "Files and directories."
show "cp -r '$source/lowlevel' mnt/src"
show 'ls -l mnt/src | sed -n 1,5p'
show "diff -r '$source/lowlevel' mnt/src && echo no difference"
show 'echo "Hello from Go" > mnt/greeting && cat mnt/greeting'

say "Links, modes, times, renames."
show 'cd mnt && ln greeting hard && ln -s greeting soft && chmod 640 greeting && touch -d 2001-02-03 greeting'
show 'cd mnt && stat -c "%A %h %s %y %N" greeting hard soft'
show 'mkdir mnt/old && mv mnt/hard mnt/old/ && mv mnt/old mnt/new && ls mnt/new'

say "A sparse file, and what happens when the space is used up."
show 'truncate -s 1T mnt/sparse && echo end >> mnt/sparse && ls -lh mnt/sparse && du -h mnt/sparse'
fails 'head -c 100M /dev/zero > mnt/big'
show 'rm mnt/big mnt/sparse && df -h mnt'

say "Programs at work in it: git, and Go's compiler (which maps files into memory)."
show 'git init -q mnt/repo && cp mnt/src/*.go mnt/repo && git -C mnt/repo add . && git -C mnt/repo -c user.name=demo -c user.email=demo@localhost commit -q -m "First commit"'
show 'git -C mnt/repo fsck --strict && git -C mnt/repo log --oneline --stat | tail -n 1'
cat >mnt/hello.go <<'EOF'
package main

import "fmt"

func main() { fmt.Println("compiled and run on a filesystem written in Go") }
EOF
show 'go build -o mnt/hello mnt/hello.go && mnt/hello' 300

say "Unmount: the program ends, and everything in memory with it."
show 'fusermount3 -u mnt && ls -A mnt | wc -l'
ended memfs_ll

say "Another filesystem: its data is elsewhere, and the kernel may keep what it has read for an hour."
show "cd '$source' && go build -o '$dir/remotesync' ./examples/remotesync" 600
mkdir "$dir/remote"
coproc remotesync { exec ./remotesync -f --commands remote; }
remote 'write hello first'
remote tell
show 'cat remote/hello'
remote requests
show 'cat remote/hello'
remote requests

say "The data changes there. The kernel does not know, and asks nothing."
remote 'write hello second'
show 'cat remote/hello'
remote requests

say "Now it is told: the new data is stored in its cache. Only the attributes are asked for."
remote tell
show 'cat remote/hello'
remote requests

say "The file gets shorter: what the kernel has is invalidated. The next read asks for attributes and data."
remote 'write hello 3rd'
remote tell
show 'cat remote/hello'
remote requests
show 'fusermount3 -u remote'
ended remotesync
echo
echo "make demo: done"
