#!/bin/bash
# Runs the tests in the root directories of other Debian releases, with their libfuse: compat.sh trixie forky
#
# A root that is not there yet is made by debootstrap in $COMPAT_ROOTS. Everything in it happens in a mount and a process
# namespace of its own: when the tests are over, the mounts and the processes are gone with it, whatever went wrong.
set -euo pipefail

roots=${COMPAT_ROOTS:?the directory of the roots}
mirror=${COMPAT_MIRROR:-http://deb.debian.org/debian}
packages=libfuse3-dev,fuse3,pkg-config,gcc,libc6-dev,make,git,ca-certificates,attr,rsync,sqlite3,squashfs-tools,squashfuse
source=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

die() {
	echo "compat: $*" >&2
	exit 1
}

make_root() {
	local suite=$1 root=$2
	command -v debootstrap >/dev/null || die "$root: not there, and there is no debootstrap to make it with"
	mkdir -p "$roots"
	if [ ! -e "/usr/share/debootstrap/scripts/$suite" ]; then # a release newer than this debootstrap
		DEBOOTSTRAP_DIR=$(mktemp -d)
		cp -r /usr/share/debootstrap/. "$DEBOOTSTRAP_DIR"
		ln -s sid "$DEBOOTSTRAP_DIR/scripts/$suite"
		export DEBOOTSTRAP_DIR
	fi
	# Under another name until it is complete.
	debootstrap --variant=minbase --include="$packages" "$suite" "$root.new" "$mirror" || die "$suite: debootstrap failed: remove $root.new"
	mv "$root.new" "$root"
}

# enter ROOT runs in the new namespaces: it binds what the tests need into the root, and makes it the root of all.
enter() {
	local root=$1 dir vars
	vars=(PATH=/compat/go/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8
		GOMODCACHE=/compat/gomod GOCACHE=/compat/cache GOTOOLCHAIN=local GOPROXY=off
		TESTFLAGS="${TESTFLAGS:--count=1 -timeout 10m}" FUSE_TEST_REQUIRE="${FUSE_TEST_REQUIRE:-}")
	for dir in work go gomod cache; do mkdir -p "$root/compat/$dir"; done # cache stays: the root's own build cache
	[ -e "$root/etc/mtab" ] || ln -sf ../proc/self/mounts "$root/etc/mtab" # fusermount3 reads it
	mount --bind "$root" "$root"                                         # pivot_root wants a mount, and so do the tests
	mount --bind "$source" "$root/compat/work"
	mount --bind "$(go env GOROOT)" "$root/compat/go"
	mount --bind "$(go env GOMODCACHE)" "$root/compat/gomod"
	mount --rbind /dev "$root/dev"
	mount --rbind /sys "$root/sys"
	mount -t proc proc "$root/proc"
	cd "$root"
	pivot_root . .
	umount -l . # the old root, which lies over the new one now
	cd /compat/work
	read -ra targets <<<"${COMPAT_TARGETS:-unit integration}"
	exec env -i "${vars[@]}" make --no-print-directory "${targets[@]}"
}

if [ "${1:-}" = --enter ]; then
	enter "$2"
fi

[ "$(id -u)" = 0 ] || die "needs root (chroot, mount)"
[ $# -gt 0 ] || die "usage: compat.sh SUITE..."
for mod in "$source" "$source"/test/*/ "$source"/examples/*/; do # there is no network in the roots
	if [ -e "$mod/go.mod" ]; then (cd "$mod" && go mod download); fi
done
failed=()
for suite in "$@"; do
	root=$roots/$suite
	[ -d "$root/usr" ] || make_root "$suite" "$root"
	version=$(chroot "$root" pkg-config --modversion fuse3)
	echo "=== $suite: libfuse $version"
	unshare --mount --pid --fork --kill-child "$0" --enter "$root" || failed+=("$suite")
done
[ ${#failed[@]} -eq 0 ] || die "failed: ${failed[*]}"
echo "compat: passed: $*"
