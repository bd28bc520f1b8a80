#!/bin/sh
# Installs what is missing to build, run and test go-libfuse3. Silent and fast when nothing is.
#
#   deps.sh         everything that the tests use
#   deps.sh run     what it takes to build and to mount
#
# POSIX sh, because bash may be among the missing.
set -eu

min_go=1.24
min_fuse=3.14
what=${1:-all}

die() {
	echo "deps: $*" >&2
	exit 1
}

have() { command -v "$1" >/dev/null 2>&1; }

# at_least A B: version A is B or newer.
at_least() {
	[ "$(printf '%s\n%s\n' "$1" "$2" | sort -t. -k1,1n -k2,2n | head -n 1)" = "$2" ] || [ "$1" = "$2" ]
}

check_go() {
	have go || die "go: not found: install Go $min_go or newer (https://go.dev/dl/)"
	version=$(go env GOVERSION)
	version=$(expr "$version" : 'go\([0-9]*\.[0-9]*\)') || version=99.0 # a development version
	at_least "$version" "$min_go" || die "go: this is Go $version, but $min_go or newer is needed (https://go.dev/dl/)"
}

# missing prints a word for each thing that is not there.
missing() {
	have pkg-config || echo pkg-config
	if ! have "$cc"; then
		echo cc
	elif ! echo '#include <stdio.h>' | "$cc" -E - >/dev/null 2>&1; then
		echo libc # minimal images have a compiler without its headers
	fi
	{ have pkg-config && pkg-config --exists fuse3; } || echo libfuse3
	have fusermount3 || echo fusermount3
	[ "$what" = run ] && return
	for cmd in bash g++ git python3 rsync sqlite3 tar setfattr mksquashfs squashfuse_ll; do
		have "$cmd" || echo "$cmd"
	done
	if have apt-get && ! { have pkg-config && pkg-config --exists squashfuse_ll; }; then
		echo libsquashfuse # others have it with or without headers
	fi
	{ have unshare && have setpriv && have findmnt; } || echo util-linux
	if have "$cc" && ! have apk && [ ! -e "$("$cc" -print-file-name=libasan.so)" ]; then
		echo libasan # there is none for musl
	fi
}

# package MANAGER THING prints the names of the packages that have a thing.
package() {
	case $1:$2 in
	apt:cc) echo gcc libc6-dev ;;
	apt:libc) echo libc6-dev ;;
	apt:libfuse3) echo libfuse3-dev ;;
	apt:libasan) echo gcc ;;
	apt:libsquashfuse) echo libsquashfuse-dev ;;
	dnf:cc) echo gcc glibc-devel ;;
	dnf:libc) echo glibc-devel ;;
	dnf:pkg-config) echo pkgconf-pkg-config ;;
	dnf:libfuse3) echo fuse3-devel ;;
	dnf:g++) echo gcc-c++ ;;
	dnf:sqlite3) echo sqlite ;;
	pacman:cc) echo gcc ;;
	pacman:libc) echo glibc ;;
	pacman:pkg-config) echo pkgconf ;;
	pacman:libfuse3) echo fuse3 ;;
	pacman:g++) echo gcc ;;
	pacman:sqlite3) echo sqlite ;;
	pacman:python3) echo python ;;
	pacman:libasan) echo gcc-libs ;;
	apk:cc) echo gcc musl-dev ;;
	apk:libc) echo musl-dev ;;
	apk:pkg-config) echo pkgconf ;;
	apk:libfuse3) echo fuse3-dev ;;
	apk:sqlite3) echo sqlite ;;
	apk:util-linux) echo util-linux setpriv findmnt ;;
	*:fusermount3) echo fuse3 ;;
	*:setfattr) echo attr ;;
	*:mksquashfs) echo squashfs-tools ;;
	*:squashfuse_ll) echo squashfuse ;;
	*) echo "$2" ;;
	esac
}

manager() {
	if have apt-get; then
		echo apt
	elif have dnf; then
		echo dnf
	elif have pacman; then
		echo pacman
	elif have apk; then
		echo apk
	fi
}

# as_root runs a command as root; its output goes to stderr.
as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@" >&2
	else
		sudo -n "$@" >&2
	fi
}

install_packages() {
	case $1 in
	apt)
		shift
		as_root apt-get update -q
		as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "$@"
		;;
	dnf)
		shift
		as_root dnf install -y "$@"
		;;
	pacman)
		shift
		as_root pacman -Sy --needed --noconfirm "$@"
		;;
	apk)
		shift
		as_root apk add "$@"
		;;
	esac
}

check_fuse() {
	version=$(pkg-config --modversion fuse3)
	at_least "$version" "$min_fuse" ||
		die "libfuse: this is libfuse $version, but $min_fuse or newer is needed; a newer distribution has it"
}

check_go
cc=$(go env CC) # what cgo uses
cc=${cc%% *}
things=$(missing | paste -s -d " " -)
if [ -n "$things" ]; then
	pm=$(manager)
	[ -n "$pm" ] || die "missing: $things(and neither apt-get, dnf, pacman nor apk to install it with): install it by hand"
	packages=$(for t in $things; do package "$pm" "$t"; done | tr ' ' '\n' | sort -u | tr '\n' ' ')
	if [ "$(id -u)" != 0 ] && ! { have sudo && sudo -n true 2>/dev/null; }; then
		die "missing: ${things}but this user may not install packages: have root install (with $pm): $packages"
	fi
	echo "deps: missing: ${things}: installing $packages" >&2
	# shellcheck disable=SC2086 # a list of words
	install_packages "$pm" $packages || die "installing failed: $packages"
	things=$(missing | paste -s -d " " -)
	[ -z "$things" ] || die "still missing after installing $packages: $things"
fi
check_fuse
