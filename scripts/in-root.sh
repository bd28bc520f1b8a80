#!/bin/bash
# Runs a command in the root directory of a Debian release, where this checkout is the working directory:
#
#   in-root.sh [-p "PACKAGE..."] SUITE COMMAND [ARGUMENT...]
#
# A root that is not there yet is made by debootstrap in $COMPAT_ROOTS, and stays. Packages that are missing in it are
# installed; one with an architecture in its name (libfuse3-dev:arm64) makes that one known, too. Go and its modules are those of
# the machine, and so is /dev. All of it happens in a mount and a process namespace of its own: when the command is over, the mounts and
# the processes are gone, whatever went wrong.
set -euo pipefail

roots=${COMPAT_ROOTS:-$HOME/.cache/go-libfuse3/roots}
mirror=${COMPAT_MIRROR:-} # debootstrap's own choice
patience=${COMPAT_PATIENCE:-30m} # for making a root, and for installing packages
passed_on=(TESTFLAGS FUSE_TEST_REQUIRE FUZZTIME STRESS_TIME)
source=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

die() {
	echo "in-root: $*" >&2
	exit 1
}

# forget_fuse unmounts the FUSE filesystems of others in this namespace. They would live on in it.
forget_fuse() {
	local type point
	while read -r _ point type _; do
		case $type in fuse | fuse.* | fuseblk) umount -l "$(printf %b "$point")" || true ;; esac
	done </proc/self/mounts
}

# bootstrap SUITE DIR makes a root, in the new namespaces. It takes a minute or two, and half a gigabyte. Should it run away, as it has once, with
# a sort that filled the disk, it hits a limit.
bootstrap() {
	local suite=$1 root=$2 scripts=/usr/share/debootstrap
	forget_fuse
	mount -t tmpfs -o size=512m tmpfs /tmp
	ulimit -f $((2 * 1024 * 1024)) # KiB
	if [ ! -e "$scripts/scripts/$suite" ]; then # a release newer than this debootstrap
		DEBOOTSTRAP_DIR=$(mktemp -d)
		cp -r "$scripts/." "$DEBOOTSTRAP_DIR"
		ln -s sid "$DEBOOTSTRAP_DIR/scripts/$suite"
		export DEBOOTSTRAP_DIR
	fi
	# The least that has apt, which installs the rest: debootstrap knows nothing of virtual packages.
	exec timeout "$patience" debootstrap --variant=minbase "$suite" "$root" ${mirror:+"$mirror"}
}

make_root() {
	local suite=$1 root=$2
	command -v debootstrap >/dev/null || die "$root: not there, and there is no debootstrap to make it with"
	mkdir -p "$roots"
	rm -rf --one-file-system "$root.new" # what an earlier try has left
	echo "in-root: making $root" >&2
	in_namespaces --bootstrap "$suite" "$root.new" >"$root.log" 2>&1 || die "$suite: debootstrap failed: see $root.log"
	sed -i 'p; s/^deb /deb-src /' "$root.new/etc/apt/sources.list"
	echo 'Acquire::Check-Valid-Until "false";' >"$root.new/etc/apt/apt.conf.d/in-root" # a mirror of testing may be some weeks behind
	mv "$root.new" "$root"
}

# packages_missing prints those that are not installed, for this architecture or for the one that is named.
packages_missing() {
	local p arch
	for p; do
		arch=$(dpkg --print-architecture)
		case $p in *:*) arch=${p#*:} ;; esac
		dpkg-query -W -f '${Architecture} ${db:Status-Status}\n' "${p%%:*}" 2>/dev/null | grep -qE "^($arch|all) installed\$" || echo "$p"
	done
}

# install runs in the root.
install() {
	local p missing
	mapfile -t missing < <(packages_missing "$@")
	[ ${#missing[@]} -gt 0 ] || return 0
	echo "in-root: installing ${missing[*]}" >&2
	for p in "${missing[@]}"; do
		case $p in *:*) dpkg --add-architecture "${p#*:}" ;; esac
	done
	export DEBIAN_FRONTEND=noninteractive
	{ timeout "$patience" apt-get update -q && timeout "$patience" apt-get install -q -y --no-install-recommends "${missing[@]}"; } >/var/log/in-root.log 2>&1 || {
		tail -n 20 /var/log/in-root.log >&2
		die "installing failed: ${missing[*]}"
	}
}

# enter ROOT runs in the new namespaces: it binds what the command needs into the root, and makes it the root of all.
enter() {
	local root=$1 dir
	for dir in work go gomod cache; do mkdir -p "$root/compat/$dir"; done # cache stays: the root's own build cache
	[ -e "$root/etc/mtab" ] || ln -sf ../proc/self/mounts "$root/etc/mtab" # fusermount3 reads it
	cat /etc/resolv.conf >"$root/etc/resolv.conf"
	mount --bind "$root" "$root" # pivot_root wants a mount, and so do the tests
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
}

run() {
	local packages=$1 vars v
	shift
	vars=(PATH=/compat/go/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8
		GOMODCACHE=/compat/gomod GOCACHE=/compat/cache GOTOOLCHAIN=local GOPROXY=off GOFLAGS=-buildvcs=false)
	for v in "${passed_on[@]}"; do
		if [ -n "${!v+set}" ]; then vars+=("$v=${!v}"); fi
	done
	PATH=/usr/sbin:/usr/bin:/sbin:/bin
	# shellcheck disable=SC2086 # a list of words
	install $packages
	exec env -i "${vars[@]}" "$@"
}

# in_namespaces runs a part of this script in namespaces of its own. All that runs there ends with unshare, which of signals heeds SIGKILL alone.
in_namespaces() {
	unshare --mount --pid --fork --kill-child "${BASH_SOURCE[0]}" "$@" <&0 &
	# shellcheck disable=SC2064 # this process
	trap "kill -KILL $!" INT TERM HUP
	wait $!
}

case ${1:-} in
--bootstrap) bootstrap "$2" "$3" ;;
--enter)
	enter "$2"
	run "${@:3}"
	;;
esac

packages=
if [ "${1:-}" = -p ]; then
	packages=$2
	shift 2
fi
[ $# -ge 2 ] || die 'usage: in-root.sh [-p "PACKAGE..."] SUITE COMMAND [ARGUMENT...]'
[ "$(id -u)" = 0 ] || die "needs root (mount, chroot)"
suite=$1
shift
for mod in "$source" "$source"/test/*/ "$source"/examples/*/; do # no module is downloaded in the root
	if [ -e "$mod/go.mod" ]; then (cd "$mod" && go mod download); fi
done
[ -d "$roots/$suite/usr" ] || make_root "$suite" "$roots/$suite"
in_namespaces --enter "$roots/$suite" "$packages" "$@"
